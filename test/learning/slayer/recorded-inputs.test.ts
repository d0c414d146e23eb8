/** The recorded runs' input: which images, and how many spikes. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadMnist } from '../../../src/data/mnist.ts';
import { encodePoisson } from '../../../src/network/encoders/poisson.ts';

const path = new URL('../../../../shared/data/slayer-split.json', import.meta.url);

/** Expected spikes of each intensity in T steps: the sum of the renewal sequence of the interval's distribution. */
function expectedSpikes(steps: number): number[] {
  return Array.from({ length: 256 }, (_, pixel) => {
    if (pixel === 0) return 0;
    const mean = 500 / pixel;
    const interval = [0, Math.exp(-mean)];
    let probability = Math.exp(-mean);
    for (let k = 1; k <= steps; k++) {
      probability *= mean / k;
      interval[k] = (interval[k] ?? 0) + probability;
    }
    const renewal = [1];
    let sum = 0;
    for (let t = 1; t <= steps; t++) {
      let at = 0;
      for (let k = 1; k <= t; k++) at += (interval[k] as number) * (renewal[t - k] as number);
      renewal.push(at);
      sum += at;
    }
    return sum;
  });
}

describe.skipIf(!existsSync(path))("the recorded runs' input", () => {
  const split = JSON.parse(readFileSync(path, 'utf8')) as { train: number[]; test: number[] };
  const mnist = loadMnist('train');

  it('has the split of the recorded checksum', () => {
    const md5 = (list: number[]) =>
      createHash('md5')
        .update(new Uint8Array(Int32Array.from(list).buffer))
        .digest('hex');
    expect(md5(split.train)).toBe('d89df4816b3721d9d082dca1e1de6a76');
    expect(md5(split.test)).toBe('b70bf4acdfd9e159907220cb01caefbc');
  });

  it.each([
    [10, 467.82],
    [13, 615.92],
    [20, 962.23],
    [43, 2101.73],
    [69, 3390.51],
  ])('has in %d steps %d spikes an image', (steps, recorded) => {
    const histogram = new Float64Array(256);
    for (const image of split.test) {
      for (const pixel of mnist.pixels.subarray(784 * image, 784 * (image + 1))) {
        histogram[pixel] = (histogram[pixel] as number) + 1;
      }
    }
    const expected = expectedSpikes(steps);
    const mean =
      histogram.reduce((sum, count, pixel) => sum + count * (expected[pixel] as number), 0) / 12_000;
    expect(Math.abs(mean - recorded)).toBeLessThan(1);
  });

  it('is what the encoder draws', () => {
    const steps = 20;
    const images = split.test.slice(0, 300);
    const { events } = encodePoisson(mnist, images, { steps, maxRateHz: 510, dtMs: 1, seed: 8 });
    const expected = expectedSpikes(steps);
    let mean = 0;
    for (const image of images) {
      for (const pixel of mnist.pixels.subarray(784 * image, 784 * (image + 1)))
        mean += expected[pixel] as number;
    }
    // The draws' standard deviation is about 10 spikes an image.
    expect(Math.abs(events.length - mean) / images.length).toBeLessThan(3);
  });
});
