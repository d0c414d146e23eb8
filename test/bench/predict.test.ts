import { describe, expect, it } from 'vitest';
import { CARDS, cardOf, REACHED } from '../../src/bench/cards.ts';
import { predictFrom, predictOn, roofsOfCard } from '../../src/bench/predict.ts';
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
    const bound = (1000 * 32e6) / (3350e9 * REACHED.memory);
    expect(kernel?.bound).toEqual({ by: 'memory', milliseconds: bound });
    expect(kernel?.likelyMs).toBeCloseTo(2 * bound, 10);
  });

  it('needs kernels with costs', () => {
    expect(() => predictFrom(reportOf({ a: [1] }), ROOFS)).toThrow(/has no kernels with costs/);
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
