/**
 * A batch of sparse recurrent networks on a device, each in a slot of its own, advanced together step by step.
 *
 * @example
 * await using device = await openDevice('auto');
 * using batch = await RecurrentBatch.create(device, networks, { record: { spikes: true } });
 * const [{ spikes }] = await batch.run(10_000);
 */
import { type Device, DeviceError } from '../device/device.ts';
import { RecurrentGroup } from './recurrent-group.ts';
import { chooseMethod, type PropagationMethod } from './recurrent-method.ts';
import { type Modes, modesOf } from './recurrent-modes.ts';
import type { CompiledNetwork } from './recurrent-network.ts';
import type { SpikeList } from './recurrent-records.ts';

export interface RecurrentOptions {
  readonly record?: {
    /** All spikes of all neurons, as lists. Much smaller than rasters where few neurons spike in a step. */
    readonly spikes?: boolean;
    /** All spikes of all neurons, as bits. */
    readonly raster?: boolean;
    /** Neurons whose membrane potential is recorded, for each network. */
    readonly traces?: readonly (readonly number[])[];
    /**
     * Traces are of the potential as it was before a spike reset it. For networks without adaptive thresholds; they run
     * by the method `network`.
     */
    readonly beforeReset?: boolean;
  };
  /** Steps of one launch, at the most; chosen from the networks and the device when absent. */
  readonly stepsPerLaunch?: number;
  /** Invocations in a workgroup on a WebGPU adapter; the results don't depend on it. */
  readonly lanes?: number;
  /**
   * How networks are advanced, see {@link PropagationMethod}. When absent, networks that can be are computed by their
   * modes, whatever else is in the batch, and the others by the method that {@link chooseMethod} finds.
   */
  readonly method?: PropagationMethod;
}

/** What was recorded of a network while it ran. */
export interface RecurrentRecord {
  readonly firstStep: number;
  readonly steps: number;
  /** [spike], by steps and then by neurons: when, counted from step 0, and who. Empty unless asked for. */
  readonly spikes: SpikeList;
  /** [step][rasterWords]: bit n % 32 of word n / 32 is set where neuron n spikes. Empty unless asked for. */
  readonly raster: Uint32Array;
  /** Words of one step of the raster. */
  readonly rasterWords: number;
  /** [step][traced neuron]: membrane potential at the end of the step, mV. Empty unless asked for. */
  readonly traces: Float32Array;
}

/**
 * The state of a network between two steps. Of networks that are computed by their modes, it has what arrives in the next
 * step already: in g, and in v where it is delta.
 */
export interface RecurrentState {
  /** Membrane potentials, mV, [neuron]; 0 for sources. */
  readonly v: Float32Array;
  /** Steps for which v is still held, [neuron]. */
  readonly refractory: Float32Array;
  /** Adaptive part of the thresholds, mV, [neuron]. */
  readonly adaptation: Float32Array;
  /** [exponential channel][neuron]. */
  readonly channels: readonly Float32Array[];
}

/** Networks that are advanced by one method, with their places in the batch. */
interface Group {
  readonly group: RecurrentGroup;
  readonly places: readonly number[];
}

export class RecurrentBatch implements Disposable {
  readonly #groups: readonly Group[];
  /** Group and slot in it of each network. */
  readonly #slots: readonly { readonly group: RecurrentGroup; readonly slot: number }[];
  #step = 0;

  private constructor(groups: readonly Group[]) {
    this.#groups = groups;
    const slots: { group: RecurrentGroup; slot: number }[] = [];
    for (const { group, places } of groups) {
      places.forEach((place, slot) => {
        slots[place] = { group, slot };
      });
    }
    this.#slots = slots;
  }

  /**
   * Checks, packs and uploads networks; they stand before step 0 then.
   *
   * @throws {RecurrentNetworkError} naming what is wrong with a network
   * @throws {DeviceError} `capacity` when the device can't hold them, `launch` for a method that can't compute them
   */
  static async create(
    device: Device,
    networks: readonly CompiledNetwork[],
    options: RecurrentOptions = {},
  ): Promise<RecurrentBatch> {
    const groups: Group[] = [];
    try {
      for (const { method, places, modes } of divide(device, networks, options)) {
        const traces = options.record?.traces;
        const group = await RecurrentGroup.create(
          device,
          places.map((place) => networks[place] as CompiledNetwork),
          method,
          traces
            ? {
                ...options,
                record: { ...options.record, traces: places.map((place) => traces[place] ?? []) },
              }
            : options,
          modes,
        );
        groups.push({ group, places });
      }
    } catch (error) {
      for (const { group } of groups) group[Symbol.dispose]();
      throw error;
    }
    return new RecurrentBatch(groups);
  }

  /** How a network is advanced here. */
  methodOf(slot: number): PropagationMethod {
    return this.#slot(slot).group.method;
  }

  /** The next step to be computed: the number of steps done. */
  get step(): number {
    return this.#step;
  }

  /**
   * Advances all networks by so many steps.
   *
   * @returns what was recorded of each network, in their order
   */
  async run(steps: number): Promise<RecurrentRecord[]> {
    if (!(Number.isInteger(steps) && steps >= 0 && this.#step + steps < 2 ** 32)) {
      throw new DeviceError('launch', `can't run ${steps} steps: give a whole number, below 2^32 in all`);
    }
    const records: RecurrentRecord[] = [];
    const runs = this.#groups.map(async ({ group, places }) => {
      const own = await group.run(steps);
      places.forEach((place, slot) => {
        records[place] = own[slot] as RecurrentRecord;
      });
    });
    await Promise.all(runs);
    this.#step += steps;
    return records;
  }

  /** Spikes of each neuron of a network since step 0. */
  async counts(slot: number): Promise<Uint32Array> {
    const found = this.#slot(slot);
    return await found.group.counts(found.slot);
  }

  /** Membrane potentials, refractoriness, adaptation and channels of a network. */
  async state(slot: number): Promise<RecurrentState> {
    const found = this.#slot(slot);
    return await found.group.state(found.slot);
  }

  /** Weight of each synapse of a network, in the order of its words. */
  async weights(slot: number): Promise<Float32Array> {
    const found = this.#slot(slot);
    return await found.group.weights(found.slot);
  }

  [Symbol.dispose](): void {
    for (const { group } of this.#groups) group[Symbol.dispose]();
  }

  #slot(slot: number) {
    const found = this.#slots[slot];
    if (!found)
      throw new DeviceError('launch', `there is no network ${slot}; there are ${this.#slots.length}`);
    return found;
  }
}

interface Division {
  readonly method: PropagationMethod;
  readonly places: readonly number[];
  readonly modes?: readonly Modes[];
}

/**
 * The networks by their methods. Each is computed by its modes or not whatever else is in the batch: that rounds in other
 * places, and a network's results must not depend on its neighbours.
 */
function divide(
  device: Device,
  networks: readonly CompiledNetwork[],
  options: RecurrentOptions,
): readonly Division[] {
  const all = networks.map((_, place) => place);
  const { method, record } = options;
  if (record?.beforeReset) return [{ method: 'network', places: all }];
  if (method !== undefined && method !== 'modes') return [{ method, places: all }];
  const found = networks.map((network) => modesOf(network));
  const modal = all.filter((place) => typeof found[place] !== 'string');
  const others = all.filter((place) => typeof found[place] === 'string');
  const [refused] = others;
  if (method === 'modes' && refused !== undefined) {
    throw new DeviceError(
      'launch',
      `network "${networks[refused]?.name}" ${found[refused]}, which the method "modes" can't; use "network"`,
    );
  }
  const divisions: Division[] = [];
  if (modal.length > 0) {
    divisions.push({
      method: 'modes',
      places: modal,
      modes: modal.map((place) => found[place] as Modes),
    });
  }
  if (others.length > 0) {
    const rest = others.map((place) => networks[place] as CompiledNetwork);
    divisions.push({ method: chooseMethod(device.info, rest), places: others });
  }
  return divisions;
}
