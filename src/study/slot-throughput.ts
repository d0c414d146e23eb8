/** Measures what a device gets done with a number of slots: real launches of random networks on random spikes. */
import type { Device } from '../device/device.ts';
import { type BatchItem, type BatchShape, DiehlCookBatch, type EventLists } from '../kernels/diehl-cook.ts';
import { encodePoisson } from '../network/encoders/poisson.ts';
import {
  diehlCookParameters,
  diehlCookSlot,
  LIVELY_DIEHL_COOK,
  traceTable,
} from '../network/models/diehl-cook.ts';
import { NEURONS_OF_OVERHEAD } from './diehl-cook-slots.ts';

/** The networks that will run. */
export interface NetworkShape {
  /** The largest network that may come. */
  readonly maxNeurons: number;
  readonly steps: number;
  readonly inputs: number;
  /** Rate of a white pixel, Hz. */
  readonly maxRateHz: number;
  /** Samples of a network in one launch, at the most. */
  readonly maxChunk: number;
}

/** Room for so many slots, each with an item in every launch. */
export function batchShape(slots: number, { maxNeurons, maxChunk }: NetworkShape): BatchShape {
  return { slots, maxNeurons, maxItems: slots, maxRecords: slots * maxChunk };
}

export class SlotThroughput {
  readonly #device: Device;
  readonly #shape: NetworkShape;
  readonly #data: EventLists;

  constructor(device: Device, shape: NetworkShape) {
    this.#device = device;
    this.#shape = shape;
    this.#data = randomData(shape);
  }

  /**
   * The best of two launches of about `launchMs`, in neurons x samples per ms summed over the slots; a network counts
   * 150 neurons more than it has.
   *
   * @param before a throughput measured just before, from which the first launches take their length
   * @param made called when the kernels are compiled and the memory is there
   * @throws {DeviceError} `capacity` when the slots don't fit; and what running kernels throws
   */
  async measure(slots: number, launchMs: number, before = 0, made: () => void = () => {}): Promise<number> {
    const shape = this.#shape;
    const trace = traceTable(shape.steps);
    using batch = await DiehlCookBatch.create(this.#device, batchShape(slots, shape), this.#data, trace);
    made();
    const networks = new Networks(batch, networkSizes(slots, shape.maxNeurons), shape);
    // One sample each: weights are drawn, and with the first number of slots code is made.
    let { rate } = await networks.run(0);
    let best = 0;
    // The first launches are shorter than they should be where the rate was not known yet.
    for (let launch = 0, full = 0; full < 2 && launch < 8; launch++) {
      const result = await networks.run((launchMs * Math.max(rate, before)) / slots);
      rate = result.rate;
      best = Math.max(best, rate);
      if (result.ms > launchMs / 2) full += 1;
    }
    return best;
  }
}

/** Networks of given sizes, one a slot, that learn. */
class Networks {
  readonly #batch: DiehlCookBatch;
  readonly #sizes: readonly number[];
  readonly #maxChunk: number;
  /** Samples that the network that is furthest has seen. */
  #seen = 0;

  constructor(batch: DiehlCookBatch, sizes: readonly number[], { steps, maxChunk }: NetworkShape) {
    this.#batch = batch;
    this.#sizes = sizes;
    this.#maxChunk = maxChunk;
    const silence = { excitatoryAlpha: 0, inhibitoryAlpha: 0 };
    sizes.forEach((neurons, slot) => {
      const parameters = diehlCookParameters({ ...LIVELY_DIEHL_COOK, map_size: neurons });
      batch.place(slot, diehlCookSlot(parameters, silence, [slot, 0], steps));
    });
  }

  /** One launch with so much work in each slot, and one sample at the least. */
  async run(workPerSlot: number): Promise<{ readonly ms: number; readonly rate: number }> {
    let work = 0;
    const items = this.#sizes.map((neurons, slot): BatchItem => {
      const cost = neurons + NEURONS_OF_OVERHEAD;
      const count = Math.max(1, Math.min(Math.round(workPerSlot / cost), this.#maxChunk));
      work += count * cost;
      return {
        slot,
        first: 0,
        count,
        learn: true,
        begins: this.#seen === 0,
        ordinal: this.#seen,
        excitatorySilentBudget: Number.POSITIVE_INFINITY,
        inhibitorySilentBudget: Number.POSITIVE_INFINITY,
      };
    });
    const started = performance.now();
    await this.#batch.run(items);
    const ms = performance.now() - started;
    this.#seen += Math.max(...items.map(({ count }) => count));
    return { ms, rate: work / ms };
  }
}

/**
 * Sizes spread over the search space as a search would: multiples of the golden ratio, modulo 1, lie evenly whatever
 * their number. Equal sizes would hide that the slots of a launch wait for its last one.
 */
function networkSizes(slots: number, maxNeurons: number): number[] {
  const golden = (Math.sqrt(5) - 1) / 2;
  return Array.from({ length: slots }, (_, slot) => 1 + Math.floor((((slot + 1) * golden) % 1) * maxNeurons));
}

/** A few random images' spikes, over and over: as many samples as a launch may have. */
function randomData({ steps, inputs, maxRateHz, maxChunk }: NetworkShape): EventLists {
  const images = 16;
  // A fifth of an MNIST digit is ink, of two thirds of the full intensity.
  const pixels = Uint8Array.from({ length: images * inputs }, (_, pixel) => (pixel % 5 === 0 ? 170 : 0));
  const few = encodePoisson(
    { pixels, pixelsPerImage: inputs },
    Array.from({ length: images }, (_, image) => image),
    { steps, maxRateHz, dtMs: 1, seed: 1 },
  );
  const offsets = new Uint32Array(maxChunk * (steps + 1));
  for (let sample = 0; sample < maxChunk; sample++) {
    const first = (sample % images) * (steps + 1);
    offsets.set(few.offsets.subarray(first, first + steps + 1), sample * (steps + 1));
  }
  return { ...few, samples: maxChunk, offsets };
}
