import { describe, expect, it } from 'vitest';
import { CARDS, cardOf, REACHED } from '../../src/bench/cards.ts';
import {
  boundWithLaunches,
  checkSizes,
  predictFrom,
  predictOn,
  roofsOfCard,
  timeAtSize,
} from '../../src/bench/predict.ts';
import { boundOf } from '../../src/bench/roofs.ts';
import {
  MEMORY,
  roofCopyCost,
  roofGatherCost,
  roofMultiplyAddCost,
  roofReadCost,
} from '../../src/kernels/costs.ts';
import { ROOFS, reportOf } from './results.ts';

describe('the bound of a launch', () => {
  it('is what its roof asks for, whichever that is', () => {
    expect(boundOf(roofCopyCost(1e6), 1, ROOFS)).toEqual({ by: 'memory', milliseconds: 3.2 });
    expect(boundOf(roofReadCost(10, 1000, 100), 1, ROOFS).by).toBe('cache');
    expect(boundOf(roofReadCost(10, 1000, 100), 1, ROOFS).milliseconds).toBeCloseTo(0.16, 10);
    expect(boundOf(roofGatherCost(1e6, 1, 65_536), 1, ROOFS)).toEqual({
      by: 'scattered access',
      milliseconds: 1,
    });
    expect(boundOf(roofGatherCost(1e6, 1, 2 ** 30), 1, ROOFS).milliseconds).toBeCloseTo(20, 10);
    // 32 multiply-adds are 64 flops.
    expect(boundOf(roofMultiplyAddCost(1e6, 100), 1, ROOFS)).toEqual({ by: 'arithmetic', milliseconds: 32 });
    expect(boundOf(roofCopyCost(1), 50, ROOFS)).toEqual({ by: 'launches', milliseconds: 0.5 });
  });
});

describe('a prediction', () => {
  const cost = roofCopyCost(1e6);
  const report = {
    ...reportOf({}),
    cases: [
      {
        suite: 'kernels',
        name: 'copy',
        work: '',
        unit: 'one',
        msPerUnit: { median: 6.4, low: 6.4, high: 6.4, deviation: 0, repetitions: 1 },
        kernels: [
          {
            kernel: 'roof_copy',
            launches: 1,
            milliseconds: { median: 6.4, low: 6.4, high: 6.4, deviation: 0, repetitions: 1 },
            cost,
            bound: { by: 'memory' as const, milliseconds: 3.2 },
            share: 0.5,
          },
        ],
      },
    ],
  };

  it('is what was measured, under the roofs of the same device', () => {
    const [kernel] = predictFrom(report, ROOFS);
    expect(kernel?.likelyMs).toBeCloseTo(6.4, 10);
  });

  it('scales with the bandwidth of a card, and keeps the share of the roof', () => {
    const [kernel] = predictOn(cardOf('h100'), report).kernels;
    const bound = (1000 * 32e6) / (3350e9 * REACHED.memory) + 0.0025;
    expect(kernel?.bound.by).toBe('memory');
    expect(kernel?.bound.milliseconds).toBeCloseTo(bound, 10);
    // 3.2 ms of copying and 10 µs of a launch were allowed where it took 6.4 ms.
    expect(kernel?.likelyMs).toBeCloseTo((bound * 6.4) / 3.21, 10);
  });

  it('needs kernels with costs', () => {
    expect(() => predictFrom(reportOf({ a: [1] }), ROOFS)).toThrow(/has no kernels with costs/);
  });
});

describe('the bound with launches', () => {
  it('adds what launches take to the highest roof of the work', () => {
    expect(boundWithLaunches(roofCopyCost(1e6), 100, ROOFS)).toEqual({ by: 'memory', milliseconds: 4.2 });
    expect(boundWithLaunches(roofCopyCost(1e4), 100, ROOFS)).toEqual({ by: 'launches', milliseconds: 1.032 });
  });
});

describe('the time at another size', () => {
  it('is the same share of the bound, from one size', () => {
    expect(timeAtSize(30, [{ boundMs: 10, milliseconds: 25 }])).toBeCloseTo(75, 10);
    expect(timeAtSize(30, [])).toBeUndefined();
  });

  it('follows a power law through several sizes, between them and beyond, to some per cent', () => {
    const sizes = [1, 4, 9].map((boundMs) => ({ boundMs, milliseconds: 7 * boundMs ** 0.8 }));
    for (const boundMs of [2, 6, 20]) {
      const ratio = (timeAtSize(boundMs, sizes) ?? 0) / (7 * boundMs ** 0.8);
      expect(Math.abs(ratio - 1)).toBeLessThan(0.05);
    }
  });

  it('takes no slope from sizes that are nearly alike', () => {
    const noisy = [10, 10.1].map((boundMs, index) => ({ boundMs, milliseconds: [30, 36][index] ?? 0 }));
    expect((timeAtSize(20, noisy) ?? 0) / 66).toBeCloseTo(1, 1);
  });

  it('grows with the work, but not much faster, whatever noise says', () => {
    const falling = [1, 4].map((boundMs) => ({ boundMs, milliseconds: 8 / boundMs }));
    expect(timeAtSize(8, falling)).toBeCloseTo(4 * 4 ** 0.5, 10);
    const steep = [1, 4].map((boundMs) => ({ boundMs, milliseconds: boundMs ** 3 }));
    expect(timeAtSize(8, steep)).toBeCloseTo(8 * 4 ** 1.15, 10);
  });

  it('of a case comes from the other sizes of its kind alone', () => {
    const spread = (ms: number) => ({ median: ms, low: ms, high: ms, deviation: 0, repetitions: 1 });
    /** Of a kernel that takes three times its bound in cases of one kind, ten times in those of another. */
    const caseOf = (name: string, kind: string | undefined, elements: number, times: number) => {
      const cost = roofCopyCost(elements);
      const { milliseconds } = boundWithLaunches(cost, 1, ROOFS);
      const kernels = [
        { kernel: 'roof_copy', launches: 1, milliseconds: spread(times * milliseconds), cost },
      ];
      const which = { suite: 'kernels', name, ...(kind === undefined ? {} : { kind }) };
      return { ...which, work: '', unit: '', msPerUnit: spread(1), kernels };
    };
    const cases = [
      caseOf('a1', 'a', 1e5, 3),
      caseOf('a2', 'a', 1e6, 3),
      caseOf('a3', 'a', 1e7, 3),
      caseOf('b1', 'b', 1e5, 10),
      caseOf('b2', 'b', 1e6, 10),
      // As in reports from before there were kinds, and a kind with a single size.
      caseOf('old', undefined, 1e6, 50),
      caseOf('c', 'c', 1e6, 20),
    ];
    const checks = checkSizes({ ...reportOf({}), cases });
    expect(checks.map(({ case: name, others }) => [name, others])).toEqual([
      ...[
        ['a1', 2],
        ['a2', 2],
        ['a3', 2],
        ['b1', 1],
        ['b2', 1],
      ],
    ]);
    for (const { measuredMs, predictedMs } of checks) expect(predictedMs / measuredMs).toBeCloseTo(1, 10);
  });
});

describe('cards', () => {
  it.each(CARDS)('$name has sources, and caches faster than its memory', (card) => {
    expect(card.sources.length).toBeGreaterThan(1);
    const roofs = roofsOfCard(card);
    expect(roofs.reads[0]?.bytesPerSecond).toBeGreaterThan(roofs.copyBytesPerSecond);
    expect(roofs.gathers.at(-1)?.withinBytes).toBeGreaterThanOrEqual(MEMORY);
  });

  it('that are not known are refused with those that are', () => {
    expect(() => cardOf('h200')).toThrow(/no card "h200": give some of h100, a100, 4090, m3-max/);
  });
});
