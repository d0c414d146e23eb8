/** Batches of Diehl & Cook networks for benchmarks: random digits, networks that spike, and what their launches cost. */
import type { Device } from '../device/device.ts';
import { diehlCookCost, type KernelCost, sumOfCosts, uniformWeightsCost } from '../kernels/costs.ts';
import {
  type BatchItem,
  type BatchItemResult,
  DiehlCookBatch,
  type EventLists,
  recordWords,
} from '../kernels/diehl-cook.ts';
import { encodePoisson } from '../network/encoders/poisson.ts';
import {
  diehlCookParameters,
  diehlCookSlot,
  LIVELY_DIEHL_COOK,
  traceTable,
} from '../network/models/diehl-cook.ts';
import { confirm } from './errors.ts';
import type { BenchCase } from './suite.ts';

export const STEPS = 100;
export const INPUTS = 784;

/**
 * Spikes of random images with as much ink as an MNIST digit (a fifth of the pixels, in a block), about 1,250 a sample.
 */
export function randomDigits(samples: number, seed: number): EventLists {
  const pixels = new Uint8Array(samples * INPUTS);
  for (let image = 0; image < samples; image++) {
    // Strokes of 14 pixels in 11 of the 28 rows, at a place of its own.
    const [row, column] = [(image * 7) % 17, (image * 5 + seed) % 14];
    for (let y = 0; y < 11; y++) {
      pixels.fill(
        150 + ((image * 31 + y * 17) % 100),
        image * INPUTS + (row + y) * 28 + column,
        image * INPUTS + (row + y) * 28 + column + 14,
      );
    }
  }
  const indices = Array.from({ length: samples }, (_, index) => index);
  return encodePoisson({ pixels, pixelsPerImage: INPUTS }, indices, {
    steps: STEPS,
    maxRateHz: 128,
    dtMs: 1,
    seed,
  });
}

/** Networks of given sizes, one a slot, that learn sample after sample. */
export class DiehlCookWorkload implements Disposable {
  readonly batch: DiehlCookBatch;
  readonly #data: EventLists;
  readonly #sizes: readonly number[];
  readonly #samples: number;

  private constructor(batch: DiehlCookBatch, data: EventLists, sizes: readonly number[], samples: number) {
    this.batch = batch;
    this.#data = data;
    this.#sizes = sizes;
    this.#samples = samples;
  }

  /** @param samples of each network in one repetition */
  static async create(device: Device, sizes: readonly number[], samples: number): Promise<DiehlCookWorkload> {
    // As many as eight repetitions take; then they come again.
    const data = randomDigits(8 * samples, Date.now() % 1000);
    const slots = sizes.length;
    const shape = { slots, maxNeurons: Math.max(...sizes), maxItems: slots, maxRecords: slots * samples };
    const batch = await DiehlCookBatch.create(device, shape, data, traceTable(STEPS));
    const workload = new DiehlCookWorkload(batch, data, sizes, samples);
    workload.#place();
    return workload;
  }

  #place(): void {
    this.#sizes.forEach((neurons, slot) => {
      const parameters = diehlCookParameters({ ...LIVELY_DIEHL_COOK, map_size: neurons });
      const silence = { excitatoryAlpha: 0, inhibitoryAlpha: 0 };
      // Networks of one size in pairs with the same seed: they must come to the same.
      this.batch.place(slot, diehlCookSlot(parameters, silence, [slot >> 1, 0], STEPS));
    });
  }

  items(repetition: number): BatchItem[] {
    return this.#sizes.map((_, slot) => ({
      slot,
      first: (repetition % 8) * this.#samples,
      count: this.#samples,
      learn: true,
      begins: repetition === 0,
      ordinal: repetition * this.#samples,
      excitatorySilentBudget: Number.POSITIVE_INFINITY,
      inhibitorySilentBudget: Number.POSITIVE_INFINITY,
    }));
  }

  async run(
    repetition: number,
  ): Promise<{ readonly amount: number; readonly costs: Record<string, KernelCost> }> {
    const items = this.items(repetition);
    const results = await this.batch.run(items);
    const amount = results.reduce((sum, { processed }) => sum + processed, 0);
    return { amount, costs: { diehl_cook: costOfItems(this.#data, this.#sizes, items, results) } };
  }

  /** Draws all weights anew and runs one sample. */
  async begin(): Promise<{ readonly amount: number; readonly costs: Record<string, KernelCost> }> {
    this.#place();
    const items = this.items(0).map((item) => ({ ...item, count: 1 }));
    const results = await this.batch.run(items);
    const columns = Math.ceil(Math.max(...this.#sizes) / 32) * 32;
    const weights = this.#sizes.length * columns * INPUTS;
    return {
      amount: weights,
      costs: {
        diehl_cook: costOfItems(this.#data, this.#sizes, items, results),
        uniform_weights: uniformWeightsCost(weights),
      },
    };
  }

  /**
   * Networks of one seed come to the same bits whatever slot they are in, spike, and have columns that sum to the norm.
   */
  async check(): Promise<void> {
    const results = await this.batch.run(this.items(0));
    const spikes = results.reduce((sum, { excitatorySpikes }) => sum + excitatorySpikes, 0);
    confirm(spikes > 0, () => 'diehl_cook: no network spikes');
    for (let slot = 0; slot + 1 < this.#sizes.length; slot += 2) {
      const [a, b] = [results[slot] as BatchItemResult, results[slot + 1] as BatchItemResult];
      const same = this.#sizes[slot] === this.#sizes[slot + 1];
      confirm(
        !same || spikeWords(a).every((word, index) => word === spikeWords(b)[index]),
        () => `diehl_cook: slots ${slot} and ${slot + 1} hold one network and spike differently`,
      );
    }
    const { weights } = await this.batch.readNetwork(0, this.#sizes[0] as number);
    const neurons = this.#sizes[0] as number;
    for (let neuron = 0; neuron < neurons; neuron++) {
      let sum = 0;
      for (let input = 0; input < INPUTS; input++) sum += weights[input * neurons + neuron] as number;
      const norm = LIVELY_DIEHL_COOK.norm;
      confirm(
        Math.abs(sum / norm - 1) < 1e-4,
        () => `diehl_cook: column ${neuron} sums to ${sum}, not ${norm}`,
      );
    }
  }

  [Symbol.dispose](): void {
    this.batch[Symbol.dispose]();
  }
}

/** Counts and spikes of all samples: of a record, what is written. */
function spikeWords({ records, processed }: BatchItemResult): number[] {
  const words = recordWords(STEPS);
  const found: number[] = [];
  for (let sample = 0; sample < processed; sample++) {
    const count = (records[sample * words] as number) & 0xffff;
    found.push(...records.subarray(sample * words, sample * words + count + 1));
  }
  return found;
}

/** What `diehl_cook` had to do, from what came of it. */
export function costOfItems(
  data: Pick<EventLists, 'offsets' | 'steps' | 'inputs'>,
  sizes: readonly number[],
  items: readonly BatchItem[],
  results: readonly BatchItemResult[],
): KernelCost {
  const { offsets, steps, inputs } = data;
  const words = recordWords(steps);
  return sumOfCosts(
    items.map((item, index) => {
      const { processed, records, excitatorySpikes } = results[index] as BatchItemResult;
      let events = 0;
      let active = 0;
      let activeEvents = 0;
      for (let sample = 0; sample < processed; sample++) {
        const first = (item.first + sample) * (steps + 1);
        const own = (offsets[first + steps] as number) - (offsets[first] as number);
        const count = (records[sample * words] as number) & 0xffff;
        const spikes = records.subarray(sample * words + 1, sample * words + 1 + count);
        const columns = new Set(Array.from(spikes, (word) => word & 0xffff)).size;
        events += own;
        active += columns;
        activeEvents += columns * own;
      }
      return diehlCookCost({
        neurons: sizes[item.slot] as number,
        inputs,
        steps,
        samples: processed,
        events,
        learns: item.learn,
        active,
        activeEvents,
        spikes: excitatorySpikes,
      });
    }),
  );
}

/** A case: networks of given sizes, one a slot, that learn so many samples each. */
export function diehlCookCase(name: string, sizes: readonly number[], samples: number): BenchCase {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const neurons = least === most ? `${least}` : `${least} to ${most}`;
  return {
    name,
    kind: 'diehl_cook',
    work: `${sizes.length === 1 ? 'a network' : `${sizes.length} networks`} of ${neurons} neurons, ${samples} samples each learned`,
    unit: 'sample x network',
    prepare: async (device) => {
      const workload = await DiehlCookWorkload.create(device, sizes, samples);
      return {
        check: () => workload.check(),
        run: (repetition) => workload.run(repetition + 1),
        [Symbol.dispose]: () => workload[Symbol.dispose](),
      };
    },
  };
}
