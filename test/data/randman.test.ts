import { describe, expect, it } from 'vitest';
import { randman, randmanCoordinate, randmanTerms } from '../../src/data/randman.ts';

describe('randman', () => {
  // Values computed with the authors' program (default backend) and from the paper's formula.
  const coefficient = (e: number, d: number, q: number, k: number) =>
    ((1 + 997 * e + 101 * d + 31 * q + k) * 0.6180339887498949) % 1;
  it.each([
    ['code', [0, 0], [0.000626981770752, -0.007458817224158]],
    ['code', [0.25, 0.5], [0.013173090448188, 0.009727948319004]],
    ['code', [0.9, 0.1], [0.003876920079503, 0.022956426202539]],
    ['paper', [0, 0], [-0.007626447053618, 0.038631859658338]],
    ['paper', [0.25, 0.5], [-0.029443944397669, -0.059983256446891]],
    ['paper', [0.9, 0.1], [-0.065193255786233, -0.021107633095978]],
  ] as const)('has the points of the form %s at %j', (form, x, expected) => {
    for (const [e, value] of expected.entries()) {
      const coefficients = Float64Array.from({ length: 2 * 3 * 32 }, (_, place) =>
        coefficient(e, Math.floor(place / 96), Math.floor(place / 32) % 3, place % 32),
      );
      expect(randmanCoordinate({ coefficients, alpha: 2, terms: 32, form })(x)).toBeCloseTo(value, 12);
    }
  });

  it('sums as many terms as the authors do', () => {
    expect([3, 2, 1, 0.5].map(randmanTerms)).toEqual([10, 32, 1000, 1000]);
  });

  it('spikes once for each input and sample', () => {
    const data = randman({ classes: 3, samplesPerClass: 20, inputs: 7, alpha: 2, steps: 30, seed: 4 });
    expect(data.labels.length).toBe(60);
    expect(data.events.length).toBe(60 * 7);
    for (let sample = 0; sample < 60; sample++) {
      const from = data.offsets[sample * 31] as number;
      expect(data.offsets[sample * 31 + 30]).toBe(from + 7);
      expect([...data.events.subarray(from, from + 7)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }
    // Each coordinate fills the steps: the first and the last are used in each class.
    const steps = Array.from({ length: 30 }, (_, t) =>
      Array.from(
        { length: 20 },
        (_, s) => (data.offsets[s * 31 + t + 1] as number) - (data.offsets[s * 31 + t] as number),
      ),
    );
    expect(steps[0]?.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(7);
    expect(steps[29]?.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(7);
  });

  it('is the same for a seed, another for another', () => {
    const of = (seed: number) =>
      randman({ classes: 2, samplesPerClass: 5, inputs: 4, steps: 20, seed }).offsets;
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it('refuses what makes no manifold', () => {
    expect(() => randman({ classes: 0, seed: 1 })).toThrow(/classes is 0: give a whole number/);
    expect(() => randman({ alpha: 0, seed: 1 })).toThrow(/alpha is 0/);
  });
});
