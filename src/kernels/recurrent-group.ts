/** Networks on a device that are advanced by one method, each in a slot of its own. */
import { availableParallelism } from 'node:os';
import { structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel } from '../device/device.ts';
import type { RecurrentOptions, RecurrentRecord, RecurrentState } from './recurrent-batch.ts';
import { packColumns } from './recurrent-columns.ts';
import { RECORD_RASTER, RECORD_TRACES, RecurrentLaunches } from './recurrent-launches.ts';
import { learns, type PropagationMethod, takesManySteps } from './recurrent-method.ts';
import { fromModes, keptStateLength, type Modes } from './recurrent-modes.ts';
import { type CompiledNetwork, classOf } from './recurrent-network.ts';
import { type PackedNetworks, type PackedSlot, packNetworks } from './recurrent-packing.ts';
import { cutRows } from './recurrent-rows.ts';
import { STATE_FIELDS } from './recurrent-shape.ts';

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

export class RecurrentGroup implements Disposable {
  /** How spikes reach their targets here. */
  readonly method: PropagationMethod;
  readonly #device: Device;
  readonly #launches: RecurrentLaunches;
  readonly #networks: readonly CompiledNetwork[];
  readonly #slots: readonly PackedSlot[];
  readonly #modes: readonly Modes[] | undefined;
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
    modes: readonly Modes[] | undefined,
    record: number,
    steps: { readonly most: number; readonly fixed: boolean },
  ) {
    this.#device = device;
    this.#launches = launches;
    this.method = launches.method;
    this.#networks = networks;
    this.#slots = slots;
    this.#modes = modes;
    this.#record = record;
    this.#mostSteps = steps.most;
    this.#fixed = steps.fixed || device.info.kind === 'native';
    const first = takesManySteps(launches.method) ? FIRST_STEPS : STEPS_PER_SUBMIT;
    this.#launchSteps = this.#fixed ? steps.most : Math.min(steps.most, first);
  }

  /**
   * Checks, packs and uploads networks; they stand before step 0 then.
   *
   * @param modes of each network, for the method `modes`
   */
  static async create(
    device: Device,
    networks: readonly CompiledNetwork[],
    method: PropagationMethod,
    options: RecurrentOptions,
    modes?: readonly Modes[],
  ): Promise<RecurrentGroup> {
    const { raster = false, traces, beforeReset = false } = options.record ?? {};
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
      ...(modes ? { modes } : {}),
    });
    const record = (raster ? RECORD_RASTER : 0) | (traces ? RECORD_TRACES : 0);
    const launches = RecurrentLaunches.create(device, method, kernels, packed.slots, record);
    const steps = { most, fixed: options.stepsPerLaunch !== undefined };
    const batch = new RecurrentGroup(device, launches, networks, packed.slots, modes, record, steps);
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
    if (takesManySteps(this.method) || (this.#record & RECORD_RASTER) === 0) return;
    for (const { offsets, stride } of this.#slots) {
      this.#device.write(this.#buffer('raster'), 4 * offsets.raster, new Uint32Array(stride / 32));
    }
  }

  /** Takes as many steps at once as fit the time of a launch. */
  #adapt(steps: number, ms: number): void {
    if (!takesManySteps(this.method) || steps < this.#launchSteps) return;
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
    const modes = this.#modes?.[slot];
    const length = modes ? keptStateLength(exponential, stride) : (STATE_FIELDS + exponential) * stride;
    const kept = new Float32Array(await this.#read('state', offsets.state, length));
    const fields = modes ? fromModes(kept, modes, stride, this.#step) : kept;
    const field = (index: number) => fields.slice(index * stride, index * stride + neurons);
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
      spike_counts: takesManySteps(this.method) ? 0 : 2 * this.#slots.length,
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
