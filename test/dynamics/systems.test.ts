import { describe, expect, it } from 'vitest';
import {
  DynamicsError,
  type FlowSystem,
  kaplanYorkeDimension,
  largestExponentByReplicas,
  type MapSystem,
  systemSpectrum,
} from '../../src/dynamics/index.ts';
import { HENON, LORENZ, ROESSLER } from './systems.ts';

/** Published values: Sprott, "Chaos and Time-Series Analysis" (2003), and for Henon's map its known spectrum. */
describe('published spectra in double precision', () => {
  it('Lorenz: 0.9056, 0, -14.5723 and the exact sum', () => {
    const { exponents, standardErrors, summary } = systemSpectrum(LORENZ, {
      initial: [1, 1, 20],
      steps: 400_000,
      transientSteps: 10_000,
    });
    expect(Math.abs((exponents[0] as number) - 0.9056)).toBeLessThan(
      Math.max(0.002, 3 * (standardErrors[0] as number)),
    );
    expect(standardErrors[0]).toBeLessThan(0.01);
    expect(Math.abs(exponents[1] as number)).toBeLessThan(
      Math.max(0.0005, 3 * (standardErrors[1] as number)),
    );
    expect(Math.abs((exponents[2] as number) + 14.5723)).toBeLessThan(
      Math.max(0.002, 3 * (standardErrors[2] as number)),
    );
    expect(summary.sum).toBeCloseTo(-(10 + 1 + 8 / 3), 3);
    expect(summary.kaplanYorkeDimension).toBeCloseTo(2.062, 2);
    expect(summary.positive).toBe(1);
  });

  it('Roessler: 0.0714, 0, -5.397', () => {
    const { exponents, standardErrors } = systemSpectrum(ROESSLER, {
      initial: [1, 1, 0],
      steps: 600_000,
      transientSteps: 20_000,
    });
    expect(Math.abs((exponents[0] as number) - 0.0714)).toBeLessThan(
      3 * (standardErrors[0] as number) + 3e-4,
    );
    expect(standardErrors[0]).toBeLessThan(0.003);
    expect(Math.abs(exponents[1] as number)).toBeLessThan(3 * (standardErrors[1] as number) + 3e-4);
    expect(Math.abs((exponents[2] as number) + 5.3969)).toBeLessThan(
      3 * (standardErrors[2] as number) + 3e-3,
    );
  });

  it('Henon: 0.41922, -1.62319, sum log 0.3, dimension 1.258', () => {
    const { exponents, standardErrors, summary } = systemSpectrum(HENON, {
      initial: [0.1, 0.1],
      steps: 1_000_000,
    });
    expect(Math.abs((exponents[0] as number) - 0.41922)).toBeLessThan(3 * (standardErrors[0] as number));
    expect(standardErrors[0]).toBeLessThan(1e-3);
    expect(summary.sum).toBeCloseTo(Math.log(0.3), 9);
    expect(summary.kaplanYorkeDimension).toBeCloseTo(1.2583, 2);
  });
});

describe('what is known exactly', () => {
  it('a linear map and a linear flow have the eigenvalues of their matrix', () => {
    const map: MapSystem = {
      kind: 'map',
      dimension: 2,
      // Scaled down before it leaves every bound; the Jacobian stays that of the map.
      map: (_state, into) => into.fill(0),
      jacobian: (_state, into) => into.set([1.1, 0.3, 0, 0.8]),
    };
    const mapped = systemSpectrum(map, { initial: [0, 0], steps: 2000, transientSteps: 500 });
    expect(mapped.exponents[0]).toBeCloseTo(Math.log(1.1), 9);
    expect(mapped.exponents[1]).toBeCloseTo(Math.log(0.8), 9);
    const flow: FlowSystem = {
      kind: 'flow',
      dimension: 2,
      dt: 0.01,
      derivative: (_state, into) => into.fill(0),
      jacobian: (_state, into) => into.set([0.1, 0, 0.5, -0.4]),
    };
    const flowed = systemSpectrum(flow, { initial: [0, 0], steps: 20_000, transientSteps: 8000 });
    expect(flowed.exponents[0]).toBeCloseTo(0.1, 8);
    expect(flowed.exponents[1]).toBeCloseTo(-0.4, 8);
    // The first vector turns to the eigenvector (1, 1) / sqrt 2, the second stands across it.
    expect([...flowed.participation].every((share) => Math.abs(share - 0.5) < 1e-6)).toBe(true);
  });

  it('fewer exponents are the first of all', () => {
    const options = { initial: [1, 1, 20], steps: 20_000, interval: 20 };
    const all = systemSpectrum(LORENZ, options);
    const one = systemSpectrum(LORENZ, { ...options, exponents: 1 });
    expect(Math.abs((all.exponents[0] as number) - (one.exponents[0] as number))).toBeLessThan(0.02);
    expect(one.summary.kaplanYorkeDimension).toBeUndefined();
  });

  it('a singular Jacobian loses directions, and says so', () => {
    const map: MapSystem = {
      kind: 'map',
      dimension: 3,
      map: (_state, into) => into.fill(0),
      jacobian: (_state, into) => into.set([0.5, 0, 0, 0, 0, 0, 0, 0, 0.9]),
    };
    const { exponents, standardErrors } = systemSpectrum(map, { initial: [0, 0, 0], steps: 400 });
    expect(exponents[0]).toBeCloseTo(Math.log(0.9), 12);
    expect(exponents[1]).toBeCloseTo(Math.log(0.5), 12);
    expect(exponents[2]).toBe(-Infinity);
    expect(standardErrors[2]).toBeNaN();
  });

  it('the dimension of Kaplan and Yorke', () => {
    expect(kaplanYorkeDimension([0.9, 0, -14.5], true)).toBeCloseTo(2 + 0.9 / 14.5, 12);
    expect(kaplanYorkeDimension([-0.1, -2], true)).toBe(0);
    expect(kaplanYorkeDimension([0.5, -0.2], true)).toBe(2);
    expect(kaplanYorkeDimension([0.5, -0.2], false)).toBeUndefined();
    expect(kaplanYorkeDimension([0, -1], true)).toBe(1);
  });
});

it('two replicas give the largest exponent', () => {
  const options = { initial: [1, 1, 20], steps: 200_000, transientSteps: 5000 };
  const { exponents, standardErrors } = systemSpectrum(LORENZ, { ...options, exponents: 1 });
  const replicas = largestExponentByReplicas(LORENZ, { ...options, interval: 10 });
  expect(Math.abs(replicas - (exponents[0] as number))).toBeLessThan(5 * (standardErrors[0] as number));
  expect(replicas).toBeGreaterThan(0.85);
});

describe('bad input', () => {
  it.each([
    [{ initial: [1], steps: 100 }, /initial has 1 values: give 3/],
    [{ initial: [1, 1, 1], steps: 100, exponents: 4 }, /exponents is 4: .* to 3/],
    [{ initial: [1, 1, 1], steps: 1 }, /steps is 1/],
    [{ initial: [1, 1, 1], steps: 100, interval: 0 }, /interval is 0/],
  ])('%j', (options, message) => {
    expect(() => systemSpectrum(LORENZ, options)).toThrow(message);
  });

  it('a trajectory that leaves every bound', () => {
    expect(() => systemSpectrum(HENON, { initial: [100, 100], steps: 100 })).toThrow(DynamicsError);
  });
});
