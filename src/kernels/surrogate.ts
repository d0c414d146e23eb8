/**
 * Layers of spiking networks that are trained by surrogate gradients, on a device: the kernels `surrogate_*` with their
 * buffers, for several slots and a batch of samples.
 *
 * Forward, all spikes are kept as bits; membrane potentials only for a segment of steps. Going back, a segment's
 * potentials are computed again from the state at its beginning, unless all steps are one segment.
 */
import { encodeStruct, structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel, type Launch } from '../device/device.ts';
import {
  createBuffers,
  type LayerBuffers,
  SURROGATE_KERNELS,
  type SurrogateBuffers,
  type SurrogateKernel,
  type SurrogateKernels,
} from './surrogate-buffers.ts';
import { SurrogateLaunches } from './surrogate-launches.ts';
import type { KernelRow, SurrogateShape } from './surrogate-shape.ts';

/** Launches for one size of batch. */
interface Plan {
  readonly forward: readonly Launch[];
  readonly backward: readonly Launch[];
}

/** What a slot does in a batch. */
export interface SlotRun {
  readonly does: 'nothing' | 'forward' | 'learn';
  /** Its samples, and steps of a sample: no more than there is room for. */
  readonly samples: number;
  readonly steps: number;
}

const RUNS = { nothing: 0, learn: 1, forward: 2 } as const;

/** What a batch cost in a slot. */
export interface BatchOutcomes {
  /** [slot][sample] */
  readonly loss: Float32Array;
  readonly predicted: Uint32Array;
  readonly outputSpikes: Uint32Array;
  /** [layer][slot][sample] */
  readonly spikes: Uint32Array;
  /** [slot][layer]: sums of squares of gradients; as before where nothing was learned. */
  readonly norms: Float32Array;
}

export class SurrogateBatch implements Disposable {
  readonly shape: SurrogateShape;
  readonly #device: Device;
  readonly #kernels: SurrogateKernels;
  readonly #buffers: SurrogateBuffers;
  readonly #launches: SurrogateLaunches;
  readonly #plans = new Map<string, Plan>();
  #sizesFor = '';

  private constructor(
    device: Device,
    shape: SurrogateShape,
    kernels: SurrogateKernels,
    buffers: SurrogateBuffers,
  ) {
    this.shape = shape;
    this.#device = device;
    this.#kernels = kernels;
    this.#buffers = buffers;
    const { maxWorkgroupsPerDimension } = device.info.limits;
    this.#launches = new SurrogateLaunches(shape, kernels, buffers, maxWorkgroupsPerDimension);
  }

  /** @throws {DeviceError} `capacity` when the device has no room, or a segment is too short for delayed output */
  static async create(device: Device, shape: SurrogateShape): Promise<SurrogateBatch> {
    const { steps, segment, layers } = shape;
    if (segment < steps && (shape.values || layers.some(({ lag }) => lag > 0))) {
      throw new DeviceError(
        'capacity',
        'networks with real-valued inputs or delayed output need all steps at once: give more memory, or smaller batches',
      );
    }
    const lanes = device.info.software ? 8 : 64;
    const constants: Readonly<Record<SurrogateKernel, Record<string, number>>> = {
      forward: { lanes: device.info.software ? 8 : 32 },
      // On a processor neighbours share nothing but the vector: a thread alone does the sums of a quad.
      backward: { lanes, parts: device.info.software ? 1 : 8 },
      weights: { lanes },
      matmul: {},
      loss: { max_classes: Math.max(16, shape.classes) },
      norm: { lanes: 64 },
      transposed: { lanes },
      update: { lanes: 64 },
    };
    const made = await Promise.all(
      SURROGATE_KERNELS.map(
        async (name) => [name, await device.kernel(`surrogate_${name}`, constants[name])] as const,
      ),
    );
    const kernels = Object.fromEntries(made) as Record<SurrogateKernel, Kernel>;
    return new SurrogateBatch(device, shape, kernels, createBuffers(device, shape, kernels));
  }

  /** Writes what the slots' layers are. Rows of `Slot` without what a run says, in the order of the slots. */
  writeSlots(layer: number, rows: readonly KernelRow[], runs: readonly SlotRun[]): void {
    const layout = structLayout(this.#kernels.forward.contract, 'Slot');
    const bytes = new Uint8Array(rows.length * layout.byteLength);
    rows.forEach((row, slot) => {
      const { does, samples, steps } = runs[slot] as SlotRun;
      const full = { ...row, runs: RUNS[does], samples, steps };
      encodeStruct(layout, full, bytes, slot * layout.byteLength);
    });
    this.#device.write(this.#layer(layer).of.slots, 0, bytes);
  }

  /** Sizes of the dense products: inputs, neurons and columns of each slot's layers; of slots that do not run, nothing. */
  writeSizes(rows: readonly (readonly KernelRow[])[], runs: readonly SlotRun[]): void {
    const what = runs.map(({ does, samples }) => `${RUNS[does]} ${samples}`).join();
    const key = `${what} ${rows.map((r) => r.map((x) => x.width).join()).join(';')}`;
    if (key === this.#sizesFor) return;
    this.#sizesFor = key;
    const { segment, steps, values } = this.shape;
    type Sizes = (slot: number, samples: number) => readonly [number, number, number];
    const triples = (of: Sizes, also: SlotRun['does'] = 'learn'): Uint32Array =>
      Uint32Array.from(
        runs.flatMap(({ does, samples }, slot) =>
          does === 'learn' || does === also ? of(slot, samples) : [0, 0, 0],
        ),
      );
    const field = (layer: number, slot: number, name: string): number => rows[layer]?.[slot]?.[name] ?? 0;
    this.#buffers.layers.forEach(({ of, room }, l) => {
      this.#device.write(
        of.sizes,
        0,
        triples((s, samples) => [samples * segment, field(l, s, 'width'), field(l, s, 'inputs')]),
      );
      this.#device.write(
        of.sums,
        0,
        triples((_, samples) => [1, samples, 4 * room.columns]),
      );
    });
    if (!values) return;
    const { driveSizes, valueSizes } = this.#buffers.shared;
    this.#device.write(
      driveSizes,
      0,
      triples((s, samples) => [samples * steps, field(0, s, 'inputs'), field(0, s, 'width')], 'forward'),
    );
    this.#device.write(
      valueSizes,
      0,
      triples((s, samples) => [field(0, s, 'inputs'), samples * steps, field(0, s, 'width')]),
    );
  }

  /**
   * Puts a slot's parameters of a layer in place, and forgets the moments of its optimizer, and the gradients: those of a
   * larger network before would count in the norm.
   */
  writeParameters(layer: number, slot: number, values: Float32Array): void {
    const { of, places } = this.#layer(layer);
    const at = 4 * slot * places.stride;
    this.#device.write(of.parameters, at, values);
    const zeros = new Float32Array(places.stride);
    this.#device.write(of.first, at, zeros);
    this.#device.write(of.second, at, zeros);
    this.#device.write(of.gradients, at, zeros);
  }

  /** Parameters, or what else lies like them, of a slot's layer. */
  async readParameters(
    layer: number,
    slot: number,
    which: 'parameters' | 'gradients' = 'parameters',
  ): Promise<Float32Array> {
    const { of, places } = this.#layer(layer);
    const bytes = await this.#device.read(of[which], 4 * slot * places.stride, 4 * places.stride);
    return new Float32Array(bytes);
  }

  /** The spikes of a layer, u32 [slot][sample][step][ceil(width / 32)]. */
  async readSpikes(layer: number): Promise<Uint32Array> {
    return new Uint32Array(await this.#device.read(this.#layer(layer).of.spikes));
  }

  /**
   * The bits of a batch's input spikes, [sample][step][ceil(inputs / 32)], or its values, [sample][step][input].
   *
   * @param slot whose they are, where each has samples of its own
   */
  writeInputs(inputs: Uint32Array | Float32Array, slot = 0): void {
    const { batch, steps, layers } = this.shape;
    const width = layers[0]?.inputs ?? 0;
    const { values, inputs: bits } = this.#buffers.shared;
    const [into, row] = inputs instanceof Float32Array ? [values, width] : [bits, Math.ceil(width / 32)];
    this.#device.write(into, 4 * slot * batch * steps * row, inputs);
  }

  /** [slot][sample] of a batch */
  writeLabels(labels: Uint32Array): void {
    this.#device.write(this.#buffers.shared.labels, 0, labels);
  }

  /** Bits of what is not dropped of a layer's output, [slot][sample][ceil(width / 32)]. */
  writeMasks(layer: number, masks: Uint32Array): void {
    this.#device.write(this.#layer(layer).of.masks, 0, masks);
  }

  /** One row of `Goal` a slot. */
  writeGoals(rows: readonly KernelRow[]): void {
    this.#writeRows(this.#kernels.loss, 'Goal', this.#buffers.shared.goals, rows);
  }

  /** One row of `Step` a slot, for each layer. */
  writeSteps(layer: number, rows: readonly KernelRow[]): void {
    this.#writeRows(this.#kernels.update, 'Step', this.#layer(layer).of.steps, rows);
  }

  /** Queues a batch: forward, and backward with a step of the optimizers where `learn`. */
  run(batch: number, learn: boolean, update = learn): void {
    const key = `${batch} ${learn} ${update}`;
    let plan = this.#plans.get(key);
    if (!plan) {
      plan = {
        forward: this.#launches.forward(batch, learn),
        backward: learn
          ? [...this.#launches.backward(batch), ...(update ? this.#launches.update() : [])]
          : [],
      };
      this.#plans.set(key, plan);
    }
    this.#device.run(plan.forward);
    if (learn) this.#device.run(plan.backward);
  }

  /** Waits for the batch. */
  async outcomes(batch: number): Promise<BatchOutcomes> {
    const { slots, layers } = this.shape;
    const samples = slots * batch;
    const [outcomes, spikes, norms] = await Promise.all([
      this.#device.read(this.#buffers.shared.outcomes, 0, 12 * samples),
      this.#device.read(this.#buffers.shared.totals, 0, 4 * layers.length * samples),
      this.#device.read(this.#buffers.shared.norms),
    ]);
    const reals = new Float32Array(outcomes);
    const whole = new Uint32Array(outcomes);
    return {
      loss: Float32Array.from({ length: samples }, (_, s) => reals[3 * s] as number),
      predicted: Uint32Array.from({ length: samples }, (_, s) => whole[3 * s + 1] as number),
      outputSpikes: Uint32Array.from({ length: samples }, (_, s) => whole[3 * s + 2] as number),
      spikes: new Uint32Array(spikes),
      norms: new Float32Array(norms),
    };
  }

  [Symbol.dispose](): void {
    for (const { of } of this.#buffers.layers)
      for (const buffer of Object.values(of)) buffer[Symbol.dispose]();
    for (const buffer of Object.values(this.#buffers.shared)) buffer[Symbol.dispose]();
  }

  #layer(layer: number): LayerBuffers {
    const one = this.#buffers.layers[layer];
    if (!one)
      throw new DeviceError(
        'contract',
        `there is no layer ${layer}; there are ${this.#buffers.layers.length}`,
      );
    return one;
  }

  #writeRows(kernel: Kernel, struct: string, into: DeviceBuffer, rows: readonly KernelRow[]): void {
    const layout = structLayout(kernel.contract, struct);
    const bytes = new Uint8Array(rows.length * layout.byteLength);
    rows.forEach((row, index) => {
      encodeStruct(layout, row, bytes, index * layout.byteLength);
    });
    this.#device.write(into, 0, bytes);
  }
}
