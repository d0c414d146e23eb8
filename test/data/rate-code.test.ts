import { describe, expect, it } from 'vitest';
import { rateCode } from '../../src/data/rate-code.ts';

const images = {
  pixels: Uint8Array.from([0, 255, 128, 3, 255, 0, 0, 51]),
  pixelsPerImage: 4,
  labels: Uint8Array.from([7, 2]),
  classes: 10,
};

describe('rateCode', () => {
  const steps = 50;
  const source = rateCode(images, Uint32Array.of(1, 0), { steps, maxRate: 0.4 });
  const batch = source.batch(Uint32Array.of(0, 1), 0);
  if (batch.kind !== 'events') throw new Error('events are expected');
  const counts = [0, 1].map((sample) => {
    const base = sample * (steps + 1);
    const spikes = batch.events.subarray(batch.offsets[base], batch.offsets[base + steps]);
    return Array.from({ length: 4 }, (_, i) => spikes.filter((input) => input === i).length);
  });

  it('takes the images asked for, in their order', () => {
    expect([...source.labels]).toEqual([2, 7]);
    expect(source.shape).toEqual([2, 2, 1]);
  });

  it('gives each pixel its rate to a spike, dark ones nothing', () => {
    const rates = [
      [255, 0, 0, 51],
      [0, 255, 128, 3],
    ];
    rates.forEach((row, sample) => {
      row.forEach((pixel, i) => {
        const expected = (steps * 0.4 * pixel) / 255;
        expect(Math.abs((counts[sample]?.[i] as number) - expected)).toBeLessThanOrEqual(1);
        if (pixel === 0) expect(counts[sample]?.[i]).toBe(0);
      });
    });
  });

  it('has an input at most once in a step', () => {
    const full = rateCode(images, Uint32Array.of(0), { steps, maxRate: 1 }).batch(Uint32Array.of(0), 0);
    if (full.kind !== 'events') throw new Error('events are expected');
    for (let t = 0; t < steps; t++) {
      const row = [...full.events.subarray(full.offsets[t], full.offsets[t + 1])];
      expect(new Set(row).size).toBe(row.length);
      expect(row).toContain(1);
    }
  });
});
