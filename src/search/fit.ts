/**
 * Hyperparameters of a Gaussian process: the maximum of the marginal likelihood times weak priors, in a box.
 *
 * Length scales have the log-normal prior of Hvarfner, Hellsten and Nardi (ICML 2024), whose location grows with the
 * square root of the dimension: with few points in many dimensions it keeps the model from taking noise for structure.
 */
import type { GaussianEngine, Inputs } from './engine.ts';
import { minimizeInBox } from './lbfgs.ts';

/** Bounds of the logarithmic hyperparameters. Outputs have about unit variance, inputs lie in the unit cube. */
const LENGTH_BOUNDS = [Math.log(0.01), Math.log(30)] as const;
const SIGNAL_BOUNDS = [Math.log(0.05), Math.log(50)] as const;
const NOISE_BOUNDS = [Math.log(1e-8), Math.log(0.5)] as const;

/** Log-normal priors: mean and standard deviation of the logarithm. */
const LENGTH_DEVIATION = Math.sqrt(3);
const SIGNAL_PRIOR = [0, 1.5] as const;
/** Most problems of a simulator are nearly noiseless; the likelihood overrules this after a few dozen points. */
const NOISE_PRIOR = [Math.log(1e-5), 4] as const;

/** Starts besides the last fit: length scales as a share of √d, and noise. */
const STARTS = [
  { length: 0.5, noise: 1e-4 },
  { length: 0.2, noise: 1e-2 },
] as const;

const EVALUATIONS = 60;

/** Where a fit begins without any knowledge: [log lengths..., log signal, log noise]. */
export function startOf(scales: number, length: number, noise: number): Float64Array {
  const theta = new Float64Array(scales + 2).fill(Math.log(length * Math.sqrt(scales)));
  theta[scales] = 0;
  theta[scales + 1] = Math.log(noise);
  return theta;
}

/**
 * The best hyperparameters found from the last fit, where there is one, and from `fresh` starts.
 * `y` has about zero mean and unit variance.
 */
export async function fitHyperparameters(
  engine: GaussianEngine,
  inputs: Inputs,
  y: Float64Array,
  scales: number,
  last: Float64Array | undefined,
  fresh: number,
): Promise<Float64Array> {
  const bounds = [...Array(scales).fill(LENGTH_BOUNDS), SIGNAL_BOUNDS, NOISE_BOUNDS] as (readonly [
    number,
    number,
  ])[];
  const lower = Float64Array.from(bounds, ([low]) => low);
  const upper = Float64Array.from(bounds, ([, high]) => high);
  const lengthMean = Math.SQRT2 + 0.5 * Math.log(scales);
  const priors = [
    ...Array(scales).fill([lengthMean, LENGTH_DEVIATION]),
    SIGNAL_PRIOR,
    NOISE_PRIOR,
  ] as (readonly [number, number])[];

  const evaluate = async (theta: Float64Array) => {
    const [likelihood = Number.NEGATIVE_INFINITY, ...slopes] = await engine.marginalLikelihood(
      inputs,
      y,
      theta,
    );
    let value = -likelihood;
    const gradient = Float64Array.from(slopes, (slope, i) => {
      const [mean, deviation] = priors[i] as readonly [number, number];
      const z = ((theta[i] as number) - mean) / deviation;
      value += 0.5 * z * z;
      return -slope + z / deviation;
    });
    return { value, gradient };
  };

  const starts = STARTS.slice(0, fresh).map((start) => startOf(scales, start.length, start.noise));
  if (last !== undefined) starts.unshift(last);
  if (starts.length === 0) starts.push(startOf(scales, STARTS[0].length, STARTS[0].noise));
  const minima = await Promise.all(
    starts.map((start) =>
      minimizeInBox(evaluate, start, {
        lower,
        upper,
        maxEvaluations: EVALUATIONS,
        gradientTolerance: 1e-3,
        valueTolerance: 1e-6,
      }),
    ),
  );
  let best = minima[0];
  for (const minimum of minima) if (best === undefined || minimum.value < best.value) best = minimum;
  return best === undefined || !Number.isFinite(best.value) ? startOf(scales, 1, 1e-2) : best.x;
}
