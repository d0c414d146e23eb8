/** Images as spikes at regular intervals: a pixel's rate is its brightness, without the noise of a Poisson process. */
import type { LabelledImages } from './mnist.ts';
import type { EventBatch, SampleSource } from './samples.ts';

export interface RateCode {
  readonly steps: number;
  /** Spikes per step of a white pixel, at most 1. */
  readonly maxRate: number;
}

/** Neighbouring pixels of equal brightness spike in different steps: the multiples of the golden ratio spread evenly. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Encodes images, each when its batch is asked for. Pixel i of brightness p (0 to 255) spikes in step t where
 * floor(phase + r (t + 1)) > floor(phase + r t), with r = maxRate p / 255 and phase = frac(i GOLDEN).
 *
 * @param indices which images, in this order
 */
export function rateCode(
  images: LabelledImages,
  indices: Uint32Array,
  { steps, maxRate }: RateCode,
): SampleSource {
  const { pixels, pixelsPerImage, classes } = images;
  const phases = Float64Array.from({ length: pixelsPerImage }, (_, i) => (i * GOLDEN) % 1);
  // A pixel's spike steps depend on its brightness and place alone; so does how many there are.
  const lists: number[][] = Array.from({ length: steps }, () => []);
  const batch = (samples: Uint32Array): EventBatch => {
    const offsets = new Uint32Array(samples.length * (steps + 1));
    const events: number[] = [];
    samples.forEach((number, sample) => {
      const image = indices[number] as number;
      for (const list of lists) list.length = 0;
      for (let i = 0; i < pixelsPerImage; i++) {
        const rate = (maxRate * (pixels[image * pixelsPerImage + i] as number)) / 255;
        if (rate === 0) continue;
        const phase = phases[i] as number;
        // Crossings of whole numbers: the k-th is in the step before (k - phase) / rate.
        for (let k = 1; ; k++) {
          const step = Math.ceil((k - phase) / rate) - 1;
          if (step >= steps) break;
          (lists[step] as number[]).push(i);
        }
      }
      const base = sample * (steps + 1);
      lists.forEach((list, t) => {
        offsets[base + t] = events.length;
        events.push(...list);
      });
      offsets[base + steps] = events.length;
    });
    return { kind: 'events', offsets, events: Uint16Array.from(events) };
  };
  const side = Math.sqrt(pixelsPerImage);
  return {
    kind: 'events',
    samples: indices.length,
    steps,
    inputs: pixelsPerImage,
    shape: Number.isInteger(side) ? [side, side, 1] : [1, 1, pixelsPerImage],
    classes,
    labels: Uint8Array.from(indices, (image) => images.labels[image] as number),
    batch,
  };
}
