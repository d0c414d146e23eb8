/** Training by surrogate gradients for benchmarks: networks side by side on random spikes. */
import { type SampleSource, storedSpikes } from '../data/samples.ts';
import type { Device } from '../device/device.ts';
import type { KernelCost } from '../kernels/costs.ts';
import { batchCosts } from '../learning/surrogate/batch-costs.ts';
import type { TrainingDescription } from '../learning/surrogate/description.ts';
import { SurrogateTrainer } from '../learning/surrogate/trainer.ts';
import type { TrainedNetwork } from '../learning/surrogate/training.ts';
import { Draws } from '../random/draws.ts';
import { keyOf } from '../random/philox.ts';
import { confirm } from './errors.ts';
import { BENCH_STREAM } from './launches.ts';

/** Parts of the networks that are timed. */
export const LIF = {
  kind: 'lif',
  membraneDecay: 0.9,
  threshold: 1,
  surrogate: { kind: 'fast-sigmoid', slope: 10 },
} as const;
export const READOUT: TrainingDescription['layers'][number] = {
  kind: 'dense',
  neurons: 10,
  neuron: { kind: 'integrator', membraneDecay: 0.95 },
};
/** So that hidden neurons spike in some per cent of the steps, as trained ones do. */
export const STRONG = { kind: 'uniform', gain: 4 } as const;

export interface TrainingSizes {
  readonly slots: number;
  readonly batch: number;
  readonly steps: number;
  /** Height, width, channels of the input. */
  readonly input: readonly [number, number, number];
  /** Share of the inputs that spike in a step. */
  readonly density: number;
  readonly layers: TrainingDescription['layers'];
}

const CLASSES = 10;
/** Batches of random samples, which repetitions take in turn. */
const BATCHES = 8;

export class TrainingWorkload implements Disposable {
  readonly #trainer: SurrogateTrainer;
  readonly #sizes: TrainingSizes;
  readonly #source: SampleSource;
  readonly #description: TrainingDescription;

  private constructor(
    trainer: SurrogateTrainer,
    source: SampleSource,
    sizes: TrainingSizes,
    description: TrainingDescription,
  ) {
    this.#trainer = trainer;
    this.#source = source;
    this.#sizes = sizes;
    this.#description = description;
  }

  static async create(device: Device, sizes: TrainingSizes): Promise<TrainingWorkload> {
    const { slots, batch } = sizes;
    const source = randomSpikes(sizes);
    const description: TrainingDescription = {
      layers: sizes.layers,
      loss: { kind: 'membrane-mean' },
      optimizer: { kind: 'adam', rate: 1e-4 },
      seed: 1,
    };
    const networks = Array.from({ length: slots }, (_, slot) => ({ ...description, seed: 1 + (slot >> 1) }));
    const trainer = await SurrogateTrainer.create(device, {
      slots,
      batchSize: batch,
      input: source,
      networks,
    });
    networks.forEach((network, slot) => {
      trainer.load(slot, network);
    });
    return new TrainingWorkload(trainer, source, sizes, description);
  }

  /**
   * The gradient of the readout's weights against differences of the loss, as spikes don't depend on them; spikes in every
   * layer; the same bits for the same network.
   */
  async check(): Promise<void> {
    const indices = this.#indices(0);
    const reports = await this.#trainer.differentiate(this.#source, indices);
    reports[0]?.layerSpikes.slice(0, -1).forEach((spikes, layer) => {
      confirm(spikes > 0, () => `layer ${layer} does not spike: there is nothing to measure`);
    });
    const name = `${this.#sizes.layers.length - 1}.weight`;
    const [first = new Float32Array(), second] = await Promise.all(
      [0, 1].map(async (slot) => (await this.#trainer.gradients(slot))[name]?.values),
    );
    const square = first.reduce((sum, value) => sum + value * value, 0);
    confirm(square > 0, () => 'the gradient of the readout is 0');
    confirm(
      second?.every((value, index) => Object.is(value, first[index])) ?? false,
      () => 'the same network has other gradients in another slot',
    );
    const network = await this.#trainer.save(0);
    // So far that the loss moves by a hundredth.
    const length = 0.01 / square;
    const losses: number[] = [];
    for (const side of [1, -1]) {
      this.#trainer.load(0, moved(network, name, first, side * length));
      const [report] = await this.#trainer.evaluate(this.#source, { order: indices, slots: [0] });
      losses.push(report?.loss ?? Number.NaN);
    }
    this.#trainer.load(0, network);
    const [above = 0, below = 0] = losses;
    const ratio = (above - below) / (2 * length * square);
    confirm(Math.abs(ratio - 1) < 0.02, () => `the loss changes ${ratio} times as the gradient says`);
  }

  /** Forward, backward and an update. @returns samples x networks as the amount */
  async run(repetition: number): Promise<{ amount: number; costs: Readonly<Record<string, KernelCost>> }> {
    const reports = await this.#trainer.step(this.#source, this.#indices(repetition));
    const { slots, batch } = this.#sizes;
    const counted = reports.flatMap((report) => report ?? []);
    const costs = batchCosts(this.#description, this.#source, counted, true);
    return { amount: slots * batch, costs };
  }

  #indices(repetition: number): Uint32Array {
    const { batch } = this.#sizes;
    const first = batch * (repetition % BATCHES);
    return Uint32Array.from({ length: batch }, (_, sample) => first + sample);
  }

  [Symbol.dispose](): void {
    this.#trainer[Symbol.dispose]();
  }
}

/** A network with some parameters moved along a direction. */
function moved(network: TrainedNetwork, name: string, along: Float32Array, length: number): TrainedNetwork {
  const one = network.parameters[name];
  if (one === undefined) throw new Error(`the network has no ${name}`);
  const values = one.values.map((value, index) => value + length * (along[index] ?? 0));
  return { ...network, parameters: { ...network.parameters, [name]: { ...one, values } } };
}

function randomSpikes({ batch, steps, input, density }: TrainingSizes): SampleSource {
  const samples = BATCHES * batch;
  const inputs = input[0] * input[1] * input[2];
  const draws = new Draws(keyOf(Date.now()), BENCH_STREAM);
  const offsets = new Uint32Array(samples * (steps + 1));
  const events: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    draws.at(sample, 0);
    for (let step = 0; step < steps; step++) {
      offsets[sample * (steps + 1) + step] = events.length;
      for (let i = 0; i < inputs; i++) if (draws.unit() < density) events.push(i);
    }
    offsets[sample * (steps + 1) + steps] = events.length;
  }
  const labels = Uint8Array.from({ length: samples }, (_, sample) => sample % CLASSES);
  const shape = { steps, inputs, shape: input, classes: CLASSES };
  return storedSpikes({ ...shape, labels, offsets, events: Uint16Array.from(events) });
}
