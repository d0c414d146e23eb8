/** Networks on a device that are advanced by one method, each in a slot of its own. */
import { availableParallelism } from 'node:os';
import { structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel } from '../device/device.ts';
import type { RecurrentOptions, RecurrentRecord, RecurrentState } from './recurrent-batch.ts';
import { packColumns } from './recurrent-columns.ts';
import { RECORD_RASTER, RECORD_SPIKES, RecurrentLaunches } from './recurrent-launches.ts';
import { learns, type PropagationMethod, takesManySteps } from './recurrent-method.ts';
import { fromModes, keptStateLength, type Modes } from './recurrent-modes.ts';
import { type CompiledNetwork, classOf } from './recurrent-network.ts';
import { type PackedNetworks, type PackedSlot, packNetworks } from './recurrent-packing.ts';
import {
  MOST_LISTED_STEPS,
  type ReadElements,
  RecordCollector,
  type Recording,
  recordedSteps,
  recordingOf,
} from './recurrent-records.ts';
import { cutRows } from './recurrent-rows.ts';
import { STATE_FIELDS } from './recurrent-shape.ts';

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
  readonly #recording: Recording;
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
    recording: Recording,
    steps: { readonly most: number; readonly fixed: boolean },
  ) {
    this.#device = device;
    this.#launches = launches;
    this.method = launches.method;
    this.#networks = networks;
    this.#slots = slots;
    this.#modes = modes;
    this.#recording = recording;
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
    const { traces, beforeReset = false } = options.record ?? {};
    const recording = recordingOf(options, method);
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
    const most = stepsOfLaunch(networks, options, recording);
    const packed = packNetworks(networks, structLayout(contract, 'Slot'), {
      recordSteps: most,
      listSpikes: (recording.flags & RECORD_SPIKES) !== 0,
      ...(device.info.kind === 'native' && method === 'network' ? { threads: availableParallelism() } : {}),
      ...(traces ? { traces } : {}),
      beforeReset,
      ...(modes ? { modes } : {}),
    });
    const launches = RecurrentLaunches.create(device, method, kernels, packed.slots, recording.flags);
    const steps = { most, fixed: options.stepsPerLaunch !== undefined };
    const batch = new RecurrentGroup(device, launches, networks, packed.slots, modes, recording, steps);
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
    const collectors = this.#slots.map(
      (slot) => new RecordCollector(slot, this.#recording, firstStep, steps),
    );
    const read: ReadElements = (name, first, length) => this.#read(name, first, length);
    for (let done = 0; done < steps; ) {
      const count = Math.min(this.#launchSteps, steps - done);
      const started = performance.now();
      this.#clearFirstRow();
      this.#device.run(this.#launches.of(this.#buffers, this.#step, count));
      this.#step += count;
      if (this.#recording.flags !== 0) {
        const start = done;
        await Promise.all(collectors.map((collector) => collector.pull(read, start, count)));
      }
      if (!this.#fixed) {
        await this.#device.idle();
        this.#adapt(count, performance.now() - started);
      }
      done += count;
    }
    await this.#device.idle();
    return collectors.map((collector) => collector.record());
  }

  /** A row of the raster that each step by step must find empty; the kernels empty the others. */
  #clearFirstRow(): void {
    if (takesManySteps(this.method) || (this.#recording.flags & RECORD_RASTER) === 0) return;
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
      raster: this.#recording.flags & (RECORD_RASTER | RECORD_SPIKES) ? packed.rasterLength : 0,
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

/** As many steps as the room for records allows. */
function stepsOfLaunch(
  networks: readonly CompiledNetwork[],
  { stepsPerLaunch }: RecurrentOptions,
  recording: Recording,
): number {
  const longest = recording.flags & RECORD_SPIKES ? MOST_LISTED_STEPS : MOST_STEPS;
  if (stepsPerLaunch !== undefined) {
    const usable = Number.isInteger(stepsPerLaunch) && stepsPerLaunch >= 1 && stepsPerLaunch <= MOST_STEPS;
    if (usable) return Math.min(stepsPerLaunch, longest);
    throw new DeviceError(
      'launch',
      `stepsPerLaunch is ${stepsPerLaunch}; it must be a whole number from 1 to ${MOST_STEPS}`,
    );
  }
  return recordedSteps(networks, recording, MAX_STEPS_PER_LAUNCH);
}

/** As in `diehl-cook.ts`: a vector's width where a processor computes, else two warps. */
function defaultLanes(device: Device): number {
  return device.info.software ? 8 : 64;
}
