/** The launches of one batch: forward, backward, update. */
import { encodeStruct, structLayout } from '../device/contract.ts';
import { type DeviceBuffer, DeviceError, type Launch } from '../device/device.ts';
import type {
  LayerBuffers,
  SharedBuffers,
  SurrogateBuffers,
  SurrogateKernel,
  SurrogateKernels,
} from './surrogate-buffers.ts';
import { type KernelRow, planesOf, type SurrogateShape, segmentsOf } from './surrogate-shape.ts';

/** Samples of a workgroup, TILE in surrogate_backward.wgsl. */
const BACKWARD_SAMPLES = 8;

export class SurrogateLaunches {
  readonly #shape: SurrogateShape;
  readonly #kernels: SurrogateKernels;
  readonly #layers: readonly LayerBuffers[];
  readonly #shared: SharedBuffers;
  readonly #inputWords: number;
  readonly #mostGroups: number;

  /** @param mostGroups workgroups in one dimension of a launch, at the most */
  constructor(
    shape: SurrogateShape,
    kernels: SurrogateKernels,
    { layers, shared }: SurrogateBuffers,
    mostGroups: number,
  ) {
    this.#shape = shape;
    this.#kernels = kernels;
    this.#layers = layers;
    this.#shared = shared;
    this.#inputWords = Math.ceil((shape.layers[0]?.inputs ?? 0) / 32);
    this.#mostGroups = mostGroups;
  }

  #layer(layer: number): LayerBuffers {
    const one = this.#layers[layer];
    if (!one)
      throw new DeviceError('contract', `there is no layer ${layer}; there are ${this.#layers.length}`);
    return one;
  }

  #launch(
    name: SurrogateKernel,
    params: KernelRow,
    buffers: Readonly<Record<string, DeviceBuffer | undefined>>,
    workgroups: readonly [number, number, number],
  ): Launch {
    const kernel = this.#kernels[name];
    const bound: Record<string, DeviceBuffer> = {};
    for (const [binding, buffer] of Object.entries(buffers)) {
      bound[binding] = buffer ?? this.#shared.nothing;
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
      const shared = Number(!this.#shape.ownSamples);
      return { buffer: this.#shared.inputs, words: this.#inputWords, shared, lag: 0 };
    }
    const masks = below.room.dropout ? { masks: below.of.masks } : {};
    return {
      buffer: below.of.spikes,
      words: below.words,
      shared: 0,
      lag: below.room.lag,
      ...masks,
    };
  }

  /** From the input values of one slot to those of the next. */
  #ownValues(batch: number): number {
    const { ownSamples, steps, layers } = this.#shape;
    return ownSamples ? batch * steps * (layers[0]?.inputs ?? 0) : 0;
  }

  #window(l: number, first: number): { trace_first: number; trace_steps: number } {
    const { traceSteps } = this.#layer(l);
    const whole = traceSteps === this.#shape.steps;
    return { trace_first: whole ? 0 : Math.max(0, first - 1), trace_steps: traceSteps };
  }

  #common(l: number, batch: number): Record<string, number> {
    const { room, places } = this.#layer(l);
    return {
      slots: this.#shape.slots,
      batch,
      steps: this.#shape.steps,
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

  #forwardOf(
    l: number,
    batch: number,
    stretch: { first: number; count: number },
    how: { record: boolean; tally: boolean; masked: boolean; stateIn: number; stateOut: number },
  ): Launch {
    const { of, room } = this.#layer(l);
    const input = this.#input(l);
    const masked = how.masked && input.masks !== undefined;
    const driven = l === 0 && this.#shape.values;
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
      totals_at: l * this.#shape.slots * batch,
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
    return this.#launch('forward', params, buffers, [batch, this.#shape.slots, 1]);
  }

  /** Input to loss; with `learn` what going back needs is kept, and dropped neurons are. */
  forward(batch: number, learn: boolean): Launch[] {
    const launches: Launch[] = [];
    const { slots, steps, values, classes } = this.#shape;
    const segments = segmentsOf(this.#shape);
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
            a: [0, this.#ownValues(batch), first.room.inputs],
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
          this.#forwardOf(l, batch, { first, count }, { record, tally: true, masked: learn, ...states }),
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

  /** Loss to gradients of all parameters. */
  backward(batch: number): Launch[] {
    const launches: Launch[] = [];
    const { slots, steps, segment, values } = this.#shape;
    const segments = segmentsOf(this.#shape);
    const top = this.#layers.length - 1;
    for (const { number, first, count } of [...segments].reverse()) {
      const again = number < segments.length - 1;
      for (let l = 0; again && l < top; l++) {
        const states = { stateIn: number, stateOut: segments.length + 1 };
        const how = { record: true, tally: false, masked: true, ...states };
        launches.push(this.#forwardOf(l, batch, { first, count }, how));
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
            [Math.ceil(batch / BACKWARD_SAMPLES), slots, 1],
          ),
        );
        const accumulate = Number(again);
        if (l === 0 && values) {
          launches.push(
            this.#matmul(
              { a: this.#shared.values, b: of.errors, c: of.gradients, sizes: this.#shared.valueSizes },
              {
                a: [0, this.#ownValues(batch), room.inputs],
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

  /** A step of the optimizers. */
  update(): Launch[] {
    const launches: Launch[] = [];
    const { slots, layers } = this.#shape;
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
      const across = Math.min(groups, this.#mostGroups);
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
      ? { buffer: of.spikes, words, shared: 0, lag: 1, masks: undefined }
      : this.#input(l);
    const rows = recurrent ? room.width : room.rows;
    const groups = room.projection === 'conv' ? rows : Math.ceil(rows / 32);
    return this.#launch(
      'weights',
      {
        slots: this.#shape.slots,
        batch,
        steps: this.#shape.steps,
        ...stretch,
        segment: this.#shape.segment,
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
      [groups, this.#shape.slots, 1],
    );
  }

  /** From a layer's errors to the gradient of the spikes of the layer below. */
  #back(l: number, batch: number, below: LayerBuffers): Launch {
    const { of, room, places } = this.#layer(l);
    const { slots, segment } = this.#shape;
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
      slots: this.#shape.slots,
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
    const groups = [Math.ceil(columns / 64), Math.ceil(rows / 64), this.#shape.slots] as const;
    return this.#launch('matmul', params, { sizes, a, b, c }, groups);
  }
}
