import { describe, expect, it } from 'vitest';
import { SampleWriter } from '../../src/data/event-lists.ts';
import { poissonImages, sequentialImages, staticImages } from '../../src/data/sequential-mnist.ts';

const images = {
  pixels: Uint8Array.of(0, 100, 255, 200, 0, 0, 255, 0),
  pixelsPerImage: 4,
  labels: Uint8Array.of(3, 1),
  classes: 10,
};

describe('images in time', () => {
  it('sequential: crossings of thresholds, and white', () => {
    // Thresholds 0, 127, 254: inputs 0 and 1, 2 and 3, 4 and 5; 6 is white.
    const found = sequentialImages(images, [0, 1], 3);
    expect(found).toMatchObject({ steps: 4, inputs: 7, classes: 10 });
    const steps = Array.from({ length: 10 }, (_, at) => [
      ...found.events.subarray(found.offsets[at], found.offsets[at + 1]),
    ]);
    // After each sample's four steps stands its end.
    expect([...steps.slice(0, 4), ...steps.slice(5, 9)]).toEqual([
      [],
      [0],
      [2, 4, 6],
      [5],
      [],
      [],
      [0, 2, 4, 6],
      [1, 3, 5],
    ]);
    expect([...found.labels]).toEqual([3, 1]);
  });

  it('static: the same values in every step', () => {
    const batch = staticImages(images, [1, 0], 2).batch(Uint32Array.of(1), 0);
    expect(batch.kind === 'values' && [...batch.values].map((value) => Math.round(255 * value))).toEqual([
      0, 100, 255, 200, 0, 100, 255, 200,
    ]);
  });

  it('Poisson: other spikes in each pass, the same for a pass', () => {
    const source = poissonImages(images, [0, 1], { steps: 50, maxRateHz: 500, seed: 2 });
    const of = (pass: number) => source.batch(Uint32Array.of(0, 1), pass);
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
    expect(source).toMatchObject({ shape: [2, 2, 1], samples: 2 });
  });

  it('refuse images that there are not', () => {
    expect(() => staticImages(images, [2], 1)).toThrow(/image 2 is not one of 2/);
    expect(() => sequentialImages(images, [0], 1)).toThrow(/thresholds is 1/);
  });
});

it('samples are put together with each input once in a step, in order', () => {
  const writer = new SampleWriter(3, [1, 1, 70_000]);
  writer.add([[5, 2, 5], [], [69_999]], 4);
  writer.add([[], [1]], 2);
  const found = writer.done(5);
  expect([...found.events]).toEqual([2, 5, 69_999, 1]);
  expect([...found.offsets]).toEqual([0, 2, 2, 3, 3, 3, 4, 4]);
  expect(found.events).toBeInstanceOf(Uint32Array);
});
