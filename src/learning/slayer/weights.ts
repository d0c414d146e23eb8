/** SLAYER's weights: norm and direction apart (weight norm), and rounded to 1/32 in every forward pass. */
import { roundHalfEven } from './neuron.ts';

/** Weights are whole multiples of 1 / WEIGHT_SCALE. */
export const WEIGHT_SCALE = 32;
const LOWEST = -128;
const HIGHEST = 127;

/**
 * The quantizer (`quantize_8bit`): round half to even of 32 w, within -4 and 3.96875.
 *
 * @returns 32 times the quantized weight
 */
export function quantized(weight: number): number {
  return Math.min(Math.max(roundHalfEven(WEIGHT_SCALE * weight), LOWEST), HIGHEST);
}

/** The quantizer's backward pass: straight through the rounding, nothing outside the bounds. */
export function passesQuantizer(weight: number): boolean {
  const rounded = roundHalfEven(WEIGHT_SCALE * weight);
  return rounded >= LOWEST && rounded <= HIGHEST;
}

/** A layer's weights: w of an output channel = length x direction / |direction|. */
export interface NormedWeights {
  /** [output][input] */
  readonly directions: Float32Array;
  /** [output] */
  readonly lengths: Float32Array;
}

/** |direction| of each output. */
function norms({ directions, lengths }: NormedWeights): Float64Array {
  const inputs = directions.length / lengths.length;
  return Float64Array.from(lengths, (_, output) => {
    let sum = 0;
    for (let i = output * inputs; i < (output + 1) * inputs; i++) sum += (directions[i] as number) ** 2;
    return Math.sqrt(sum);
  });
}

/** 32 times the quantized weights, [output][input]. A direction of zero has weights of zero. */
export function quantizedWeights(weights: NormedWeights): Int32Array {
  const { directions, lengths } = weights;
  const inputs = directions.length / lengths.length;
  const norm = norms(weights);
  const found = new Int32Array(directions.length);
  for (let output = 0; output < lengths.length; output++) {
    const factor = norm[output] ? (lengths[output] as number) / (norm[output] as number) : 0;
    for (let i = output * inputs; i < (output + 1) * inputs; i++) {
      found[i] = quantized(Math.fround((directions[i] as number) * factor));
    }
  }
  return found;
}

/**
 * Gradients of directions and lengths from those of the quantized weights (Salimans and Kingma, "Weight
 * normalization", 2016, equation 3).
 */
export function normedGradients(weights: NormedWeights, gradient: Float32Array): NormedWeights {
  const { directions, lengths } = weights;
  const inputs = directions.length / lengths.length;
  const norm = norms(weights);
  const found = {
    directions: new Float32Array(directions.length),
    lengths: new Float32Array(lengths.length),
  };
  for (let output = 0; output < lengths.length; output++) {
    const size = norm[output] as number;
    if (size === 0) continue;
    const factor = (lengths[output] as number) / size;
    const from = output * inputs;
    let along = 0;
    for (let i = from; i < from + inputs; i++) {
      const direction = directions[i] as number;
      if (passesQuantizer(direction * factor)) along += (gradient[i] as number) * direction;
    }
    along /= size;
    found.lengths[output] = along;
    for (let i = from; i < from + inputs; i++) {
      const direction = directions[i] as number;
      const passed = passesQuantizer(direction * factor) ? (gradient[i] as number) : 0;
      found.directions[i] = factor * (passed - (direction * along) / size);
    }
  }
  return found;
}
