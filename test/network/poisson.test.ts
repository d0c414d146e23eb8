import { describe, expect, it } from 'vitest';
import { loadMnist } from '../../src/data/mnist.ts';
import { encodePoisson } from '../../src/network/encoders/poisson.ts';

const ENCODING = { steps: 100, maxRateHz: 128, dtMs: 1, seed: 3 } as const;

/** Images of one pixel each. */
function pixels(...values: number[]) {
  return { pixels: Uint8Array.from(values), pixelsPerImage: 1 };
}

describe('poisson encoding', () => {
  /**
   * Spikes of one pixel in T steps by renewal theory, exactly: the number of times that the intervals max(1, K), K
   * Poisson-distributed, add up to t at t = 1 .. T.
   */
  function expectedSpikes(intensity: number, steps: number): number {
    const mean = 1000 / ((intensity / 255) * 128);
    const probability = [Math.exp(-mean)];
    for (let k = 1; k <= steps; k++) probability.push(((probability[k - 1] as number) * mean) / k);
    const interval = probability.map((value, k) => {
      if (k === 0) return 0;
      return k === 1 ? value + (probability[0] as number) : value;
    });
    const renewals = [1];
    for (let t = 1; t <= steps; t++) {
      let sum = 0;
      for (let k = 1; k <= t; k++) sum += (interval[k] as number) * (renewals[t - k] as number);
      renewals.push(sum);
    }
    return renewals.slice(1).reduce((sum, value) => sum + value, 0);
  }

  it.each([255, 200, 128, 60, 30, 10])('gives intensity %d its mean number of spikes', (intensity) => {
    const repetitions = 4000;
    const { events } = encodePoisson(
      { pixels: new Uint8Array(repetitions).fill(intensity), pixelsPerImage: 1 },
      Array.from({ length: repetitions }, (_, index) => index),
      ENCODING,
    );
    const expected = expectedSpikes(intensity, 100);
    // The counts' variance is below their mean (the intervals are more regular than a Poisson process).
    const standardError = Math.sqrt(Math.max(expected, 0.01) / repetitions);
    expect(Math.abs(events.length / repetitions - expected)).toBeLessThan(4 * standardError);
  });

  it('lets black pixels be silent, and never gives two spikes of one input in a step', () => {
    const { events, offsets } = encodePoisson(pixels(0, 255), [0, 1], ENCODING);
    expect(offsets[100]).toBe(0);
    expect(events.length).toBeGreaterThan(5);
    for (let step = 0; step < 100; step++) {
      expect((offsets[102 + step] as number) - (offsets[101 + step] as number)).toBeLessThanOrEqual(1);
    }
  });

  it('shifts intervals so that the first possible step is 0', () => {
    // At 100,000 Hz nearly all intervals are 0 or 1, counted as 1: a spike in every step.
    const { events } = encodePoisson(pixels(255), [0], { ...ENCODING, maxRateHz: 100_000 });
    expect(events.length).toBe(100);
  });

  it("depends on the sample's own index and the seed alone", () => {
    const images = pixels(200, 180, 160, 140);
    const spikesOf = (indices: readonly number[], seed: number, wanted: number) => {
      const { offsets, events } = encodePoisson(images, indices, { ...ENCODING, seed });
      const base = indices.indexOf(wanted) * 101;
      const first = offsets[base] as number;
      const steps = Array.from(offsets.subarray(base, base + 101), (offset) => offset - first);
      return { steps, events: [...events.subarray(first, offsets[base + 100])] };
    };
    expect(spikesOf([0, 1, 2, 3], 3, 2)).toEqual(spikesOf([3, 2], 3, 2));
    expect(spikesOf([2], 4, 2)).not.toEqual(spikesOf([2], 3, 2));
  });

  it('gives the recorded 12.5 input spikes a step on MNIST', () => {
    const images = loadMnist('train');
    const { events } = encodePoisson(
      images,
      Array.from({ length: 6000 }, (_, index) => index),
      ENCODING,
    );
    // All 60,000 give 12.503 (the record: 12.500 and 12.512); images differ, so a tenth of them may be off by 0.2.
    expect(Math.abs(events.length / 6000 / 100 - 12.5)).toBeLessThan(0.2);
  });

  it('refuses indices and sizes that it has no room for', () => {
    expect(() => encodePoisson(pixels(1), [1], ENCODING)).toThrow(/image 1 is not one of 1/);
    expect(() => encodePoisson(pixels(1), [0], { ...ENCODING, steps: 0 })).toThrow(/steps must be from 1/);
  });
});
