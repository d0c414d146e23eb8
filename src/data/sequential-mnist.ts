/**
 * Images of bytes as sequences and as constant input.
 *
 * - sequential: pixels one after another in the order of reading, as spikes: input 2 j where the sequence rises through
 *   threshold j between one pixel and the next, 2 j + 1 where it falls through it; the last input where a pixel is
 *   white (255). The crossings of a pixel are shown at its step. With 49 thresholds it is the 99 inputs of the
 *   published spiking form, at one step instead of two a pixel.
 * - static: each pixel / 255 as a real input, the same in every step.
 */
import { encodePoisson } from '../network/encoders/poisson.ts';
import { DataError } from './errors.ts';
import { SampleWriter } from './event-lists.ts';
import type { LabelledImages } from './mnist.ts';
import type { SampleSource, SpikeSamples } from './samples.ts';

/** @param indices of the images, in the order of the samples */
export function sequentialImages(
  images: LabelledImages,
  indices: ArrayLike<number>,
  thresholds = 49,
): SpikeSamples {
  if (!(Number.isSafeInteger(thresholds) && thresholds >= 2 && thresholds <= 255)) {
    throw new RangeError(`thresholds is ${thresholds}: give a whole number from 2 to 255`);
  }
  const { pixels, pixelsPerImage } = images;
  const levels = Array.from({ length: thresholds }, (_, j) => Math.floor((254 * j) / (thresholds - 1)));
  const inputs = 2 * thresholds + 1;
  const writer = new SampleWriter(pixelsPerImage, [1, 1, inputs]);
  for (const index of Array.from(indices)) {
    const base = sampleBase(images, index);
    let before = 0;
    const spikes = Array.from({ length: pixelsPerImage }, (_, place) => {
      const value = pixels[base + place] as number;
      const found: number[] = [];
      for (const [j, level] of levels.entries()) {
        if (before <= level && value > level) found.push(2 * j);
        if (before > level && value <= level) found.push(2 * j + 1);
      }
      if (value === 255) found.push(inputs - 1);
      before = value;
      return found;
    });
    writer.add(spikes, images.labels[index] as number);
  }
  return writer.done(images.classes);
}

/** Each pixel / 255 as a constant input over `steps`. */
export function staticImages(
  images: LabelledImages,
  indices: ArrayLike<number>,
  steps: number,
): SampleSource {
  const { pixels, pixelsPerImage } = images;
  const chosen = Uint32Array.from(indices);
  for (const index of chosen) sampleBase(images, index);
  const side = Math.sqrt(pixelsPerImage);
  const shape = Number.isInteger(side) ? ([side, side, 1] as const) : ([1, 1, pixelsPerImage] as const);
  return {
    kind: 'values',
    samples: chosen.length,
    steps,
    inputs: pixelsPerImage,
    shape,
    classes: images.classes,
    labels: Uint8Array.from(chosen, (index) => images.labels[index] as number),
    batch: (numbers) => {
      const values = new Float32Array(numbers.length * steps * pixelsPerImage);
      for (const [b, number] of numbers.entries()) {
        const base = (chosen[number] as number) * pixelsPerImage;
        const row = Float32Array.from(pixels.subarray(base, base + pixelsPerImage), (pixel) => pixel / 255);
        for (let t = 0; t < steps; t++) values.set(row, (b * steps + t) * pixelsPerImage);
      }
      return { kind: 'values', values };
    },
  };
}

/** Poisson spikes, drawn anew in every pass; `maxRateHz` is a white pixel's, in steps of 1 ms. */
export function poissonImages(
  images: LabelledImages,
  indices: ArrayLike<number>,
  { steps, maxRateHz, seed }: { readonly steps: number; readonly maxRateHz: number; readonly seed: number },
): SampleSource {
  const chosen = Uint32Array.from(indices);
  for (const index of chosen) sampleBase(images, index);
  const side = Math.sqrt(images.pixelsPerImage);
  const shape = Number.isInteger(side)
    ? ([side, side, 1] as const)
    : ([1, 1, images.pixelsPerImage] as const);
  return {
    kind: 'events',
    samples: chosen.length,
    steps,
    inputs: images.pixelsPerImage,
    shape,
    classes: images.classes,
    labels: Uint8Array.from(chosen, (index) => images.labels[index] as number),
    batch: (numbers, pass) => {
      const shown = Uint32Array.from(numbers, (number) => chosen[number] as number);
      const encoding = { steps, maxRateHz, dtMs: 1, seed: seed * 1009 + pass };
      const { offsets, events } = encodePoisson(images, shown, encoding);
      return { kind: 'events', offsets, events };
    },
  };
}

/** Where an image's pixels begin. */
function sampleBase({ labels, pixelsPerImage }: LabelledImages, index: number): number {
  if (!(index >= 0 && index < labels.length)) {
    throw new DataError('missing', `image ${index} is not one of ${labels.length}`);
  }
  return index * pixelsPerImage;
}
