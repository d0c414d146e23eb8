/**
 * Layers of spiking networks that are trained by surrogate gradients, on a device: the kernels `surrogate_*` with their
 * buffers, for several slots and a batch of samples.
 *
 * Forward, all spikes are kept as bits; membrane potentials only for a segment of steps. Going back, a segment's
 * potentials are computed again from the state at its beginning, unless all steps are one segment.
 */
import { encodeStruct, structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel, type Launch } from '../device/device.ts';

/** Room for a layer: the largest of all slots. */
export interface LayerRoom {
  readonly inputs: number;
  /** Neurons; a multiple of 32 for a dense layer. */
  readonly width: number;
  readonly columns: number;
  readonly rows: number;
  readonly projection: 'dense' | 'conv' | 'pool';
  readonly recurrent: boolean;
  /** Keep currents and adaptations along with membrane potentials, for gradients that need them. */
  readonly keepCurrents: boolean;
  readonly keepAdaptations: boolean;
  /** Whether some of its output may be dropped. */
  readonly dropout: boolean;
  /** Steps by which its output comes later. */
  readonly lag: number;
}

export interface SurrogateShape {
  readonly slots: number;
  /** Samples of a batch, at the most. */
  readonly batch: number;
  readonly steps: number;
  readonly classes: number;
  /** Whether inputs are real values rather than spikes. */
  readonly values: boolean;
  readonly layers: readonly LayerRoom[];
  /** Steps whose membrane potentials are kept at once. */
  readonly segment: number;
}

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

/** Where a layer's parameters lie within a slot's stretch. */
export interface ParameterPlaces {
  readonly recurrentAt: number;
  readonly constantsAt: number;
  /** Parameters of a slot. */
  readonly stride: number;
}

export type KernelRow = Readonly<Record<string, number>>;

const KERNELS = ['forward', 'backward', 'weights', 'matmul', 'loss', 'norm', 'transposed', 'update'] as const;
type KernelName = (typeof KERNELS)[number];

export function parameterPlaces(room: LayerRoom): ParameterPlaces {
  const recurrentAt = room.rows * room.columns;
  const constantsAt = recurrentAt + (room.recurrent ? room.width * room.columns : 0);
  return { recurrentAt, constantsAt, stride: constantsAt + 4 * room.columns };
}

/** Bytes that a slot's sample takes for a step of a neuron, and in all, at a length of segments. */
export function activityBytes(shape: SurrogateShape): number {
  const { slots, batch, steps, segment, layers } = shape;
  const samples = slots * batch;
  const copies = segment < steps ? Math.ceil(steps / segment) + 2 : 1;
  let bytes = 4 * samples * 3 * layers.length;
  layers.forEach((room, l) => {
    const last = l === layers.length - 1;
    const kept = last || segment === steps ? steps : segment + 1;
    const perSample =
      steps * Math.ceil(room.width / 32) +
      kept * planesOf(room) * room.width +
      (last ? steps : segment) * room.width +
      segment * room.width +
      (3 * copies + 5) * room.width +
      4 * room.columns;
    bytes += 4 * samples * perSample;
  });
  return (
    bytes + (shape.values ? 4 * samples * steps * ((layers[0]?.width ?? 0) + (layers[0]?.inputs ?? 0)) : 0)
  );
}

function planesOf(room: LayerRoom): number {
  return 1 + Number(room.keepCurrents) + Number(room.keepAdaptations);
}

interface LayerBuffers {
  readonly room: LayerRoom;
  readonly places: ParameterPlaces;
  readonly words: number;
  /** Steps of `trace` and of `upstream`. */
  readonly traceSteps: number;
  readonly upstreamSteps: number;
  readonly of: Readonly<Record<string, DeviceBuffer>>;
}

/** Launches for one size of batch. */
interface Plan {
  readonly forward: readonly Launch[];
  readonly backward: readonly Launch[];
}

export class SurrogateBatch implements Disposable {
  readonly shape: SurrogateShape;
  readonly #device: Device;
  readonly #kernels: Readonly<Record<KernelName, Kernel>>;
  readonly #layers: readonly LayerBuffers[];
  readonly #shared: Readonly<Record<string, DeviceBuffer>>;
  readonly #plans = new Map<string, Plan>();
  readonly #inputWords: number;
  #sizesFor = '';

  private constructor(
    device: Device,
    shape: SurrogateShape,
    kernels: Readonly<Record<KernelName, Kernel>>,
    layers: readonly LayerBuffers[],
    shared: Readonly<Record<string, DeviceBuffer>>,
  ) {
    this.shape = shape;
    this.#device = device;
    this.#kernels = kernels;
    this.#layers = layers;
    this.#shared = shared;
    this.#inputWords = Math.ceil((shape.layers[0]?.inputs ?? 0) / 32);
  }

  /** @throws {DeviceError} `capacity` when the device has no room, or a segment is too short for delayed output */
  static async create(device: Device, shape: SurrogateShape): Promise<SurrogateBatch> {
    const { slots, batch, steps, segment, layers } = shape;
    if (segment < steps && (shape.values || layers.some(({ lag }) => lag > 0))) {
      throw new DeviceError(
        'capacity',
        'networks with real-valued inputs or delayed output need all steps at once: give more memory, or smaller batches',
      );
    }
    const lanes = device.info.software ? 8 : 64;
    const constants: Readonly<Record<KernelName, Record<string, number>>> = {
      forward: { lanes: device.info.software ? 8 : 32 },
      backward: { lanes },
      weights: { lanes },
      matmul: {},
      loss: { max_classes: Math.max(16, shape.classes) },
      norm: { lanes: 64 },
      transposed: { lanes },
      update: { lanes: 64 },
    };
    const made = await Promise.all(
      KERNELS.map(async (name) => [name, await device.kernel(`surrogate_${name}`, constants[name])] as const),
    );
    const kernels = Object.fromEntries(made) as Record<KernelName, Kernel>;
    const created: DeviceBuffer[] = [];
    const buffer = (words: number, label: string): DeviceBuffer => {
      const one = device.createBuffer(4 * Math.max(4, words), label);
      created.push(one);
      return one;
    };
    try {
      const samples = slots * batch;
      const copies = segment < steps ? Math.ceil(steps / segment) + 2 : 1;
      const slotWords = structLayout(kernels.forward.contract, 'Slot').byteLength / 4;
      const made = layers.map((room, l): LayerBuffers => {
        const last = l === layers.length - 1;
        const places = parameterPlaces(room);
        const words = Math.ceil(room.width / 32);
        const traceSteps = last || segment === steps ? steps : segment + 1;
        const upstreamSteps = last ? steps : segment;
        const parameters = slots * places.stride;
        const of = {
          slots: buffer(slots * slotWords, `slots of layer ${l}`),
          parameters: buffer(parameters, `parameters of layer ${l}`),
          gradients: buffer(parameters, `gradients of layer ${l}`),
          first: buffer(parameters, `first moments of layer ${l}`),
          second: buffer(parameters, `second moments of layer ${l}`),
          spikes: buffer(samples * steps * words, `spikes of layer ${l}`),
          trace: buffer(samples * traceSteps * planesOf(room) * room.width, `trace of layer ${l}`),
          state: buffer(copies * samples * 3 * room.width, `state of layer ${l}`),
          counts: buffer(samples * room.width, `counts of layer ${l}`),
          upstream: buffer(samples * upstreamSteps * room.width, `upstream of layer ${l}`),
          errors: buffer(samples * segment * room.width, `errors of layer ${l}`),
          adjoint: buffer(samples * 4 * room.width, `adjoint of layer ${l}`),
          partials: buffer(samples * 4 * room.columns, `partials of layer ${l}`),
          masks: buffer(room.dropout ? samples * words : 0, `masks of layer ${l}`),
          steps: buffer(slots * 13, `optimizer steps of layer ${l}`),
          sizes: buffer(slots * 3, `sizes of layer ${l}`),
          sums: buffer(slots * 3, `sizes of the sums of layer ${l}`),
        };
        return { room, places, words, traceSteps, upstreamSteps, of };
      });
      const inputs = layers[0]?.inputs ?? 0;
      const shared = {
        inputs: buffer(shape.values ? 0 : batch * steps * Math.ceil(inputs / 32), 'inputs'),
        values: buffer(shape.values ? batch * steps * inputs : 0, 'input values'),
        drive: buffer(shape.values ? samples * steps * (layers[0]?.width ?? 0) : 0, 'drive'),
        driveSizes: buffer(slots * 3, 'sizes of the drive'),
        valueSizes: buffer(slots * 3, 'sizes of the gradient of the drive'),
        labels: buffer(batch, 'labels'),
        goals: buffer(slots * 7, 'goals'),
        outcomes: buffer(samples * 3, 'outcomes'),
        totals: buffer(layers.length * samples, 'totals'),
        norms: buffer(slots * layers.length, 'norms'),
        ones: buffer(batch, 'ones'),
        nothing: buffer(4, 'nothing'),
      };
      device.write(shared.ones, 0, new Float32Array(batch).fill(1));
      return new SurrogateBatch(device, shape, kernels, made, shared);
    } catch (error) {
      for (const one of created) one[Symbol.dispose]();
      throw error;
    }
  }

  /** Writes what the slots' layers are. Rows of `Slot`, without `runs`, in the order of the slots. */
  writeSlots(layer: number, rows: readonly KernelRow[], runs: readonly boolean[]): void {
    const layout = structLayout(this.#kernels.forward.contract, 'Slot');
    const bytes = new Uint8Array(rows.length * layout.byteLength);
    rows.forEach((row, slot) => {
      encodeStruct(layout, { ...row, runs: runs[slot] ? 1 : 0 }, bytes, slot * layout.byteLength);
    });
    this.#device.write(this.#layer(layer).of.slots as DeviceBuffer, 0, bytes);
  }

  /** Sizes of the dense products: inputs, neurons and columns of each slot's layers; of slots that do not run, nothing. */
  writeSizes(batch: number, rows: readonly (readonly KernelRow[])[], runs: readonly boolean[]): void {
    const key = `${batch} ${runs.map(Number).join('')} ${rows.map((r) => r.map((x) => x.width).join()).join(';')}`;
    if (key === this.#sizesFor) return;
    this.#sizesFor = key;
    const { segment, steps, values } = this.shape;
    const triples = (of: (slot: number) => readonly [number, number, number]): Uint32Array =>
      Uint32Array.from(runs.flatMap((does, slot) => (does ? of(slot) : [0, 0, 0])));
    const field = (layer: number, slot: number, name: string): number => rows[layer]?.[slot]?.[name] ?? 0;
    this.#layers.forEach(({ of, room }, l) => {
      this.#device.write(
        of.sizes as DeviceBuffer,
        0,
        triples((s) => [batch * segment, field(l, s, 'width'), field(l, s, 'inputs')]),
      );
      this.#device.write(
        of.sums as DeviceBuffer,
        0,
        triples(() => [1, batch, 4 * room.columns]),
      );
    });
    if (!values) return;
    const { driveSizes, valueSizes } = this.#shared as Record<string, DeviceBuffer>;
    this.#device.write(
      driveSizes as DeviceBuffer,
      0,
      triples((s) => [batch * steps, field(0, s, 'inputs'), field(0, s, 'width')]),
    );
    this.#device.write(
      valueSizes as DeviceBuffer,
      0,
      triples((s) => [field(0, s, 'inputs'), batch * steps, field(0, s, 'width')]),
    );
  }

  /** Puts a slot's parameters of a layer in place, and forgets the moments of its optimizer. */
  writeParameters(layer: number, slot: number, values: Float32Array): void {
    const { of, places } = this.#layer(layer);
    const at = 4 * slot * places.stride;
    this.#device.write(of.parameters as DeviceBuffer, at, values);
    const zeros = new Float32Array(places.stride);
    this.#device.write(of.first as DeviceBuffer, at, zeros);
    this.#device.write(of.second as DeviceBuffer, at, zeros);
  }

  /** Parameters, or what else lies like them, of a slot's layer. */
  async readParameters(
    layer: number,
    slot: number,
    which: 'parameters' | 'gradients' = 'parameters',
  ): Promise<Float32Array> {
    const { of, places } = this.#layer(layer);
    const bytes = await this.#device.read(
      of[which] as DeviceBuffer,
      4 * slot * places.stride,
      4 * places.stride,
    );
    return new Float32Array(bytes);
  }

  /** The spikes of a layer, u32 [slot][sample][step][ceil(width / 32)]. */
  async readSpikes(layer: number): Promise<Uint32Array> {
    return new Uint32Array(await this.#device.read(this.#layer(layer).of.spikes as DeviceBuffer));
  }

  /** The bits of a batch's input spikes, [sample][step][ceil(inputs / 32)], or its values, [sample][step][input]. */
  writeInputs(inputs: Uint32Array | Float32Array): void {
    const into = inputs instanceof Float32Array ? this.#shared.values : this.#shared.inputs;
    this.#device.write(into as DeviceBuffer, 0, inputs);
  }

  writeLabels(labels: Uint32Array): void {
    this.#device.write(this.#shared.labels as DeviceBuffer, 0, labels);
  }

  /** Bits of what is not dropped of a layer's output, [slot][sample][ceil(width / 32)]. */
  writeMasks(layer: number, masks: Uint32Array): void {
    this.#device.write(this.#layer(layer).of.masks as DeviceBuffer, 0, masks);
  }

  /** One row of `Goal` a slot. */
  writeGoals(rows: readonly KernelRow[]): void {
    this.#writeRows(this.#kernels.loss, 'Goal', this.#shared.goals as DeviceBuffer, rows);
  }

  /** One row of `Step` a slot, for each layer. */
  writeSteps(layer: number, rows: readonly KernelRow[]): void {
    this.#writeRows(this.#kernels.update, 'Step', this.#layer(layer).of.steps as DeviceBuffer, rows);
  }

  /** Queues a batch: forward, and backward with a step of the optimizers where `learn`. */
  run(batch: number, learn: boolean, update = learn): void {
    const key = `${batch} ${learn} ${update}`;
    let plan = this.#plans.get(key);
    if (!plan) {
      plan = {
        forward: this.#forwardPlan(batch, learn),
        backward: learn ? [...this.#backwardPlan(batch), ...(update ? this.#updatePlan() : [])] : [],
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
      this.#device.read(this.#shared.outcomes as DeviceBuffer, 0, 12 * samples),
      this.#device.read(this.#shared.totals as DeviceBuffer, 0, 4 * layers.length * samples),
      this.#device.read(this.#shared.norms as DeviceBuffer),
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
    for (const { of } of this.#layers) for (const buffer of Object.values(of)) buffer[Symbol.dispose]();
    for (const buffer of Object.values(this.#shared)) buffer[Symbol.dispose]();
  }

  #layer(layer: number): LayerBuffers {
    const one = this.#layers[layer];
    if (!one)
      throw new DeviceError('contract', `there is no layer ${layer}; there are ${this.#layers.length}`);
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

  #launch(
    name: KernelName,
    params: KernelRow,
    buffers: Readonly<Record<string, DeviceBuffer | undefined>>,
    workgroups: readonly [number, number, number],
  ): Launch {
    const kernel = this.#kernels[name];
    const bound: Record<string, DeviceBuffer> = {};
    for (const [binding, buffer] of Object.entries(buffers)) {
      bound[binding] = buffer ?? (this.#shared.nothing as DeviceBuffer);
    }
    return {
      kernel,
      params: encodeStruct(structLayout(kernel.contract, 'Params'), params),
      buffers: bound,
      workgroups,
    };
  }

  /** What a layer reads: the bits of the layer below, or of the data. */
  #input(l: number): {
    buffer: DeviceBuffer;
    words: number;
    shared: number;
    lag: number;
    masks?: DeviceBuffer;
  } {
    const below = this.#layers[l - 1];
    if (!below) {
      return { buffer: this.#shared.inputs as DeviceBuffer, words: this.#inputWords, shared: 1, lag: 0 };
    }
    const masks = below.room.dropout ? { masks: below.of.masks as DeviceBuffer } : {};
    return {
      buffer: below.of.spikes as DeviceBuffer,
      words: below.words,
      shared: 0,
      lag: below.room.lag,
      ...masks,
    };
  }

  #segments(): readonly { readonly number: number; readonly first: number; readonly count: number }[] {
    const { steps, segment } = this.shape;
    return Array.from({ length: Math.ceil(steps / segment) }, (_, number) => {
      const first = number * segment;
      return { number, first, count: Math.min(segment, steps - first) };
    });
  }

  #window(l: number, first: number): { trace_first: number; trace_steps: number } {
    const { traceSteps } = this.#layer(l);
    const whole = traceSteps === this.shape.steps;
    return { trace_first: whole ? 0 : Math.max(0, first - 1), trace_steps: traceSteps };
  }

  #common(l: number, batch: number): Record<string, number> {
    const { room, places } = this.#layer(l);
    return {
      slots: this.shape.slots,
      batch,
      steps: this.shape.steps,
      width: room.width,
      columns: room.columns,
      rows: room.rows,
      recurrent_at: places.recurrentAt,
      constants_at: places.constantsAt,
      stride: places.stride,
      planes: planesOf(room),
      current_plane: room.keepCurrents ? 1 : 0,
      adaptation_plane: room.keepAdaptations ? 1 + Number(room.keepCurrents) : 0,
    };
  }

  #forward(
    l: number,
    batch: number,
    stretch: { first: number; count: number },
    how: { record: boolean; tally: boolean; masked: boolean; stateIn: number; stateOut: number },
  ): Launch {
    const { of, room } = this.#layer(l);
    const input = this.#input(l);
    const masked = how.masked && input.masks !== undefined;
    const driven = l === 0 && this.shape.values;
    const params = {
      ...this.#common(l, batch),
      ...stretch,
      ...this.#window(l, stretch.first),
      input_words: input.words,
      inputs_shared: input.shared,
      lag: input.lag,
      out_lag: room.lag,
      drive: Number(driven),
      masked: Number(masked),
      record: Number(how.record),
      tally: Number(how.tally),
      state_in: how.stateIn,
      state_out: how.stateOut,
      totals_at: l * this.shape.slots * batch,
    };
    const buffers = {
      slots: of.slots,
      parameters: of.parameters,
      drive: driven ? this.#shared.drive : undefined,
      inputs: input.buffer,
      masks: masked ? input.masks : undefined,
      spikes: of.spikes,
      trace: of.trace,
      state: of.state,
      counts: of.counts,
      totals: this.#shared.totals,
    };
    return this.#launch('forward', params, buffers, [batch, this.shape.slots, 1]);
  }

  #forwardPlan(batch: number, learn: boolean): Launch[] {
    const launches: Launch[] = [];
    const { slots, steps, values, classes } = this.shape;
    const segments = this.#segments();
    const many = segments.length > 1;
    const top = this.#layers.length - 1;
    const first = this.#layer(0);
    if (values) {
      launches.push(
        this.#matmul(
          {
            a: this.#shared.values,
            b: first.of.parameters,
            c: this.#shared.drive,
            sizes: this.#shared.driveSizes,
          },
          {
            a: [0, 0, first.room.inputs],
            b: [0, first.places.stride, first.room.columns],
            c: [0, batch * steps * first.room.width, first.room.width],
          },
          [batch * steps, first.room.width],
        ),
      );
    }
    for (const { number, first, count } of segments) {
      for (let l = 0; l <= top; l++) {
        const record = l === top || (learn && number === segments.length - 1);
        const states = many ? { stateIn: number, stateOut: number + 1 } : { stateIn: 0, stateOut: 0 };
        launches.push(
          this.#forward(l, batch, { first, count }, { record, tally: true, masked: learn, ...states }),
        );
      }
    }
    const last = this.#layer(top);
    launches.push(
      this.#launch(
        'loss',
        {
          slots,
          batch,
          steps,
          width: last.room.width,
          planes: planesOf(last.room),
          classes,
          gradient: Number(learn),
        },
        {
          goals: this.#shared.goals,
          counts: last.of.counts,
          trace: last.of.trace,
          labels: this.#shared.labels,
          upstream: last.of.upstream,
          outcomes: this.#shared.outcomes,
        },
        [batch, slots, 1],
      ),
    );
    return launches;
  }

  #backwardPlan(batch: number): Launch[] {
    const launches: Launch[] = [];
    const { slots, steps, segment, values } = this.shape;
    const segments = this.#segments();
    const top = this.#layers.length - 1;
    for (const { number, first, count } of [...segments].reverse()) {
      const again = number < segments.length - 1;
      for (let l = 0; again && l < top; l++) {
        const states = { stateIn: number, stateOut: segments.length + 1 };
        const how = { record: true, tally: false, masked: true, ...states };
        launches.push(this.#forward(l, batch, { first, count }, how));
      }
      for (let l = top; l >= 0; l--) {
        const { of, room, places, upstreamSteps } = this.#layer(l);
        const common = this.#common(l, batch);
        launches.push(
          this.#launch(
            'backward',
            {
              ...common,
              first,
              count,
              segment,
              ...this.#window(l, first),
              out_lag: room.lag,
              upstream_first: upstreamSteps === steps ? 0 : first,
              upstream_steps: upstreamSteps,
              masked: Number(room.dropout),
            },
            {
              slots: of.slots,
              parameters: of.parameters,
              trace: of.trace,
              spikes: of.spikes,
              counts: of.counts,
              upstream: of.upstream,
              masks: room.dropout ? of.masks : undefined,
              errors: of.errors,
              adjoint: of.adjoint,
              partials: of.partials,
            },
            [batch, slots, 1],
          ),
        );
        const accumulate = Number(again);
        if (l === 0 && values) {
          launches.push(
            this.#matmul(
              { a: this.#shared.values, b: of.errors, c: of.gradients, sizes: this.#shared.valueSizes },
              {
                a: [0, 0, room.inputs],
                b: [0, batch * segment * room.width, room.width],
                c: [0, places.stride, room.columns],
                aTransposed: true,
              },
              [room.inputs, room.width],
            ),
          );
        } else if (room.projection !== 'pool') {
          launches.push(this.#weights(l, batch, { first, count }, { accumulate, recurrent: false }));
        }
        if (room.recurrent) {
          launches.push(this.#weights(l, batch, { first, count }, { accumulate, recurrent: true }));
        }
        const below = this.#layers[l - 1];
        if (below) launches.push(this.#back(l, batch, below));
      }
    }
    for (const { of, room, places } of this.#layers) {
      launches.push(
        this.#matmul(
          { a: this.#shared.ones, b: of.partials, c: of.gradients, sizes: of.sums },
          {
            a: [0, 0, batch],
            b: [0, batch * 4 * room.columns, 4 * room.columns],
            c: [places.constantsAt, places.stride, 4 * room.columns],
          },
          [1, 4 * room.columns],
        ),
      );
    }
    return launches;
  }

  #updatePlan(): Launch[] {
    const launches: Launch[] = [];
    const { slots, layers } = this.shape;
    this.#layers.forEach(({ places, of, room }, layer) => {
      const params = {
        slots,
        layer,
        layers: layers.length,
        stride: places.stride,
        recurrent_at: places.recurrentAt,
        constants_at: places.constantsAt,
        columns: room.columns,
      };
      launches.push(
        this.#launch(
          'norm',
          params,
          { steps: of.steps, gradients: of.gradients, norms: this.#shared.norms },
          [slots, 1, 1],
        ),
      );
    });
    this.#layers.forEach(({ places, of, room }) => {
      const params = {
        slots,
        layers: layers.length,
        stride: places.stride,
        recurrent_at: places.recurrentAt,
        constants_at: places.constantsAt,
        columns: room.columns,
      };
      const groups = Math.ceil(places.stride / 64);
      const across = Math.min(groups, this.#device.info.limits.maxWorkgroupsPerDimension);
      launches.push(
        this.#launch(
          'update',
          params,
          {
            steps: of.steps,
            norms: this.#shared.norms,
            gradients: of.gradients,
            parameters: of.parameters,
            first_moment: of.first,
            second_moment: of.second,
          },
          [across, slots, Math.ceil(groups / across)],
        ),
      );
    });
    return launches;
  }

  #weights(
    l: number,
    batch: number,
    stretch: { first: number; count: number },
    { accumulate, recurrent }: { accumulate: number; recurrent: boolean },
  ): Launch {
    const { of, room, places, words } = this.#layer(l);
    const input = recurrent
      ? { buffer: of.spikes as DeviceBuffer, words, shared: 0, lag: 1, masks: undefined }
      : this.#input(l);
    const rows = recurrent ? room.width : room.rows;
    const groups = room.projection === 'conv' ? rows : Math.ceil(rows / 32);
    return this.#launch(
      'weights',
      {
        slots: this.shape.slots,
        batch,
        steps: this.shape.steps,
        ...stretch,
        segment: this.shape.segment,
        input_words: input.words,
        inputs_shared: input.shared,
        lag: input.lag,
        width: room.width,
        columns: room.columns,
        rows: room.rows,
        gradients_at: recurrent ? places.recurrentAt : 0,
        stride: places.stride,
        masked: Number(input.masks !== undefined),
        accumulate,
        recurrent: Number(recurrent),
      },
      {
        slots: of.slots,
        inputs: input.buffer,
        masks: input.masks,
        errors: of.errors,
        gradients: of.gradients,
      },
      [groups, this.shape.slots, 1],
    );
  }

  /** From a layer's errors to the gradient of the spikes of the layer below. */
  #back(l: number, batch: number, below: LayerBuffers): Launch {
    const { of, room, places } = this.#layer(l);
    const { slots, segment } = this.shape;
    if (room.projection === 'dense') {
      return this.#matmul(
        { a: of.errors, b: of.parameters, c: below.of.upstream, sizes: of.sizes },
        {
          a: [0, batch * segment * room.width, room.width],
          b: [0, places.stride, room.columns],
          c: [0, batch * segment * below.room.width, below.room.width],
          bTransposed: true,
        },
        [batch * segment, room.inputs],
      );
    }
    const params = {
      slots,
      batch,
      segment,
      width: room.width,
      columns: room.columns,
      rows: room.rows,
      stride: places.stride,
      below_width: below.room.width,
    };
    const { upstream } = below.of;
    const buffers = { slots: of.slots, parameters: of.parameters, errors: of.errors, upstream };
    return this.#launch('transposed', params, buffers, [batch, slots, segment]);
  }

  /** [offset, from slot to slot, from row to row] of each matrix, as stored. */
  #matmul(
    { a, b, c, sizes }: Readonly<Record<'a' | 'b' | 'c' | 'sizes', DeviceBuffer | undefined>>,
    how: {
      readonly a: readonly [number, number, number];
      readonly b: readonly [number, number, number];
      readonly c: readonly [number, number, number];
      readonly aTransposed?: boolean;
      readonly bTransposed?: boolean;
    },
    [rows, columns]: readonly [number, number],
  ): Launch {
    const params = {
      slots: this.shape.slots,
      a_transposed: Number(how.aTransposed ?? false),
      a_at: how.a[0],
      a_slot: how.a[1],
      a_row: how.a[2],
      b_transposed: Number(how.bTransposed ?? false),
      b_at: how.b[0],
      b_slot: how.b[1],
      b_row: how.b[2],
      c_at: how.c[0],
      c_slot: how.c[1],
      c_row: how.c[2],
      accumulate: 0,
    };
    const groups = [Math.ceil(columns / 32), Math.ceil(rows / 32), this.shape.slots] as const;
    return this.#launch('matmul', params, { sizes, a, b, c }, groups);
  }
}
