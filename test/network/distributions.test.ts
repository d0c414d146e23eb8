import { describe, expect, it } from 'vitest';
import {
  gamma,
  logNormal,
  normal,
  parts,
  uniform,
  type Values,
  valuesOf,
} from '../../src/network/distributions.ts';
import { Draws } from '../../src/random/draws.ts';
import { keyOf, STREAMS } from '../../src/random/philox.ts';

const COUNT = 20_000;
/** Standard errors that a mean may be off: a chance of 6e-5, and the seed is fixed. */
const ERRORS = 4;

function drawn(values: Values, count = COUNT, seed = 1, group = 0): Float64Array {
  const out = valuesOf(values, count, { key: keyOf(seed), stream: STREAMS.parameters, group }, 'x');
  return out as Float64Array;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function expectMean(values: Float64Array, expected: number, deviation: number): void {
  expect(Math.abs(mean(values) - expected)).toBeLessThan((ERRORS * deviation) / Math.sqrt(values.length));
}

describe('distributions', () => {
  // Means and variances in closed form; the fourth central moment gives the error of a variance.
  const cases = [
    { name: 'uniform', values: uniform(-3, 5), mean: 1, variance: 64 / 12, fourth: 8 ** 4 / 80 },
    {
      name: 'normal',
      values: normal({ mean: -2, standardDeviation: 3 }),
      mean: -2,
      variance: 9,
      fourth: 243,
    },
    // Gamma of shape k and scale s: fourth central moment 3 k (k + 2) s^4.
    {
      name: 'gamma',
      values: gamma({ shape: 3, mean: 20 }),
      mean: 20,
      variance: 400 / 3,
      fourth: 45 * (20 / 3) ** 4,
    },
    {
      name: 'gamma of shape below 1',
      values: gamma({ shape: 0.5, mean: 2 }),
      mean: 2,
      variance: 8,
      fourth: 3.75 * 4 ** 4,
    },
  ];

  it.each(cases)('$name has its mean and variance', ({ values, mean: expected, variance, fourth }) => {
    const all = drawn(values);
    expectMean(all, expected, Math.sqrt(variance));
    expectMean(
      all.map((value) => (value - expected) ** 2),
      variance,
      Math.sqrt(fourth - variance ** 2),
    );
  });

  it('log-normal has the mean and deviation of its values, and a normal logarithm', () => {
    const all = drawn(logNormal({ mean: 2, standardDeviation: 1 }));
    expectMean(all, 2, 1);
    // ln x ~ N(ln 2 - s2 / 2, s2), s2 = ln(1 + 1 / 4)
    const variance = Math.log(1.25);
    const logs = all.map(Math.log);
    expectMean(logs, Math.log(2) - variance / 2, Math.sqrt(variance));
    expectMean(
      logs.map((value) => (value - Math.log(2) + variance / 2) ** 2),
      variance,
      variance * Math.SQRT2,
    );
  });

  it('normal draws fall below a quantile as often as they should', () => {
    const all = drawn(normal({ mean: 0, standardDeviation: 1 }));
    for (const [quantile, share] of [
      [-1.6448536, 0.05],
      [0, 0.5],
      [1.2815516, 0.9],
    ] as const) {
      expectMean(
        all.map((value) => (value < quantile ? 1 : 0)),
        share,
        Math.sqrt(share * (1 - share)),
      );
    }
  });

  it('clips to limits', () => {
    const all = drawn(normal({ mean: 0, standardDeviation: 1, low: -0.5, high: 1 }));
    expect(Math.min(...all)).toBe(-0.5);
    expect(Math.max(...all)).toBe(1);
    // The share below -0.5 stands at -0.5: Phi(-0.5).
    const atLow = all.map((value) => (value === -0.5 ? 1 : 0));
    expectMean(atLow, 0.3085375, Math.sqrt(0.3085375 * 0.6914625));
  });

  it('draws a value by its index alone', () => {
    expect(drawn(gamma({ shape: 3, mean: 20 }), 10)).toEqual(
      drawn(gamma({ shape: 3, mean: 20 }), 1000).subarray(0, 10),
    );
    expect(drawn(uniform(0, 1), 10, 1, 0)).not.toEqual(drawn(uniform(0, 1), 10, 1, 1));
    expect(drawn(uniform(0, 1), 10, 1)).not.toEqual(drawn(uniform(0, 1), 10, 2));
  });

  it('gives each part values of its own', () => {
    const all = drawn(parts(7, uniform(0, 1), gamma({ shape: 3, mean: 50 })), 3000);
    expect(all.subarray(0, 1000).every((value) => value === 7)).toBe(true);
    expectMean(all.subarray(1000, 2000), 0.5, 1 / Math.sqrt(12));
    expectMean(all.subarray(2000), 50, 50 / Math.sqrt(3));
    // 10 neurons in 3 parts: 3, 4 and 3.
    expect([...drawn(parts(0, 1, 2), 10)]).toEqual([0, 0, 0, 1, 1, 1, 1, 2, 2, 2]);
  });

  it('takes a number and a list as they are', () => {
    const address = { key: keyOf(1), stream: STREAMS.parameters, group: 0 };
    expect(valuesOf(4, 3, address, 'x')).toBe(4);
    expect(valuesOf([1, 2, 3], 3, address, 'x')).toEqual(Float64Array.of(1, 2, 3));
  });

  it.each([
    [Number.NaN, /tau is NaN: give a finite number/],
    [[1, 2], /tau is a list of 2: give 5 numbers/],
    [[1, 2, Infinity, 4, 5], /tau, entry 2 is Infinity/],
    [uniform(2, 1), /tau: .*"low":2.* needs low at or below high/],
    [normal({ mean: 0, standardDeviation: -1 }), /standardDeviation of at least 0/],
    [normal({ mean: 0, standardDeviation: 1, low: 1, high: 0 }), /low at or below high/],
    [gamma({ shape: 0, mean: 1 }), /a shape and a mean above 0/],
    [logNormal({ mean: -1, standardDeviation: 1 }), /a mean above 0/],
    [{ distribution: 'beta' } as never, /no distribution "beta": use uniform/],
    [parts(1, [1, 2, 3, 4]), /tau, part 1 is a list of 4: give/],
    [parts(), /tau has no parts/],
  ] as const)('refuses %j', (values, message) => {
    const address = { key: keyOf(1), stream: STREAMS.parameters, group: 0 };
    expect(() => valuesOf(values, 5, address, 'tau')).toThrow(message);
  });
});

describe('draws', () => {
  it('below a number are equally likely', () => {
    const draws = new Draws(keyOf(3), STREAMS.connectivity).at(0, 0);
    const counts = new Float64Array(7);
    for (let i = 0; i < 70_000; i++) {
      const value = draws.below(7);
      counts[value] = (counts[value] as number) + 1;
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    // 6 degrees of freedom: 22.5 at a chance of 1e-3.
    expect(chiSquare).toBeLessThan(22.5);
    expect(() => draws.below(2 ** 22)).toThrow(RangeError);
    expect(() => draws.below(0)).toThrow(RangeError);
  });

  it('are the words of Philox at an address, from its start', () => {
    const draws = new Draws(keyOf(3), STREAMS.connectivity);
    const first = [1, 2, 3, 4, 5, 6].map(() => draws.at(8, 9) && draws.word());
    expect(new Set(first).size).toBe(1);
    draws.at(8, 9);
    const sequence = [1, 2, 3, 4, 5, 6].map(() => draws.word());
    expect(sequence[0]).toBe(first[0]);
    expect(new Set(sequence).size).toBe(6);
  });
});
