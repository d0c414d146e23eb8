/** Images as spikes at regular intervals: a pixel's rate is its brightness, without the noise of a Poisson process. */
import type { LabelledImages } from './mnist.ts';
import { type SampleSource, type SpikeSamples, storedSpikes } from './samples.ts';

export interface RateCode {
  readonly steps: number;
  /** Spikes per step of a white pixel, at most 1. */
  readonly maxRate: number;
}

/** Neighbouring pixels of equal brightness spike in different steps: the multiples of the golden ratio spread evenly. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Encodes images. Pixel i of brightness p (0 to 255) spikes in step t where floor(phase + r (t + 1)) > floor(phase + r t),
 * with r = maxRate p / 255 and phase = frac(i GOLDEN).
 *
 * @param indices which images, in this order
 */
export function rateCode(
  images: LabelledImages,
  indices: Uint32Array,
  { steps, maxRate }: RateCode,
): SampleSource {
  const { pixels, pixelsPerImage } = images;
  const phases = Float64Array.from({ length: pixelsPerImage }, (_, i) => (i * GOLDEN) % 1);
  // A pixel's spike steps depend on its brightness and place alone; so does how many there are.
  const offsets = new Uint32Array(indices.length * (steps + 1));
  let events = new Uint16Array(1 << 20);
  let total = 0;
  const lists: number[][] = Array.from({ length: steps }, () => []);
  indices.forEach((image, sample) => {
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
      offsets[base + t] = total;
      if (total + list.length > events.length) {
        const larger = new Uint16Array(2 * events.length);
        larger.set(events);
        events = larger;
      }
      events.set(list, total);
      total += list.length;
    });
    offsets[base + steps] = total;
  });
  const side = Math.sqrt(pixelsPerImage);
  const data: SpikeSamples = {
    steps,
    inputs: pixelsPerImage,
    shape: Number.isInteger(side) ? [side, side, 1] : [1, 1, pixelsPerImage],
    classes: images.classes,
    labels: Uint8Array.from(indices, (image) => images.labels[image] as number),
    offsets,
    events: events.subarray(0, total),
  };
  return storedSpikes(data);
}
