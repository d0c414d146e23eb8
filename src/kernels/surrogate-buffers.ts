/** The buffers of layers that are trained by surrogate gradients. */
import { structLayout } from '../device/contract.ts';
import type { Device, DeviceBuffer, Kernel } from '../device/device.ts';
import {
  type LayerRoom,
  type ParameterPlaces,
  parameterPlaces,
  planesOf,
  type SurrogateShape,
} from './surrogate-shape.ts';

export const SURROGATE_KERNELS = [
  'forward',
  'backward',
  'weights',
  'matmul',
  'loss',
  'norm',
  'transposed',
  'update',
] as const;
export type SurrogateKernel = (typeof SURROGATE_KERNELS)[number];
export type SurrogateKernels = Readonly<Record<SurrogateKernel, Kernel>>;

export interface LayerBuffers {
  readonly room: LayerRoom;
  readonly places: ParameterPlaces;
  readonly words: number;
  /** Steps of `trace` and of `upstream`. */
  readonly traceSteps: number;
  readonly upstreamSteps: number;
  readonly of: Readonly<Record<LayerBuffer, DeviceBuffer>>;
}

type LayerBuffer =
  | 'slots'
  | 'parameters'
  | 'gradients'
  | 'first'
  | 'second'
  | 'spikes'
  | 'trace'
  | 'state'
  | 'counts'
  | 'upstream'
  | 'errors'
  | 'adjoint'
  | 'partials'
  | 'masks'
  | 'steps'
  | 'sizes'
  | 'sums';

/** What all layers share. */
export type SharedBuffers = Readonly<
  Record<
    | 'inputs'
    | 'values'
    | 'drive'
    | 'driveSizes'
    | 'valueSizes'
    | 'labels'
    | 'goals'
    | 'outcomes'
    | 'totals'
    | 'norms'
    | 'ones'
    | 'nothing',
    DeviceBuffer
  >
>;

export interface SurrogateBuffers {
  readonly layers: readonly LayerBuffers[];
  readonly shared: SharedBuffers;
}

/** Makes all buffers, or none. The caller disposes of them. */
export function createBuffers(
  device: Device,
  shape: SurrogateShape,
  kernels: SurrogateKernels,
): SurrogateBuffers {
  const { slots, batch, steps, segment, layers } = shape;
  const created: DeviceBuffer[] = [];
  const buffer = (words: number, label: string): DeviceBuffer => {
    // Kernels may read quads: whole ones, and at least one.
    const one = device.createBuffer(16 * Math.max(1, Math.ceil(words / 4)), label);
    created.push(one);
    return one;
  };
  try {
    const samples = slots * batch;
    const copies = segment < steps ? Math.ceil(steps / segment) + 2 : 1;
    const slotWords = structLayout(kernels.forward.contract, 'Slot').byteLength / 4;
    const stepWords = structLayout(kernels.update.contract, 'Step').byteLength / 4;
    const goalWords = structLayout(kernels.loss.contract, 'Goal').byteLength / 4;
    const own = layers.map((room, l): LayerBuffers => {
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
        state: buffer(copies * samples * 4 * room.width, `state of layer ${l}`),
        counts: buffer(samples * room.width, `counts of layer ${l}`),
        upstream: buffer(samples * upstreamSteps * room.width, `upstream of layer ${l}`),
        errors: buffer(samples * segment * room.width, `errors of layer ${l}`),
        adjoint: buffer(samples * 4 * room.width, `adjoint of layer ${l}`),
        partials: buffer(samples * 4 * room.columns, `partials of layer ${l}`),
        masks: buffer(room.dropout ? samples * words : 0, `masks of layer ${l}`),
        steps: buffer(slots * stepWords, `optimizer steps of layer ${l}`),
        sizes: buffer(slots * 3, `sizes of layer ${l}`),
        sums: buffer(slots * 3, `sizes of the sums of layer ${l}`),
      };
      return { room, places, words, traceSteps, upstreamSteps, of };
    });
    const inputs = layers[0]?.inputs ?? 0;
    const seen = shape.ownSamples ? samples : batch;
    const shared = {
      inputs: buffer(shape.values ? 0 : seen * steps * Math.ceil(inputs / 32), 'inputs'),
      values: buffer(shape.values ? seen * steps * inputs : 0, 'input values'),
      drive: buffer(shape.values ? samples * steps * (layers[0]?.width ?? 0) : 0, 'drive'),
      driveSizes: buffer(slots * 3, 'sizes of the drive'),
      valueSizes: buffer(slots * 3, 'sizes of the gradient of the drive'),
      labels: buffer(samples, 'labels'),
      goals: buffer(slots * goalWords, 'goals'),
      outcomes: buffer(samples * 3, 'outcomes'),
      totals: buffer(layers.length * samples, 'totals'),
      norms: buffer(slots * layers.length, 'norms'),
      ones: buffer(batch, 'ones'),
      nothing: buffer(4, 'nothing'),
    };
    device.write(shared.ones, 0, new Float32Array(batch).fill(1));
    return { layers: own, shared };
  } catch (error) {
    for (const one of created) one[Symbol.dispose]();
    throw error;
  }
}
