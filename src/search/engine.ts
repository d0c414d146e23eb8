/**
 * The seam between the search and whatever does its Gaussian process arithmetic: the native engine, or the plain
 * TypeScript twin in a thread of its own. Both compute the same numbers up to rounding, and neither blocks the
 * event loop.
 */
import type { Features, Inputs } from './matern.ts';

export type { Features, Inputs } from './matern.ts';

export interface GaussianEngine {
  readonly kind: 'native' | 'typescript';
  /** [value, gradient...] of the log marginal likelihood; see `marginalLikelihood` in `matern.ts`. */
  marginalLikelihood(inputs: Inputs, y: Float64Array, theta: Float64Array): Promise<Float64Array>;
  /** A process conditioned on data. @throws when the covariance is not positive definite in f64. */
  condition(inputs: Inputs, y: Float64Array, theta: Float64Array): Promise<ConditionedProcess>;
}

/** The asynchronous face of `GaussianModel` in `matern.ts`. */
export interface ConditionedProcess extends Disposable {
  /** Posterior means only: cheaper than `predict`. */
  means(points: Float64Array, count: number): Promise<Float64Array>;
  predict(points: Float64Array, count: number): Promise<Float64Array>;
  drawPaths(
    y: Float64Array,
    features: Features,
    weights: Float64Array,
    noise: Float64Array,
    paths: number,
  ): Promise<void>;
  evaluatePaths(points: Float64Array, count: number, shared: boolean): Promise<Float64Array>;
}
