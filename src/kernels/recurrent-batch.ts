/**
 * A batch of sparse recurrent networks on a device, each in a slot of its own, advanced together step by step.
 *
 * @example
 * await using device = await openDevice('auto');
 * using batch = await RecurrentBatch.create(device, networks, { record: { raster: true } });
 * const records = await batch.run(10_000);
 */
import { availableParallelism } from 'node:os';
import { structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel } from '../device/device.ts';
import { packColumns } from './recurrent-columns.ts';
import { RECORD_RASTER, RECORD_TRACES, RecurrentLaunches } from './recurrent-launches.ts';
import { chooseMethod, learns, type PropagationMethod } from './recurrent-method.ts';
import { type CompiledNetwork, classOf } from './recurrent-network.ts';
import { type PackedNetworks, type PackedSlot, packNetworks } from './recurrent-packing.ts';
import { cutRows } from './recurrent-rows.ts';
import { STATE_FIELDS } from './recurrent-shape.ts';

export interface RecurrentOptions {
  readonly record?: {
    /** All spikes of all neurons. */
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
  /** How spikes reach their targets, which changes no result; see {@link chooseMethod}, which chooses when absent. */
  readonly method?: PropagationMethod;
}

/** What was recorded of a network while it ran. */
export interface RecurrentRecord {
  readonly firstStep: number;
  readonly steps: number;
  /** [step][rasterWords]: bit n % 32 of word n / 32 is set where neuron n spikes. Empty unless asked for. */
  readonly raster: Uint32Array;
  /** Words of one step of the raster. */
  readonly rasterWords: number;
  /** [step][traced neuron]: membrane potential at the end of the step, mV. Empty unless asked for. */
  readonly traces: Float32Array;
}

/** The state of a network between two steps. */
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

/** Bytes of raster and traces that are kept on the device between two read-backs. */
const RECORD_BYTES = 64 * 2 ** 20;
const MAX_STEPS_PER_LAUNCH = 4096;
/** What the kernels take at the most. */
const MOST_STEPS = 2 ** 16;
/**
 * Adapters that compute for a screen too are taken away from whoever keeps them for long. A launch of many steps is made
 * as long as this by its predecessor's time; the first has this many steps.
 */
const LAUNCH_MS = 50;
const FIRST_STEPS = 16;
/** Steps that are submitted at once where each phase of a step is a launch of its own. */
const STEPS_PER_SUBMIT = 64;

export class RecurrentBatch implements Disposable {
  /** How spikes reach their targets here. */
  readonly method: PropagationMethod;
  readonly #device: Device;
  readonly #launches: RecurrentLaunches;
  readonly #networks: readonly CompiledNetwork[];
  readonly #slots: readonly PackedSlot[];
  readonly #record: number;
  /** Steps for whose records there is room. */
  readonly #mostSteps: number;
  readonly #buffers: Record<string, DeviceBuffer> = {};
  /** Whether launches take as many steps as they were told to. */
  readonly #fixed: boolean;
  #launchSteps: number;
  #step = 0;

  private constructor(
    device: Device,
    launches: RecurrentLaunches,
    networks: readonly CompiledNetwork[],
    slots: readonly PackedSlot[],
    record: number,
    steps: { readonly most: number; readonly fixed: boolean },
  ) {
    this.#device = device;
    this.#launches = launches;
    this.method = launches.method;
    this.#networks = networks;
    this.#slots = slots;
    this.#record = record;
    this.#mostSteps = steps.most;
    this.#fixed = steps.fixed || device.info.kind === 'native';
    const first = launches.method === 'network' ? FIRST_STEPS : STEPS_PER_SUBMIT;
    this.#launchSteps = this.#fixed ? steps.most : Math.min(steps.most, first);
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
    const { raster = false, traces, beforeReset = false } = options.record ?? {};
    const method = beforeReset ? 'network' : (options.method ?? chooseMethod(device.info, networks));
    const learning = networks.find(learns);
    if (learning && method !== 'network') {
      throw new DeviceError(
        'launch',
        `network "${learning.name}" learns, which the method "${method}" can't; use "network"`,
      );
    }
    const lanes = options.lanes ?? defaultLanes(device);
    const kernels = await RecurrentLaunches.kernels(device, method, {
      lanes,
      learning: learning !== undefined,
    });
    const { contract } = Object.values(kernels)[0] as Kernel;
    const most = stepsOfLaunch(networks, options);
    const packed = packNetworks(networks, structLayout(contract, 'Slot'), {
      recordSteps: most,
      ...(device.info.kind === 'native' && method === 'network' ? { threads: availableParallelism() } : {}),
      ...(traces ? { traces } : {}),
      beforeReset,
    });
    const record = (raster ? RECORD_RASTER : 0) | (traces ? RECORD_TRACES : 0);
    const launches = RecurrentLaunches.create(device, method, kernels, packed.slots, record);
    const steps = { most, fixed: options.stepsPerLaunch !== undefined };
    const batch = new RecurrentBatch(device, launches, networks, packed.slots, record, steps);
    try {
      batch.#upload(packed);
    } catch (error) {
      batch[Symbol.dispose]();
      throw error;
    }
    return batch;
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
    const firstStep = this.#step;
    const records = this.#slots.map((slot) => emptyRecord(slot, firstStep, steps, this.#record));
    for (let done = 0; done < steps; ) {
      const count = Math.min(this.#launchSteps, steps - done);
      const started = performance.now();
      this.#clearFirstRow();
      this.#device.run(this.#launches.of(this.#buffers, this.#step, count));
      this.#step += count;
      if (this.#record !== 0) await this.#pull(records, done, count);
      if (!this.#fixed) {
        await this.#device.idle();
        this.#adapt(count, performance.now() - started);
      }
      done += count;
    }
    await this.#device.idle();
    return records;
  }

  /** A row of the raster that each step by step must find empty; the kernels empty the others. */
  #clearFirstRow(): void {
    if (this.method === 'network' || (this.#record & RECORD_RASTER) === 0) return;
    for (const { offsets, stride } of this.#slots) {
      this.#device.write(this.#buffer('raster'), 4 * offsets.raster, new Uint32Array(stride / 32));
    }
  }

  /** Takes as many steps at once as fit the time of a launch. */
  #adapt(steps: number, ms: number): void {
    if (this.method !== 'network' || steps < this.#launchSteps) return;
    const fitting = Math.max(1, Math.floor((steps * LAUNCH_MS) / Math.max(ms, 0.1)));
    this.#launchSteps = Math.min(fitting, 4 * steps, this.#mostSteps);
  }

  /** Spikes of each neuron of a network since step 0. */
  async counts(slot: number): Promise<Uint32Array> {
    const { offsets, neurons } = this.#slot(slot);
    return new Uint32Array(await this.#read('counts', offsets.counts, neurons));
  }

  /** Membrane potentials, refractoriness, adaptation and channels of a network. */
  async state(slot: number): Promise<RecurrentState> {
    const { offsets, neurons, stride, exponential } = this.#slot(slot);
    const all = new Float32Array(
      await this.#read('state', offsets.state, (STATE_FIELDS + exponential) * stride),
    );
    const field = (index: number) => all.slice(index * stride, index * stride + neurons);
    return {
      v: field(0),
      refractory: field(1).map((left) => (left >= 2 ** 24 ? 0 : left)),
      adaptation: field(2),
      channels: Array.from({ length: exponential }, (_, channel) => field(STATE_FIELDS + channel)),
    };
  }

  /** Weight of each synapse of a network, in the order of its words. */
  async weights(slot: number): Promise<Float32Array> {
    const { offsets, unit, parts, partNeurons } = this.#slot(slot);
    const network = this.#networks[slot] as CompiledNetwork;
    const { words, classes, weights: own } = network.synapses;
    const fixed = own
      ? new Int32Array(await this.#read('weights', offsets.weights, words.length))
      : new Int32Array(0);
    const { places } = cutRows(network, { parts: own ? parts : 1, partNeurons });
    return Float32Array.from(words, (word, place) => {
      return classes[classOf(word)]?.weight ?? (fixed[places?.[place] ?? place] as number) * unit;
    });
  }

  [Symbol.dispose](): void {
    for (const buffer of Object.values(this.#buffers)) buffer[Symbol.dispose]();
  }

  #upload(packed: PackedNetworks): void {
    const contents: Record<string, ArrayBufferView> = {
      slots: packed.slotBytes,
      tables: packed.tables,
      rows: packed.rows,
      synapses: packed.synapses,
      weights: packed.weights,
      state: packed.state,
      ...(this.method === 'gather' ? packColumns(this.#networks) : {}),
    };
    const lengths: Record<string, number> = {
      ring: packed.ringLength,
      raster: this.#record & RECORD_RASTER ? packed.rasterLength : 0,
      counts: packed.countsLength,
      traces: packed.tracesLength,
      spike_counts: this.method === 'network' ? 0 : 2 * this.#slots.length,
      history: this.method === 'gather' ? packed.historyLength : 0,
    };
    for (const [name, data] of Object.entries(contents)) {
      // A binding is never empty in WebGPU.
      this.#buffers[name] = this.#device.createBuffer(Math.max(4, data.byteLength), name);
      if (data.byteLength > 0) this.#device.write(this.#buffer(name), 0, data);
    }
    for (const [name, length] of Object.entries(lengths)) {
      this.#buffers[name] = this.#device.createBuffer(Math.max(4, 4 * length), name);
    }
  }

  /** Copies what a launch of `count` steps recorded into the records, `done` steps after their beginning. */
  async #pull(records: readonly RecurrentRecord[], done: number, count: number): Promise<void> {
    const pulls = records.map(async ({ raster, rasterWords, traces }, slot) => {
      const { offsets, stride, traceCount } = this.#slot(slot);
      if (this.#record & RECORD_RASTER) {
        const words = stride / 32;
        const rows = new Uint32Array(await this.#read('raster', offsets.raster, count * words));
        for (let step = 0; step < count; step++) {
          const row = rows.subarray(step * words, step * words + rasterWords);
          raster.set(row, (done + step) * rasterWords);
        }
      }
      if (this.#record & RECORD_TRACES && traceCount > 0) {
        const rows = await this.#read('traces', offsets.traces, count * traceCount);
        traces.set(new Float32Array(rows), done * traceCount);
      }
    });
    await Promise.all(pulls);
  }

  #read(name: string, first: number, length: number): Promise<ArrayBuffer> {
    return this.#device.read(this.#buffer(name), 4 * first, 4 * length);
  }

  #slot(slot: number): PackedSlot {
    const found = this.#slots[slot];
    if (!found)
      throw new DeviceError('launch', `there is no network ${slot}; there are ${this.#slots.length}`);
    return found;
  }

  #buffer(name: string): DeviceBuffer {
    const buffer = this.#buffers[name];
    if (!buffer) throw new DeviceError('contract', `the batch has no buffer "${name}"`);
    return buffer;
  }
}

function emptyRecord(slot: PackedSlot, firstStep: number, steps: number, record: number): RecurrentRecord {
  const rasterWords = Math.ceil(slot.neurons / 32);
  return {
    firstStep,
    steps,
    raster: new Uint32Array(record & RECORD_RASTER ? steps * rasterWords : 0),
    rasterWords,
    traces: new Float32Array(record & RECORD_TRACES ? steps * slot.traceCount : 0),
  };
}

/** As many steps as the room for records allows. */
function stepsOfLaunch(
  networks: readonly CompiledNetwork[],
  { record, stepsPerLaunch }: RecurrentOptions,
): number {
  if (stepsPerLaunch !== undefined) {
    const usable = Number.isInteger(stepsPerLaunch) && stepsPerLaunch >= 1 && stepsPerLaunch <= MOST_STEPS;
    if (usable) return stepsPerLaunch;
    throw new DeviceError(
      'launch',
      `stepsPerLaunch is ${stepsPerLaunch}; it must be a whole number from 1 to ${MOST_STEPS}`,
    );
  }
  let bytes = 0;
  networks.forEach(({ neurons }, index) => {
    if (record?.raster) bytes += Math.ceil(neurons / 64) * 8;
    bytes += 4 * (record?.traces?.[index]?.length ?? 0);
  });
  return bytes === 0
    ? MAX_STEPS_PER_LAUNCH
    : Math.max(1, Math.min(MAX_STEPS_PER_LAUNCH, Math.floor(RECORD_BYTES / bytes)));
}

/** As in `diehl-cook.ts`: a vector's width where a processor computes, else two warps. */
function defaultLanes(device: Device): number {
  return device.info.software ? 8 : 64;
}
