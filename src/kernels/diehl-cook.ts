/**
 * A batch of Diehl & Cook networks on a device: the kernels `uniform_weights` and `diehl_cook` with their buffers.
 *
 * Slots hold networks; items say which slot works through which samples in the next launch. A slot may be given a new
 * network between any two launches, whatever the others do.
 */
import { decodeStruct, encodeStruct, structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel } from '../device/device.ts';

/** Columns of weights are stored in tiles of this many. */
const TILE = 32;

/** Spikes of many samples as event lists, grouped by step. */
export interface EventLists {
  readonly samples: number;
  readonly steps: number;
  readonly inputs: number;
  /** [sample][step + 1]: index in `events` where each step begins; the last one of a sample is where it ends. */
  readonly offsets: Uint32Array;
  /** Input that spikes; ascending within a step. */
  readonly events: Uint16Array;
}

export interface BatchShape {
  readonly slots: number;
  /** The largest network that a slot can hold. */
  readonly maxNeurons: number;
  /** Items in one launch, at the most. */
  readonly maxItems: number;
  /** Samples in one launch, over all items, at the most. */
  readonly maxRecords: number;
}

/** What a slot does in the next launch. */
export interface BatchItem {
  readonly slot: number;
  /** Samples first .. first + count - 1 of the encoded data set. */
  readonly first: number;
  readonly count: number;
  readonly learn: boolean;
  /** True for the first samples of a new network. */
  readonly begins: boolean;
  /** How many samples this network has seen before; evaluation counts on. */
  readonly ordinal: number;
  /** The item ends after the sample that brings a layer's silent samples above these; Infinity: never. */
  readonly excitatorySilentBudget: number;
  readonly inhibitorySilentBudget: number;
}

/** What became of an item. */
export interface BatchItemResult {
  readonly processed: number;
  readonly excitatorySilent: number;
  readonly inhibitorySilent: number;
  readonly excitatorySpikes: number;
  readonly inhibitorySpikes: number;
  /** [sample][1 + steps]: counts (excitatory | inhibitory << 16), then step << 16 | neuron for each spike. */
  readonly records: Uint32Array;
}

const LEARN = 1;
const BEGINS = 2;
const UNLIMITED = 0xffffffff;

/** Words of one sample's record. */
export function recordWords(steps: number): number {
  return steps + 1;
}

/** Bytes that a batch needs on its device, by buffer: for planning. */
export function batchBytes(shape: BatchShape, data: EventLists): Readonly<Record<string, number>> {
  const columns = Math.ceil(shape.maxNeurons / TILE) * TILE;
  return {
    weights: shape.slots * columns * data.inputs * 4,
    theta: shape.slots * columns * 4,
    unsettled: shape.slots * columns * 4,
    scratch: shape.maxItems * 2 * columns * 4,
    records: shape.maxRecords * recordWords(data.steps) * 4,
    offsets: data.offsets.byteLength,
    events: data.events.byteLength,
  };
}

export class DiehlCookBatch implements Disposable {
  readonly #device: Device;
  readonly #shape: BatchShape;
  readonly #data: EventLists;
  readonly #initialise: Kernel;
  readonly #advance: Kernel;
  readonly #buffers: Record<string, DeviceBuffer> = {};
  /** Slots whose weights are to be drawn before the next launch. */
  #fills: { slot: number; neurons: number; seed_low: number; seed_high: number }[] = [];

  private constructor(device: Device, shape: BatchShape, data: EventLists, kernels: [Kernel, Kernel]) {
    this.#device = device;
    this.#shape = shape;
    this.#data = data;
    [this.#initialise, this.#advance] = kernels;
  }

  /**
   * @param trace e^(-k dt / tau) for k = 0 .. steps
   * @param lanes invocations in a workgroup; the results don't depend on it
   * @throws {DeviceError} `capacity` when the device can't hold it, naming what to lower
   */
  static async create(
    device: Device,
    shape: BatchShape,
    data: EventLists,
    trace: Float32Array<ArrayBuffer>,
    lanes = defaultLanes(device),
  ): Promise<DiehlCookBatch> {
    const kernels = await Promise.all([
      device.kernel('uniform_weights'),
      device.kernel('diehl_cook', { lanes, max_steps: data.steps, max_inputs: data.inputs }),
    ]);
    const batch = new DiehlCookBatch(device, shape, data, kernels);
    try {
      batch.#allocate(trace);
    } catch (error) {
      batch[Symbol.dispose]();
      throw error;
    }
    return batch;
  }

  #allocate(trace: Float32Array<ArrayBuffer>): void {
    const { slots, maxItems } = this.#shape;
    const contract = this.#advance.contract;
    const bytes = {
      ...batchBytes(this.#shape, this.#data),
      items: maxItems * structLayout(contract, 'Item').byteLength,
      slots: slots * structLayout(contract, 'Slot').byteLength,
      results: maxItems * structLayout(contract, 'Result').byteLength,
      fills: slots * structLayout(this.#initialise.contract, 'Fill').byteLength,
      trace: trace.byteLength,
    };
    for (const [name, size] of Object.entries(bytes)) {
      this.#buffers[name] = this.#device.createBuffer(size, name);
    }
    this.#device.write(this.#buffer('offsets'), 0, this.#data.offsets);
    this.#device.write(this.#buffer('events'), 0, this.#data.events);
    this.#device.write(this.#buffer('trace'), 0, trace);
  }

  /** Puts a network into a slot; its weights are drawn before the next launch. */
  place(slot: number, network: Readonly<Record<string, number>>): void {
    const layout = structLayout(this.#advance.contract, 'Slot');
    const { neurons = 0, seed_low = 0, seed_high = 0 } = network;
    if (slot < 0 || slot >= this.#shape.slots || neurons > this.#shape.maxNeurons) {
      throw new DeviceError(
        'launch',
        `can't place ${neurons} neurons in slot ${slot}: there are ${this.#shape.slots} slots of ${this.#shape.maxNeurons}`,
      );
    }
    this.#device.write(this.#buffer('slots'), slot * layout.byteLength, encodeStruct(layout, network));
    this.#fills = this.#fills.filter((fill) => fill.slot !== slot);
    this.#fills.push({ slot, neurons, seed_low, seed_high });
  }

  /** Runs one launch of all the items and reads back what became of them, in their order. */
  async run(items: readonly BatchItem[]): Promise<BatchItemResult[]> {
    if (items.length === 0) return [];
    const { maxItems, maxRecords } = this.#shape;
    const samples = items.reduce((sum, item) => sum + item.count, 0);
    if (items.length > maxItems || samples > maxRecords) {
      throw new DeviceError(
        'launch',
        `${items.length} items of ${samples} samples in a batch made for ${maxItems} items of ${maxRecords}`,
      );
    }
    this.#writeItems(items);
    const words = recordWords(this.#data.steps);
    const resultLayout = structLayout(this.#advance.contract, 'Result');
    this.#device.run([...this.#fillLaunches(), this.#advanceLaunch(items.length)]);
    const [resultBytes, recordBytes] = await Promise.all([
      this.#device.read(this.#buffer('results'), 0, items.length * resultLayout.byteLength),
      this.#device.read(this.#buffer('records'), 0, samples * words * 4),
    ]);
    const records = new Uint32Array(recordBytes);
    let record = 0;
    return items.map((item, index) => {
      const result = decodeStruct(resultLayout, resultBytes, index) as unknown as RawResult;
      const first = record * words;
      record += item.count;
      return {
        processed: result.processed,
        excitatorySilent: result.exc_silent,
        inhibitorySilent: result.inh_silent,
        excitatorySpikes: result.exc_spikes,
        inhibitorySpikes: result.inh_spikes,
        records: records.subarray(first, first + result.processed * words),
      };
    });
  }

  /** Weights [input][neuron] and adaptive thresholds (mV) [neuron] of the network in a slot. */
  async readNetwork(slot: number, neurons: number): Promise<{ weights: Float32Array; theta: Float32Array }> {
    const { inputs } = this.#data;
    const columns = Math.ceil(this.#shape.maxNeurons / TILE) * TILE;
    const slotBytes = columns * inputs * 4;
    const tiled = new Float32Array(
      await this.#device.read(this.#buffer('weights'), slot * slotBytes, slotBytes),
    );
    const weights = new Float32Array(inputs * neurons);
    for (let input = 0; input < inputs; input++) {
      for (let neuron = 0; neuron < neurons; neuron++) {
        const tile = Math.floor(neuron / TILE);
        weights[input * neurons + neuron] = tiled[(tile * inputs + input) * TILE + (neuron % TILE)] as number;
      }
    }
    const theta = await this.#device.read(this.#buffer('theta'), slot * columns * 4, neurons * 4);
    return { weights, theta: new Float32Array(theta) };
  }

  [Symbol.dispose](): void {
    for (const buffer of Object.values(this.#buffers)) buffer[Symbol.dispose]();
  }

  #writeItems(items: readonly BatchItem[]): void {
    const layout = structLayout(this.#advance.contract, 'Item');
    const bytes = new Uint8Array(items.length * layout.byteLength);
    let record = 0;
    items.forEach((item, index) => {
      const values = {
        slot: item.slot,
        first: item.first,
        count: item.count,
        flags: (item.learn ? LEARN : 0) | (item.begins ? BEGINS : 0),
        ordinal: item.ordinal,
        record,
        exc_silent_budget: Math.min(item.excitatorySilentBudget, UNLIMITED),
        inh_silent_budget: Math.min(item.inhibitorySilentBudget, UNLIMITED),
      };
      encodeStruct(layout, values, bytes, index * layout.byteLength);
      record += item.count;
    });
    this.#device.write(this.#buffer('items'), 0, bytes);
  }

  #fillLaunches() {
    const fills = this.#fills;
    if (fills.length === 0) return [];
    this.#fills = [];
    const kernel = this.#initialise;
    const layout = structLayout(kernel.contract, 'Fill');
    const bytes = new Uint8Array(fills.length * layout.byteLength);
    fills.forEach((fill, index) => {
      encodeStruct(layout, fill, bytes, index * layout.byteLength);
    });
    this.#device.write(this.#buffer('fills'), 0, bytes);
    const tiles = this.#slotTiles();
    const quads = tiles * this.#data.inputs * 8;
    return [
      {
        kernel,
        params: encodeStruct(structLayout(kernel.contract, 'Params'), {
          inputs: this.#data.inputs,
          slot_tiles: tiles,
        }),
        buffers: { fills: this.#buffer('fills'), weights: this.#buffer('weights') },
        workgroups: [Math.ceil(quads / (kernel.constants.lanes ?? 1)), fills.length, 1] as const,
      },
    ];
  }

  #advanceLaunch(items: number) {
    const kernel = this.#advance;
    const { steps, inputs } = this.#data;
    const most = this.#device.info.limits.maxWorkgroupsPerDimension;
    const across = Math.min(items, most);
    const names = kernel.contract.buffers.map((binding) => binding.name);
    return {
      kernel,
      params: encodeStruct(structLayout(kernel.contract, 'Params'), {
        steps,
        inputs,
        slot_tiles: this.#slotTiles(),
        items,
      }),
      buffers: Object.fromEntries(names.map((name) => [name, this.#buffer(name)])),
      workgroups: [across, Math.ceil(items / across), 1] as const,
    };
  }

  #slotTiles(): number {
    return Math.ceil(this.#shape.maxNeurons / TILE);
  }

  #buffer(name: string): DeviceBuffer {
    const buffer = this.#buffers[name];
    if (!buffer) throw new DeviceError('contract', `the batch has no buffer "${name}"`);
    return buffer;
  }
}

interface RawResult {
  readonly processed: number;
  readonly exc_silent: number;
  readonly inh_silent: number;
  readonly exc_spikes: number;
  readonly inh_spikes: number;
}

/**
 * A workgroup as wide as one vector on adapters that compute on the processor (barriers cost nothing there then),
 * and two warps of a graphics card else. Measured figures: docs/performance.md.
 */
function defaultLanes(device: Device): number {
  return device.info.software ? 8 : 64;
}
