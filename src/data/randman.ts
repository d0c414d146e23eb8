/**
 * Randman (Zenke and Vogels, "The remarkable robustness of surrogate gradient learning", 2021, section 4.1.1): classes
 * are smooth random manifolds; a sample is a random point of its class's manifold, each coordinate the time of one
 * spike. Every input spikes exactly once in every sample, so only times tell classes apart.
 *
 * Coordinate i of point x, with A, B, C uniform in [0, 1):
 *
 *   f_i(x) = product over dimensions j of sum over k of w_k A_ijk sin(2 pi (k x_j B_ijk + C_ijk))
 *
 * Of the form `paper`, k = 1 .. terms and w_k = k^-alpha. Of the form `code`, which the authors' default program has,
 * k = 0 .. terms - 1, w_k = 1 / ((k + 1)^alpha + 1), and A is 0 for k = 0.
 */
import { Draws } from '../random/draws.ts';
import { keyOf, STREAMS } from '../random/philox.ts';
import type { SpikeSamples } from './samples.ts';

export interface RandmanOptions {
  readonly classes?: number;
  readonly samplesPerClass?: number;
  /** Inputs: coordinates of the space that the manifolds lie in. */
  readonly inputs?: number;
  /** Dimensions of the manifolds. */
  readonly dimensions?: number;
  /** Smoothness: the larger, the smoother. */
  readonly alpha?: number;
  readonly steps?: number;
  readonly form?: 'paper' | 'code';
  readonly seed: number;
}

/** The coefficients of one manifold: value `which` (0 to 2 for A, B, C) of input, dimension and term. */
export type Coefficient = (input: number, dimension: number, which: number, term: number) => number;

/** How many terms the authors' program sums: those of a weight of at least 1/1000, 1000 at most. */
export function randmanTerms(alpha: number): number {
  // Less a little: 1e-3^(-1/3) is 9.999999999999998 and 1e-3^(-1/1.5) 99.99999999999997 here.
  return Math.min(Math.ceil(0.001 ** (-1 / alpha) - 1e-9), 1000);
}

/** The point of a manifold: its coordinates. */
export function randmanPoint(
  x: readonly number[],
  inputs: number,
  coefficient: Coefficient,
  { alpha, terms, form }: { readonly alpha: number; readonly terms: number; readonly form: 'paper' | 'code' },
): Float64Array {
  return Float64Array.from({ length: inputs }, (_, input) => {
    let product = 1;
    for (const [dimension, position] of x.entries()) {
      let sum = 0;
      for (let term = form === 'code' ? 1 : 0; term < terms; term++) {
        const frequency = form === 'code' ? term : term + 1;
        const weight = form === 'code' ? 1 / ((term + 1) ** alpha + 1) : (term + 1) ** -alpha;
        const a = coefficient(input, dimension, 0, term);
        const b = coefficient(input, dimension, 1, term);
        const c = coefficient(input, dimension, 2, term);
        sum += weight * a * Math.sin(2 * Math.PI * (frequency * position * b + c));
      }
      product *= sum;
    }
    return product;
  });
}

/**
 * Generates a data set: the samples of class 0, then of class 1, and so on. Each coordinate is stretched over its
 * class's samples to all steps; without arguments it is the paper's task of 10 classes, 20 inputs and 100 steps.
 *
 * @throws {RangeError} naming a number that is not as it must be
 */
export function randman(options: RandmanOptions): SpikeSamples {
  const {
    classes = 10,
    samplesPerClass = 1000,
    inputs = 20,
    dimensions = 1,
    alpha = 1,
    steps = 100,
  } = options;
  const { form = 'code', seed } = options;
  for (const [name, value] of Object.entries({ classes, samplesPerClass, inputs, dimensions, steps })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) {
      throw new RangeError(`${name} is ${value}: give a whole number of at least 1`);
    }
  }
  if (!(alpha > 0)) throw new RangeError(`alpha is ${alpha}: give a number above 0`);
  const terms = randmanTerms(alpha);
  const key = keyOf(seed);
  const draws = new Draws(key, STREAMS.parameters);
  const points = new Draws(key, STREAMS.positions);
  const samples = classes * samplesPerClass;
  const labels = new Uint16Array(samples);
  const times = new Uint32Array(samples * inputs);
  for (let c = 0; c < classes; c++) {
    // One row of coefficients for each input, so that none depends on the number of inputs.
    const values = Array.from({ length: inputs }, (_, input) => {
      draws.at(input, c);
      return Float64Array.from({ length: dimensions * 3 * terms }, () => draws.unit());
    });
    const coefficient: Coefficient = (input, dimension, which, term) => {
      return (values[input] as Float64Array)[(dimension * 3 + which) * terms + term] as number;
    };
    const found = Array.from({ length: samplesPerClass }, (_, sample) => {
      points.at(sample, c);
      const x = Array.from({ length: dimensions }, () => points.unit());
      return randmanPoint(x, inputs, coefficient, { alpha, terms, form });
    });
    for (let input = 0; input < inputs; input++) {
      const column = found.map((point) => point[input] as number);
      const low = column.reduce((a, b) => Math.min(a, b));
      const high = column.reduce((a, b) => Math.max(a, b));
      for (const [sample, value] of column.entries()) {
        const share = (value - low) / (high - low + 1e-7);
        times[(c * samplesPerClass + sample) * inputs + input] = Math.min(
          Math.floor(share * steps),
          steps - 1,
        );
      }
    }
    labels.fill(c, c * samplesPerClass, (c + 1) * samplesPerClass);
  }
  const offsets = new Uint32Array(samples * (steps + 1));
  const events = new Uint16Array(samples * inputs);
  let used = 0;
  for (let sample = 0; sample < samples; sample++) {
    const byStep = Array.from({ length: steps }, (): number[] => []);
    for (let input = 0; input < inputs; input++) {
      byStep[times[sample * inputs + input] as number]?.push(input);
    }
    for (const [step, spikes] of byStep.entries()) {
      offsets[sample * (steps + 1) + step] = used;
      events.set(spikes, used);
      used += spikes.length;
    }
    offsets[sample * (steps + 1) + steps] = used;
  }
  return { steps, inputs, shape: [1, 1, inputs], classes, labels, offsets, events };
}
