/** A layer's parameters by name, and where they lie on the device. */
import { type LayerRoom, parameterPlaces } from '../../kernels/surrogate-shape.ts';
import { Draws } from '../../random/draws.ts';
import { keyOf, STREAMS } from '../../random/philox.ts';
import type { WeightInit } from './description.ts';
import { TrainingError } from './errors.ts';
import type { ResolvedLayer } from './structure.ts';

export interface Parameter {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Of one layer: `weight` [row][column], `recurrent` [from][to], and constants [column]. */
export type LayerParameters = Readonly<Record<string, Parameter>>;

const CONSTANTS = ['bias', 'currentDecay', 'membraneDecay', 'threshold'] as const;
const DEFAULT_INIT: WeightInit = { kind: 'uniform', gain: 1 };

/**
 * Initial parameters: weights drawn from the seed (addressed by layer and index, whatever the device), constants as
 * described.
 */
export function initialParameters(resolved: ResolvedLayer, index: number, seed: number): LayerParameters {
  const { layer, room, columns, neurons, fanIn } = resolved;
  const parameters: Record<string, Parameter> = {};
  if (layer.kind !== 'pool') {
    parameters.weight = {
      shape: [room.rows, columns],
      values: drawWeights(room.rows * columns, layer.init ?? DEFAULT_INIT, fanIn, seed, 2 * index),
    };
  }
  if (layer.kind === 'dense' && layer.recurrent) {
    const { init = DEFAULT_INIT, density = 1 } = layer.recurrent;
    const values = drawWeights(neurons * neurons, init, density * neurons, seed, 2 * index + 1);
    if (density < 1) thin(values, density, seed, index);
    parameters.recurrent = { shape: [neurons, neurons], values };
  }
  const { neuron } = layer;
  const constants: Record<(typeof CONSTANTS)[number], number> = {
    bias: 0,
    currentDecay: neuron.currentDecay ?? 0,
    membraneDecay: neuron.membraneDecay,
    threshold: neuron.kind === 'lif' ? neuron.threshold : 1,
  };
  for (const name of CONSTANTS) {
    parameters[name] = { shape: [columns], values: new Float32Array(columns).fill(constants[name]) };
  }
  return parameters;
}

function drawWeights(
  count: number,
  init: WeightInit,
  fanIn: number,
  seed: number,
  part: number,
): Float32Array {
  const bound = init.gain / Math.sqrt(Math.max(1, fanIn));
  const draws = new Draws(keyOf(seed), STREAMS.trainingWeights).at(part, 0);
  return Float32Array.from({ length: count }, () => {
    return bound * (init.kind === 'uniform' ? 2 * draws.unit() - 1 : draws.normal());
  });
}

/** Removes synapses: what is left is there with probability `density`. */
function thin(values: Float32Array, density: number, seed: number, index: number): void {
  const draws = new Draws(keyOf(seed), STREAMS.trainingWeights).at(index, 1);
  for (let at = 0; at < values.length; at++) if (draws.unit() >= density) values[at] = 0;
}

/** Lays parameters out as the kernels read them, in the room of a slot. */
export function packParameters(
  resolved: ResolvedLayer,
  room: LayerRoom,
  named: LayerParameters,
): Float32Array {
  const places = parameterPlaces(room);
  const packed = new Float32Array(places.stride);
  const put = (name: string, at: number, rows: number, columns: number): void => {
    const values = named[name]?.values;
    if (!values) return;
    if (values.length !== rows * columns) {
      throw new TrainingError(
        `${resolved.name}: ${name} holds ${values.length} numbers; this network has ${rows} x ${columns}`,
      );
    }
    for (let row = 0; row < rows; row++) {
      packed.set(values.subarray(row * columns, (row + 1) * columns), at + row * room.columns);
    }
  };
  const { columns, neurons } = resolved;
  // Neurons that only fill a word up never reach their threshold.
  packed.fill(1, places.constantsAt + 3 * room.columns);
  put('weight', 0, resolved.room.rows, columns);
  put('recurrent', places.recurrentAt, neurons, neurons);
  CONSTANTS.forEach((name, index) => {
    put(name, places.constantsAt + index * room.columns, 1, columns);
  });
  return packed;
}

/** The inverse of {@link packParameters}. */
export function unpackParameters(
  resolved: ResolvedLayer,
  room: LayerRoom,
  packed: Float32Array,
): LayerParameters {
  const places = parameterPlaces(room);
  const take = (at: number, rows: number, columns: number, shape: readonly number[]): Parameter => {
    const values = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      const from = at + row * room.columns;
      values.set(packed.subarray(from, from + columns), row * columns);
    }
    return { shape, values };
  };
  const { columns, neurons, layer } = resolved;
  const named: Record<string, Parameter> = {};
  const { rows } = resolved.room;
  if (layer.kind !== 'pool') named.weight = take(0, rows, columns, [rows, columns]);
  if (resolved.room.recurrent)
    named.recurrent = take(places.recurrentAt, neurons, neurons, [neurons, neurons]);
  CONSTANTS.forEach((name, index) => {
    named[name] = take(places.constantsAt + index * room.columns, 1, columns, [columns]);
  });
  return named;
}
