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
  /** Share of the steps, from the first on, in which spikes fall. */
  readonly span?: number;
  readonly form?: 'paper' | 'code';
  readonly seed: number;
}

/** How many terms the authors' program sums: those of a weight of at least 1/1000, 1000 at most. */
export function randmanTerms(alpha: number): number {
  // Less a little: 1e-3^(-1/3) is 9.999999999999998 and 1e-3^(-1/1.5) 99.99999999999997 here.
  return Math.min(Math.ceil(0.001 ** (-1 / alpha) - 1e-9), 1000);
}

/** One coordinate of a manifold, as a function of the point on it. */
export interface Coordinate {
  /** A, B, C of each dimension, one after another: [dimension][A, B, C][term] */
  readonly coefficients: Float64Array;
  readonly alpha: number;
  readonly terms: number;
  readonly form: 'paper' | 'code';
}

export function randmanCoordinate({
  coefficients,
  alpha,
  terms,
  form,
}: Coordinate): (x: readonly number[]) => number {
  const code = form === 'code';
  const weights = Float64Array.from({ length: terms }, (_, term) => {
    if (!code) return (term + 1) ** -alpha;
    return term === 0 ? 0 : 1 / ((term + 1) ** alpha + 1);
  });
  return (x) => {
    let product = 1;
    for (const [dimension, position] of x.entries()) {
      const a = coefficients.subarray(3 * dimension * terms);
      const b = a.subarray(terms);
      const c = a.subarray(2 * terms);
      let sum = 0;
      for (let term = 0; term < terms; term++) {
        const frequency = code ? term : term + 1;
        const phase = frequency * position * (b[term] as number) + (c[term] as number);
        // Sines of small angles are several times faster.
        const angle = 2 * Math.PI * (phase - Math.floor(phase));
        sum += (weights[term] as number) * (a[term] as number) * Math.sin(angle);
      }
      product *= sum;
    }
    return product;
  };
}

/**
 * Generates a data set: the samples of class 0, then of class 1, and so on. Each coordinate is stretched over its
 * class's samples to all steps, or the first part of them.
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
  const { span = 1, form = 'code', seed } = options;
  for (const [name, value] of Object.entries({ classes, samplesPerClass, inputs, dimensions, steps })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) {
      throw new RangeError(`${name} is ${value}: give a whole number of at least 1`);
    }
  }
  if (!(span > 0 && span <= 1)) throw new RangeError(`span is ${span}: give a share above 0 and up to 1`);
  if (!(alpha > 0)) throw new RangeError(`alpha is ${alpha}: give a number above 0`);
  const terms = randmanTerms(alpha);
  const key = keyOf(seed);
  const draws = new Draws(key, STREAMS.parameters);
  const points = new Draws(key, STREAMS.positions);
  const samples = classes * samplesPerClass;
  const labels = new Uint16Array(samples);
  const times = new Uint32Array(samples * inputs);
  for (let c = 0; c < classes; c++) {
    const xs = Array.from({ length: samplesPerClass }, (_, sample) => {
      points.at(sample, c);
      return Array.from({ length: dimensions }, () => points.unit());
    });
    for (let input = 0; input < inputs; input++) {
      // Addressed by the input, so that no coordinate depends on the number of inputs.
      draws.at(input, c);
      const coefficients = Float64Array.from({ length: dimensions * 3 * terms }, () => draws.unit());
      const column = xs.map(randmanCoordinate({ coefficients, alpha, terms, form }));
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
