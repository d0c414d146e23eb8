import { describe, expect, it } from 'vitest';
import { bilog, copula, normalQuantile, scaleBySize, standardize } from '../../src/search/transforms.ts';

describe('the normal quantile', () => {
  // Abramowitz and Stegun, table 26.5, and Wichura's own checks of AS 241.
  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.25, -0.6744897501960817],
    [0.001, -3.090232306167813],
    [1e-20, -9.26234008979841],
  ])('at %f', (p, expected) => {
    expect(normalQuantile(p)).toBeCloseTo(expected, 12);
  });
});

describe('the Gaussian copula', () => {
  it('depends on ranks only, and spreads the extremes', () => {
    expect(copula([1, 2, 3, 4, 1e9])).toEqual(copula([0.1, 0.2, 0.3, 0.4, 0.5]));
    const scores = copula([5, 1, 3]);
    expect(scores[2]).toBeCloseTo(0, 12);
    expect(scores[0]).toBeCloseTo(normalQuantile(5 / 6), 12);
    expect(scores[1]).toBeCloseTo(-(scores[0] as number), 12);
  });

  it('gives ties one score, so a constant becomes zeros', () => {
    expect(copula([2, 2, 7, 2])).toEqual(copula([1, 1, 3, 1]));
    expect(Array.from(copula([4, 4, 4])).every((v) => Math.abs(v) < 1e-12)).toBe(true);
  });
});

describe('constraints', () => {
  const values = [-3e6, -200, -1e-3, 0, 1e-3, 5, 8e5];
  it.each([
    ['bilog', bilog],
    ['scaled', scaleBySize],
  ])('%s keeps the sign and the order, whatever the unit', (_, transform) => {
    const y = transform(values);
    expect(Array.from(y, Math.sign)).toEqual(values.map(Math.sign));
    expect(Array.from(y).every((v, i) => i === 0 || v > (y[i - 1] as number))).toBe(true);
    const inOtherUnit = transform(values.map((v) => v * 1000));
    inOtherUnit.forEach((v, i) => {
      expect(v).toBeCloseTo(y[i] as number, 9);
    });
  });

  it('survives constraints that are all zero', () => {
    expect(bilog([0, 0])).toEqual(new Float64Array(2));
  });
});

describe('standardizing', () => {
  it('gives zero mean and unit variance, and zeros for a constant', () => {
    const y = standardize([3, 5, 10]);
    expect(y.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 12);
    expect(y.reduce((a, b) => a + b * b, 0) / 3).toBeCloseTo(1, 12);
    expect(standardize([4, 4])).toEqual(new Float64Array(2));
  });
});
