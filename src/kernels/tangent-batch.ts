/**
 * Tangent vectors of several networks on a device, in single precision: carried through steps or events, and made
 * orthonormal, all networks in one launch.
 *
 * @example
 * using batch = await TangentBatch.create(device, operators, { count: 20, steps: 10, seed: 1 });
 * batch.advance(10, coefficients);
 * batch.orthonormalize();
 * const [[logs]] = await batch.growth();
 */
import { encodeStruct, type StructLayout, structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel, type Launch } from '../device/device.ts';
import { Draws } from '../random/draws.ts';
import { keyOf, STREAMS } from '../random/philox.ts';

/** How the state of a network depends on that of the step before, but for what changes from step to step. */
export interface TangentOperator {
  readonly neurons: number;
  /** Exponential channels. */
  readonly channels: number;
  /**
   * Of delta synapses, then of each channel, [1 + channels][neurons + 1]: where the synapses of each target begin. The
   * planes follow each other.
   */
  readonly bounds: Uint32Array;
  /** [synapse]: the neuron it comes from. */
  readonly sources: Uint32Array;
  readonly weights: Float32Array;
  /** Leak of v, [neurons]; effect of each channel on v, [neurons]; decay of each channel, [neurons]. */
  readonly leaks: Float32Array;
}

export interface TangentOptions {
  /** Vectors of each network, at most as many as its state has variables. */
  readonly count: number;
  /** Steps of one {@link TangentBatch.advance} at the most. */
  readonly steps: number;
  readonly seed?: number;
}

/** Operations of one network for {@link TangentBatch.apply}. */
export interface TangentOperations {
  readonly length: number;
  readonly targets: Uint32Array;
  readonly sources: Uint32Array;
  /** [operation][2 + 3 channels] */
  readonly numbers: Float64Array;
}

interface Kernels {
  readonly step: Kernel;
  readonly events: Kernel;
  readonly orthonormalize: Kernel;
}

interface Slot {
  readonly rows: number;
  readonly count: number;
  readonly quads: number;
  readonly x: number;
  readonly coefficients: number;
  readonly logs: number;
  readonly squares: number;
}

const PANEL = 16;
/** Orthonormalizations whose growth is kept on the device until it is read. */
export const KEPT_GROWTHS = 32;
const [OVERLAP, SUBTRACT, PANELS, ALL, SQUARES] = [0, 1, 2, 3, 4];
/** What the kernel writes for a direction that was lost, and for numbers that are not finite. */
const LOST = -1e30;
const NOT_FINITE = 1e30;

export class TangentBatch implements Disposable {
  readonly #device: Device;
  readonly #kernels: Kernels;
  readonly #slots: readonly Slot[];
  readonly #buffers: Record<string, DeviceBuffer> = {};
  readonly #neurons: readonly number[];
  readonly #steps: number;
  readonly #quads: number;
  readonly #logLength: number;
  #operations: DeviceBuffer | undefined;
  #plane = 0;
  #pending = 0;

  private constructor(
    device: Device,
    kernels: Kernels,
    operators: readonly TangentOperator[],
    { count, steps, seed = 0 }: TangentOptions,
    quads: number,
  ) {
    this.#device = device;
    this.#kernels = kernels;
    this.#steps = steps;
    this.#quads = quads;
    this.#neurons = operators.map(({ neurons }) => neurons);
    const packed = pack(structLayout(kernels.step.contract, 'TangentSlot'), operators, count, steps);
    this.#slots = packed.slots;
    this.#logLength = packed.logs;
    const { slots, total } = packed;
    const vectors = new Float32Array(8 * total);
    operators.forEach((_, index) => {
      const { rows, count: k, quads: q, x } = slots[index] as Slot;
      const draws = new Draws(keyOf(seed), STREAMS.tangentVectors);
      for (let row = 0; row < rows; row++) {
        draws.at(row, 0);
        for (let i = 0; i < k; i++) vectors[4 * (x + row * q) + i] = draws.normal();
      }
    });
    const contents: Record<string, ArrayBufferView> = {
      slots: packed.bytes,
      tables: packed.tables,
      reals: packed.reals,
      vectors,
    };
    const lengths: Record<string, number> = {
      coefficients: 4 * packed.coefficients,
      overlaps: 4 * packed.overlaps,
      logs: 4 * KEPT_GROWTHS * packed.logs,
      again: 4 * operators.length,
      squares: 16 * total,
      ranges: 8 * operators.length,
    };
    for (const [name, data] of Object.entries(contents)) {
      this.#buffers[name] = device.createBuffer(Math.max(16, data.byteLength), `tangent ${name}`);
      if (data.byteLength > 0) device.write(this.#buffer(name), 0, data);
    }
    for (const [name, length] of Object.entries(lengths)) {
      this.#buffers[name] = device.createBuffer(Math.max(16, length), `tangent ${name}`);
    }
  }

  /**
   * Uploads networks and random vectors, which are orthonormal already.
   *
   * @throws {DeviceError} `capacity` when the device can't hold them
   */
  static async create(
    device: Device,
    operators: readonly TangentOperator[],
    options: TangentOptions,
  ): Promise<TangentBatch> {
    const widest = Math.ceil(options.count / 4);
    const quads = Math.min(16, 2 ** Math.ceil(Math.log2(Math.max(1, widest))));
    const [step, events, orthonormalize] = await Promise.all([
      device.kernel('tangent_step', { lanes: 64, quads }),
      device.kernel('tangent_events', { lanes: device.info.software ? 8 : 64 }),
      device.kernel('tangent_orthonormalize'),
    ]);
    const batch = new TangentBatch(device, { step, events, orthonormalize }, operators, options, quads);
    batch.orthonormalize();
    await batch.growth();
    return batch;
  }

  /**
   * Carries all vectors through so many steps.
   *
   * @param coefficients of each network: [step][gain, keep, drive][neurons]
   */
  advance(steps: number, coefficients: readonly Float32Array[]): void {
    if (!(steps >= 1 && steps <= this.#steps)) {
      throw new DeviceError(
        'launch',
        `can't carry tangent vectors through ${steps} steps: give 1 to ${this.#steps}`,
      );
    }
    this.#slots.forEach((slot, index) => {
      const values = coefficients[index];
      const length = 3 * steps * (this.#neurons[index] as number);
      if (values?.length !== length) {
        throw new DeviceError(
          'launch',
          `network ${index} has ${values?.length} coefficients; ${steps} steps take ${length}`,
        );
      }
      if (length > 0) this.#device.write(this.#buffer('coefficients'), 4 * slot.coefficients, values);
    });
    this.#run(
      'step',
      ['tables', 'reals', 'coefficients'],
      { steps, plane: this.#plane },
      this.#tiles(this.#quads),
    );
    this.#plane = (this.#plane + steps) % 2;
  }

  /** Carries out operations on all vectors, in order, for each network its own. */
  apply(operations: readonly TangentOperations[]): void {
    const ranges: number[] = [];
    let words = 0;
    for (const { length, numbers } of operations) {
      ranges.push(words, length);
      words += 2 * length + numbers.length;
    }
    const all = new Uint32Array(words);
    const reals = new Float32Array(all.buffer);
    let at = 0;
    for (const { length, targets, sources, numbers } of operations) {
      const width = length === 0 ? 0 : numbers.length / length;
      for (let op = 0; op < length; op++) {
        all[at] = targets[op] as number;
        all[at + 1] = sources[op] as number;
        reals.set(numbers.subarray(op * width, (op + 1) * width), at + 2);
        at += 2 + width;
      }
    }
    if (this.#operations === undefined || this.#operations.byteLength < all.byteLength) {
      this.#operations?.[Symbol.dispose]();
      this.#operations = this.#device.createBuffer(Math.max(16, 2 * all.byteLength), 'tangent operations');
      this.#buffers.operations = this.#operations;
    }
    if (words > 0) this.#device.write(this.#operations, 0, all);
    this.#device.write(this.#buffer('ranges'), 0, Uint32Array.from(ranges));
    const lanes = this.#kernels.events.constants.lanes as number;
    this.#run('events', ['ranges', 'operations'], { plane: this.#plane }, this.#tiles(lanes));
  }

  /**
   * Makes all vectors orthonormal; their growth since the last time is to be read by {@link growth}, at the latest after
   * `KEPT_GROWTHS` times.
   *
   * @param sum whether the squares of the components are added to {@link squares}
   */
  orthonormalize(sum = false): void {
    if (this.#pending === KEPT_GROWTHS) {
      throw new DeviceError('launch', `read the growth of tangent vectors every ${KEPT_GROWTHS} times`);
    }
    const most = this.#slots.reduce((largest, { count }) => Math.max(largest, count), 0);
    const rows = this.#slots.reduce((largest, slot) => Math.max(largest, slot.rows), 0);
    const launch = (phase: number, tiles: number, first = 0, pass = 0) => {
      const log_offset = this.#pending * this.#logLength;
      this.#run(
        'orthonormalize',
        ['overlaps', 'logs', 'again', 'squares'],
        { plane: this.#plane, phase, first, pass_index: pass, log_offset },
        tiles,
      );
    };
    const { kind, software } = this.#device.info;
    // One workgroup a network where that keeps the device busy, or all do with one launch; else one for each tile.
    if (kind === 'native' || most <= 2 * PANEL || this.#slots.length >= (software ? 2 : 32)) launch(ALL, 1);
    else {
      for (let first = 0; first < most; first += PANEL) {
        for (const pass of [0, 1]) {
          if (first > 0) {
            launch(OVERLAP, first / PANEL, first, pass);
            launch(SUBTRACT, Math.ceil(rows / PANEL), first, pass);
          }
          launch(PANELS, 1, first, pass);
        }
      }
    }
    if (sum) {
      const elements = this.#slots.reduce((largest, slot) => Math.max(largest, slot.rows * slot.quads), 0);
      launch(SQUARES, Math.ceil(elements / 64));
    }
    this.#pending++;
  }

  /**
   * Waits for what was queued. Of each orthonormalization since the last call and each network, the logarithms of the
   * growth of its vectors, [k]; -Infinity for lost directions, NaN where numbers are not finite.
   */
  async growth(): Promise<Float32Array[][]> {
    const kept = this.#pending;
    this.#pending = 0;
    if (kept === 0 || this.#logLength === 0)
      return Array.from({ length: kept }, () => this.#slots.map(() => new Float32Array(0)));
    const bytes = await this.#device.read(this.#buffer('logs'), 0, 4 * kept * this.#logLength);
    const all = new Float32Array(bytes).map((log) => {
      if (log <= 0.5 * LOST) return -Infinity;
      return log >= 0.5 * NOT_FINITE ? Number.NaN : log;
    });
    return Array.from({ length: kept }, (_, time) =>
      this.#slots.map(({ logs, count }) =>
        all.slice(time * this.#logLength + logs, time * this.#logLength + logs + count),
      ),
    );
  }

  /** Sums of squared components of a network, [row][k]. */
  async squares(slot: number): Promise<Float32Array> {
    const { squares } = this.#slot(slot);
    return this.#rows('squares', slot, squares);
  }

  /** The vectors of a network, [row][k]. */
  async vectors(slot: number): Promise<Float32Array> {
    const { x, rows, quads } = this.#slot(slot);
    return this.#rows('vectors', slot, x + this.#plane * rows * quads);
  }

  [Symbol.dispose](): void {
    for (const buffer of Object.values(this.#buffers)) buffer[Symbol.dispose]();
  }

  async #rows(name: string, index: number, at: number): Promise<Float32Array> {
    const { rows, quads, count } = this.#slot(index);
    const values = new Float32Array(rows * count);
    if (values.length === 0) return values;
    const all = new Float32Array(await this.#device.read(this.#buffer(name), 16 * at, 16 * rows * quads));
    for (let row = 0; row < rows; row++) {
      values.set(all.subarray(4 * row * quads, 4 * row * quads + count), row * count);
    }
    return values;
  }

  #tiles(quads: number): number {
    return this.#slots.reduce((most, slot) => Math.max(most, Math.ceil(slot.quads / quads)), 0);
  }

  #run(
    name: keyof Kernels,
    buffers: readonly string[],
    values: Readonly<Record<string, number>>,
    tiles: number,
  ): void {
    const kernel = this.#kernels[name];
    const params = new Uint8Array((kernel.contract.params as StructLayout).byteLength);
    encodeStruct(kernel.contract.params as StructLayout, { slots: this.#slots.length, ...values }, params, 0);
    if (tiles === 0 || this.#slots.length === 0) return;
    const launch: Launch = {
      kernel,
      params,
      buffers: Object.fromEntries(['slots', 'vectors', ...buffers].map((each) => [each, this.#buffer(each)])),
      workgroups: [tiles, this.#slots.length, 1],
    };
    this.#device.run([launch]);
  }

  #slot(index: number): Slot {
    const slot = this.#slots[index];
    if (!slot)
      throw new DeviceError('launch', `there is no network ${index}; there are ${this.#slots.length}`);
    return slot;
  }

  #buffer(name: string): DeviceBuffer {
    const buffer = this.#buffers[name];
    if (!buffer) throw new DeviceError('contract', `the batch has no buffer "${name}"`);
    return buffer;
  }
}

/** Operators side by side. */
function pack(layout: StructLayout, operators: readonly TangentOperator[], count: number, steps: number) {
  const bytes = new Uint8Array(operators.length * layout.byteLength);
  const tables: Uint32Array[] = [];
  const reals: Float32Array[] = [];
  const slots: Slot[] = [];
  // Vectors take two planes, so `total` quads are both one plane of all and the sums of squares.
  let [total, tableLength, realLength, coefficients, logs, overlaps] = [0, 0, 0, 0, 0, 0];
  operators.forEach((operator, index) => {
    const { neurons, channels, bounds, sources, weights, leaks } = operator;
    const rows = neurons * (1 + channels);
    const k = Math.min(count, rows);
    const quads = Math.ceil(k / 4);
    const slot = { rows, count: k, quads, x: 2 * total, coefficients, logs, squares: total };
    slots.push(slot);
    const values = {
      neurons,
      channels,
      ...slot,
      bounds: tableLength,
      sources: tableLength + bounds.length,
      weights: realLength,
      leaks: realLength + weights.length,
      overlaps,
    };
    encodeStruct(layout, values, bytes, index * layout.byteLength);
    tables.push(bounds, sources);
    reals.push(weights, leaks);
    tableLength += bounds.length + sources.length;
    realLength += weights.length + leaks.length;
    coefficients += 3 * steps * neurons;
    logs += k;
    overlaps += PANEL * k;
    total += rows * quads;
  });
  return {
    bytes,
    slots,
    total,
    coefficients,
    logs,
    overlaps,
    tables: joined(new Uint32Array(tableLength), tables),
    reals: joined(new Float32Array(realLength), reals),
  };
}

function joined<T extends Uint32Array | Float32Array>(all: T, pieces: readonly T[]): T {
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
