/**
 * A batch of sparse recurrent networks on a device, each in a slot of its own, advanced together step by step.
 *
 * @example
 * await using device = await openDevice('auto');
 * using batch = await RecurrentBatch.create(device, networks, { record: { raster: true } });
 * const records = await batch.run(10_000);
 */
import { encodeStruct, structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel } from '../device/device.ts';
import type { CompiledNetwork } from './recurrent-network.ts';
import { type PackedNetworks, type PackedSlot, packNetworks } from './recurrent-packing.ts';

export interface RecurrentOptions {
  readonly record?: {
    /** All spikes of all neurons. */
    readonly raster?: boolean;
    /** Neurons whose membrane potential is recorded, for each network. */
    readonly traces?: readonly (readonly number[])[];
  };
  /** Steps of one launch, at the most; chosen from the networks and the device when absent. */
  readonly stepsPerLaunch?: number;
  /** Invocations in a workgroup on a WebGPU adapter; the results don't depend on it. */
  readonly lanes?: number;
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

const RECORD_RASTER = 1;
const RECORD_TRACES = 2;
/** Bytes of raster and traces that are kept on the device between two read-backs. */
const RECORD_BYTES = 64 * 2 ** 20;
const MAX_STEPS_PER_LAUNCH = 4096;

export class RecurrentBatch implements Disposable {
  readonly #device: Device;
  readonly #kernel: Kernel;
  readonly #networks: readonly CompiledNetwork[];
  readonly #slots: readonly PackedSlot[];
  readonly #record: number;
  readonly #stepsPerLaunch: number;
  readonly #buffers: Record<string, DeviceBuffer> = {};
  #step = 0;

  private constructor(
    device: Device,
    kernel: Kernel,
    networks: readonly CompiledNetwork[],
    slots: readonly PackedSlot[],
    record: number,
    stepsPerLaunch: number,
  ) {
    this.#device = device;
    this.#kernel = kernel;
    this.#networks = networks;
    this.#slots = slots;
    this.#record = record;
    this.#stepsPerLaunch = stepsPerLaunch;
  }

  /**
   * Checks, packs and uploads networks; they stand before step 0 then.
   *
   * @throws {RecurrentNetworkError} naming what is wrong with a network
   * @throws {DeviceError} `capacity` when the device can't hold them
   */
  static async create(
    device: Device,
    networks: readonly CompiledNetwork[],
    options: RecurrentOptions = {},
  ): Promise<RecurrentBatch> {
    const lanes = options.lanes ?? defaultLanes(device);
    const kernel = await device.kernel('recurrent_network', { lanes });
    const { raster = false, traces } = options.record ?? {};
    const stepsPerLaunch = stepsOfLaunch(networks, options);
    const packed = packNetworks(networks, structLayout(kernel.contract, 'Slot'), {
      recordSteps: stepsPerLaunch,
      ...(traces ? { traces } : {}),
    });
    const record = (raster ? RECORD_RASTER : 0) | (traces ? RECORD_TRACES : 0);
    const batch = new RecurrentBatch(device, kernel, networks, packed.slots, record, stepsPerLaunch);
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
      const count = Math.min(this.#stepsPerLaunch, steps - done);
      this.#launch(count);
      if (this.#record !== 0) await this.#pull(records, done, count);
      done += count;
    }
    await this.#device.idle();
    return records;
  }

  /** Spikes of each neuron of a network since step 0. */
  async counts(slot: number): Promise<Uint32Array> {
    const { offsets, neurons } = this.#slot(slot);
    return new Uint32Array(await this.#read('counts', offsets.counts, neurons));
  }

  /** Membrane potentials, refractoriness, adaptation and channels of a network. */
  async state(slot: number): Promise<RecurrentState> {
    const { offsets, neurons, stride, exponential } = this.#slot(slot);
    const all = new Float32Array(await this.#read('state', offsets.state, (3 + exponential) * stride));
    const field = (index: number) => all.slice(index * stride, index * stride + neurons);
    return {
      v: field(0),
      refractory: field(1).map((left) => (left >= 2 ** 24 ? 0 : left)),
      adaptation: field(2),
      channels: Array.from({ length: exponential }, (_, channel) => field(3 + channel)),
    };
  }

  /** Weight of each synapse of a network, in the order of its words. */
  async weights(slot: number): Promise<Float32Array> {
    const { offsets, unit, parts, partNeurons } = this.#slot(slot);
    const { synapses, neurons } = this.#networks[slot] as CompiledNetwork;
    const { words, classes, rows } = synapses;
    const weights = new Float32Array(words.length);
    if (!synapses.weights) {
      words.forEach((word, place) => {
        weights[place] = classes[word >>> 20]?.weight ?? 0;
      });
      return weights;
    }
    const fixed = new Int32Array(await this.#read('weights', offsets.weights, words.length));
    const next = new Uint32Array(parts);
    for (let source = 0; source < neurons; source++) {
      const begin = rows[source] as number;
      const end = rows[source + 1] as number;
      next.fill(0);
      for (let place = begin; place < end; place++) {
        const part = Math.floor(((words[place] as number) & 0xfffff) / partNeurons);
        next[part] = (next[part] as number) + 1;
      }
      let at = begin;
      for (let part = 0; part < parts; part++) {
        const count = next[part] as number;
        next[part] = at;
        at += count;
      }
      for (let place = begin; place < end; place++) {
        const word = words[place] as number;
        const part = Math.floor((word & 0xfffff) / partNeurons);
        const packed = next[part] as number;
        next[part] = packed + 1;
        weights[place] = classes[word >>> 20]?.weight ?? (fixed[packed] as number) * unit;
      }
    }
    return weights;
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
    };
    const lengths: Record<string, number> = {
      ring: packed.ringLength,
      raster: this.#record & RECORD_RASTER ? packed.rasterLength : 0,
      counts: packed.countsLength,
      traces: packed.tracesLength,
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

  #launch(steps: number): void {
    const kernel = this.#kernel;
    const slots = this.#slots.length;
    const across = Math.max(1, Math.min(slots, this.#device.info.limits.maxWorkgroupsPerDimension));
    const names = kernel.contract.buffers.map((binding) => binding.name);
    this.#device.run([
      {
        kernel,
        params: encodeStruct(structLayout(kernel.contract, 'Params'), {
          first_step: this.#step,
          steps,
          slots,
          record: this.#record,
        }),
        buffers: Object.fromEntries(names.map((name) => [name, this.#buffer(name)])),
        workgroups: [across, Math.ceil(slots / across), 1],
      },
    ]);
    this.#step += steps;
  }

  /** Copies what a launch of `count` steps recorded into the records, `done` steps after their beginning. */
  async #pull(records: readonly RecurrentRecord[], done: number, count: number): Promise<void> {
    const { length: slots } = this.#slots;
    if (this.#record & RECORD_RASTER) {
      const all = new Uint32Array(await this.#device.read(this.#buffer('raster')));
      for (let slot = 0; slot < slots; slot++) {
        const { raster, rasterWords } = records[slot] as RecurrentRecord;
        const { offsets, stride } = this.#slot(slot);
        for (let step = 0; step < count; step++) {
          const at = offsets.raster + step * (stride / 32);
          raster.set(all.subarray(at, at + rasterWords), (done + step) * rasterWords);
        }
      }
    }
    if (this.#record & RECORD_TRACES) {
      const all = new Float32Array(await this.#device.read(this.#buffer('traces')));
      for (let slot = 0; slot < slots; slot++) {
        const { offsets, traceCount } = this.#slot(slot);
        const recorded = all.subarray(offsets.traces, offsets.traces + count * traceCount);
        records[slot]?.traces.set(recorded, done * traceCount);
      }
    }
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
    if (Number.isInteger(stepsPerLaunch) && stepsPerLaunch >= 1) return stepsPerLaunch;
    throw new DeviceError(
      'launch',
      `stepsPerLaunch is ${stepsPerLaunch}; it must be a whole number from 1 on`,
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
