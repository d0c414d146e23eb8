/**
 * Rate coding of images by Poisson-distributed intervals, in the form used by the recorded experiments.
 *
 * A pixel of intensity p in 1..255 fires at rate r = p / 255 * maxRateHz. Its intervals are drawn from
 * Poisson(1000 / (r dt)) steps, zero counted as one; spikes fall at their cumulative sums, the step of an interval k
 * that comes first being k - 1. Pixels of intensity 0 never fire. (BindsNET's `poisson`; not a Bernoulli process.)
 *
 * Draws come from Philox, addressed by (sample, pixel, number of the interval), so a sample's spikes depend neither
 * on other samples nor on the order of encoding.
 */
import type { EventLists } from '../../kernels/diehl-cook.ts';
import { keyOf, philoxInto, STREAMS, type Words2 } from '../../random/philox.ts';

export interface PoissonEncoding {
  readonly steps: number;
  /** Rate of a pixel of full intensity, Hz. */
  readonly maxRateHz: number;
  /** Time step, ms. */
  readonly dtMs: number;
  readonly seed: number;
}

/** What can be encoded: images of bytes, one after the other. */
export interface ByteImages {
  /** [image][pixel] */
  readonly pixels: Uint8Array;
  readonly pixelsPerImage: number;
}

/**
 * Encodes the images whose indices are given, in that order.
 *
 * @throws {RangeError} when the number of steps or of pixels doesn't fit 16 bits, or an index is out of range
 */
export function encodePoisson(
  images: ByteImages,
  indices: ArrayLike<number>,
  encoding: PoissonEncoding,
): EventLists {
  const { steps } = encoding;
  const inputs = images.pixelsPerImage;
  if (!(steps >= 1 && steps < 0x10000)) throw new RangeError(`steps must be from 1 to 65535, not ${steps}`);
  if (inputs >= 0x10000) throw new RangeError(`an image may have 65535 pixels at most, not ${inputs}`);
  const count = images.pixels.length / inputs;
  const thresholds = intervalThresholds(encoding);
  const key = keyOf(encoding.seed);
  const offsets = new Uint32Array(indices.length * (steps + 1));
  let events = new Uint16Array(Math.max(1024, indices.length * 1024));
  // Spikes of one sample before they are grouped by step.
  const spikeStep: number[] = [];
  const spikeInput: number[] = [];
  const cursor = new Uint32Array(steps + 1);
  const words = new Uint32Array(4);
  let used = 0;
  for (let position = 0; position < indices.length; position++) {
    const sample = indices[position] as number;
    if (!(sample >= 0 && sample < count)) throw new RangeError(`image ${sample} is not one of ${count}`);
    spikeStep.length = 0;
    spikeInput.length = 0;
    for (let pixel = 0; pixel < inputs; pixel++) {
      const table = thresholds[images.pixels[sample * inputs + pixel] as number];
      if (table) spikesOfPixel(table, steps, sample, pixel, key, words, spikeStep, spikeInput);
    }
    const base = position * (steps + 1);
    cursor.fill(0);
    for (const step of spikeStep) cursor[step + 1] = (cursor[step + 1] as number) + 1;
    let total = used;
    for (let step = 0; step <= steps; step++) {
      total += cursor[step] as number;
      cursor[step] = total;
      offsets[base + step] = total;
    }
    if (total > events.length) events = grown(events, total);
    for (let spike = 0; spike < spikeStep.length; spike++) {
      const step = spikeStep[spike] as number;
      const place = cursor[step] as number;
      events[place] = spikeInput[spike] as number;
      cursor[step] = place + 1;
    }
    used = total;
  }
  return { samples: indices.length, steps, inputs, offsets, events: events.slice(0, used) };
}

/**
 * For each intensity the cumulative distribution of its interval: entry k is P(interval <= k) * 2^32, rounded down,
 * for k = 0 .. steps (longer intervals fall outside the sample). A uniform word u gives the first k with u < entry k.
 * Undefined for intensity 0.
 */
function intervalThresholds(encoding: PoissonEncoding): (Float64Array | undefined)[] {
  return Array.from({ length: 256 }, (_, intensity) => {
    if (intensity === 0) return undefined;
    const mean = 1000 / ((intensity / 255) * encoding.maxRateHz * encoding.dtMs);
    const table = new Float64Array(encoding.steps + 1);
    let logProbability = -mean;
    let cumulative = 0;
    for (let k = 0; k <= encoding.steps; k++) {
      if (k > 0) logProbability += Math.log(mean / k);
      cumulative += Math.exp(logProbability);
      table[k] = Math.floor(Math.min(1, cumulative) * 2 ** 32);
    }
    return table;
  });
}

/** Appends the spikes of one pixel, in the order of time. `words` is room for a block of draws. */
function spikesOfPixel(
  table: Float64Array,
  steps: number,
  sample: number,
  pixel: number,
  key: Words2,
  words: Uint32Array,
  spikeStep: number[],
  spikeInput: number[],
): void {
  const longest = table[steps] as number;
  let time = 0;
  for (let draw = 0; ; draw++) {
    if (draw % 4 === 0) philoxInto(words, draw / 4, STREAMS.encoding, pixel, sample, key);
    const word = words[draw % 4] as number;
    if (word >= longest) return;
    // The first interval whose cumulative probability exceeds the draw.
    let interval = 0;
    let above = steps;
    while (interval < above) {
      const middle = (interval + above) >> 1;
      if (word < (table[middle] as number)) above = middle;
      else interval = middle + 1;
    }
    time += Math.max(1, interval);
    if (time > steps) return;
    spikeStep.push(time - 1);
    spikeInput.push(pixel);
  }
}

function grown(events: Uint16Array<ArrayBuffer>, needed: number): Uint16Array<ArrayBuffer> {
  const larger = new Uint16Array(Math.max(needed, Math.ceil(events.length * 1.5)));
  larger.set(events);
  return larger;
}
