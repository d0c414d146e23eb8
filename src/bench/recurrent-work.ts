/** Recurrent networks for benchmarks, and what their launches cost. */
import type { Device } from '../device/device.ts';
import {
  type KernelCost,
  type RecurrentWork,
  recurrentGatherCost,
  recurrentModesCost,
  recurrentNetworkCost,
  recurrentRecordCost,
  recurrentScatterCost,
  recurrentUpdateCost,
  sumOfCosts,
} from '../kernels/costs.ts';
import { RecurrentBatch } from '../kernels/recurrent-batch.ts';
import type { PropagationMethod } from '../kernels/recurrent-method.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { bitsIn } from '../kernels/recurrent-records.ts';
import { shapeOf } from '../kernels/recurrent-shape.ts';
import { confirm } from './errors.ts';

/** Of the spikes of the first steps, those that may be missing or elsewhere by modes; a spike that moves is both. */
const SHARE_MOVED = 0.05;

export class RecurrentWorkload implements Disposable {
  readonly #device: Device;
  readonly #batch: RecurrentBatch;
  readonly #networks: readonly CompiledNetwork[];
  readonly #steps: number;
  /** Spikes of each network and neuron at the end of the last repetition. */
  #counts: Uint32Array[];

  private constructor(
    device: Device,
    batch: RecurrentBatch,
    networks: readonly CompiledNetwork[],
    steps: number,
  ) {
    this.#device = device;
    this.#batch = batch;
    this.#networks = networks;
    this.#steps = steps;
    this.#counts = networks.map(({ neurons }) => new Uint32Array(neurons));
  }

  /** @param steps of one repetition */
  static async create(
    device: Device,
    networks: readonly CompiledNetwork[],
    method: PropagationMethod,
    steps: number,
  ): Promise<RecurrentWorkload> {
    const batch = await RecurrentBatch.create(device, networks, { method, record: { spikes: true } });
    return new RecurrentWorkload(device, batch, networks, steps);
  }

  /**
   * The first network spikes as it does by another method: other kernels, the same bits, or by modes the same but for
   * rounding.
   */
  async check(): Promise<void> {
    const [network] = this.#networks;
    if (network === undefined) return;
    const steps = 50;
    const method = this.#batch.methodOf(0);
    const other: PropagationMethod = method === 'network' ? 'scatter' : 'network';
    const rasters = [];
    for (const each of [method, other]) {
      using batch = await RecurrentBatch.create(this.#device, [network], {
        method: each,
        record: { raster: true },
      });
      const [record] = await batch.run(steps);
      rasters.push(record?.raster ?? new Uint32Array());
    }
    const [a = new Uint32Array(), b = new Uint32Array()] = rasters;
    const spikes = a.reduce((sum, word) => sum + bitsIn(word), 0);
    confirm(spikes > 0, () => `${network.name}: nothing spikes in ${steps} steps`);
    const different = a.reduce((sum, word, index) => sum + bitsIn(word ^ (b[index] ?? 0)), 0);
    // Modes round in other places, so that a spike may come in the step after or before.
    confirm(
      a.length === b.length && different <= (method === 'modes' ? SHARE_MOVED * spikes : 0),
      () =>
        `${network.name}: the methods ${method} and ${other} disagree in ${different} of ${spikes} spikes`,
    );
  }

  /** @returns network-seconds as the amount */
  async run(): Promise<{ readonly amount: number; readonly costs: Record<string, KernelCost> }> {
    await this.#batch.run(this.#steps);
    const works = await this.#works();
    const method = this.#batch.methodOf(0);
    const over = (cost: (work: RecurrentWork) => KernelCost) => sumOfCosts(works.map(cost));
    const costs = costsOf(method, over);
    const seconds = this.#networks.reduce((sum, { dtMs }) => sum + (this.#steps * dtMs) / 1000, 0);
    return { amount: seconds, costs };
  }

  async #works(): Promise<RecurrentWork[]> {
    const counts = await Promise.all(this.#networks.map((_, slot) => this.#batch.counts(slot)));
    const before = this.#counts;
    this.#counts = counts;
    return this.#networks.map((network, slot) => {
      const { rows, words } = network.synapses;
      const { planes, exponential, depth, weighted } = shapeOf(network);
      let spikes = 0;
      let events = 0;
      counts[slot]?.forEach((count, neuron) => {
        const fresh = count - (before[slot]?.[neuron] ?? 0);
        spikes += fresh;
        events += fresh * ((rows[neuron + 1] as number) - (rows[neuron] as number));
      });
      const { neurons } = network;
      const shape = { planes, channels: exponential, depth, weighted };
      return { neurons, synapses: words.length, ...shape, steps: this.#steps, spikes, events };
    });
  }

  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }
}

/** The kernels that a method launches, with their costs. */
function costsOf(
  method: PropagationMethod,
  over: (cost: (work: RecurrentWork) => KernelCost) => KernelCost,
): Record<string, KernelCost> {
  if (method === 'modes') return { recurrent_modes: over(recurrentModesCost) };
  if (method === 'network') return { recurrent_network: over(recurrentNetworkCost) };
  return {
    recurrent_update: over(recurrentUpdateCost),
    recurrent_record: over(recurrentRecordCost),
    ...(method === 'gather'
      ? { recurrent_gather: over(recurrentGatherCost) }
      : { recurrent_scatter: over(recurrentScatterCost) }),
  };
}
