import { describe, expect, it } from 'vitest';
import { optimizeTimescales, reshapedTimeConstants, spectrumDistance } from '../../src/pruning/timescales.ts';
import { Draws } from '../../src/random/draws.ts';

describe('the distance of spectra', () => {
  const line = (count: number, from: number, to: number) =>
    Float64Array.from({ length: count }, (_, i) => from + ((to - from) * (i + 0.5)) / count);

  it('is 0 between sizes of one shape, and the square of a shift', () => {
    expect(spectrumDistance(line(400, 0, -1), line(200, 0, -1), [400, 200])).toBeLessThan(1e-5);
    expect(spectrumDistance(line(400, 0, -1), line(200, 0.3, -0.7), [400, 200])).toBeCloseTo(0.09, 3);
  });

  it('covers what both know of theirs', () => {
    // The upper halves agree, the rest is known of one alone.
    const half = line(200, 0, -0.5);
    expect(spectrumDistance(line(400, 0, -1), half, [400, 400])).toBeLessThan(1e-8);
    expect(() => spectrumDistance(half, new Float64Array(0), [400, 400])).toThrow('a spectrum is empty');
  });
});

describe('time constants', () => {
  const draws = new Draws([5, 0], 1).at(0, 0);
  const tau = Float64Array.from({ length: 300 }, () => (20 * draws.gamma(3)) / 3);
  const logarithms = (values: Float64Array) => values.map(Math.log);
  const mean = (values: Float64Array) => values.reduce((a, b) => a + b) / values.length;
  const deviation = (values: Float64Array) => {
    const m = mean(values);
    return Math.sqrt(mean(values.map((value) => (value - m) ** 2)));
  };

  it('keep their geometric mean but for the factor, and spread by the exponent', () => {
    const reshaped = reshapedTimeConstants(tau, 1.5, 0.5);
    expect(mean(logarithms(reshaped))).toBeCloseTo(mean(logarithms(tau)) + Math.log(1.5), 10);
    expect(deviation(logarithms(reshaped))).toBeCloseTo(0.5 * deviation(logarithms(tau)), 10);
    expect(deviation(reshapedTimeConstants(tau, 1, 0))).toBeLessThan(1e-10);
  });

  // Uncoupled leaky neurons: the exponents are -1 / tau, and the answer is known.
  it('are found again from the spectrum of leaks that had them', async () => {
    const spectrumOf = (values: Float64Array) =>
      values
        .map((value) => -1 / value)
        .sort()
        .reverse();
    const wanted = spectrumOf(reshapedTimeConstants(tau, 1.4, 0.6));
    const found = await optimizeTimescales(
      tau,
      async (tried) => spectrumDistance(spectrumOf(tried), wanted, [300, 300]),
      { trials: 40, seed: 2 },
    );
    expect(found.after).toBeLessThan(0.02 * found.before);
    expect(found.factor).toBeCloseTo(1.4, 0);
    expect(Math.abs(found.spread - 0.6)).toBeLessThan(0.2);
  });

  it('stay where nothing is nearer', async () => {
    const distances = async (tried: Float64Array) => (tried === tau ? 0 : 1);
    expect(await optimizeTimescales(tau, distances, { trials: 3 })).toMatchObject({ tauMs: tau, after: 0 });
  });
});
