/**
 * Gaussian process regression with a Matérn-5/2 covariance, in plain TypeScript and f64: the reference of the
 * native engine, and its replacement where there is none.
 *
 * The model of one output: y = m + f(x) + e, with f a Gaussian process of covariance
 *   k(x, x') = s² (1 + √5 r + 5/3 r²) exp(-√5 r),  r² = Σ_j (x_j - x'_j)² / l_g(j)²,
 * and e independent with variance v. Coordinates are grouped: all coordinates of a group share a length scale (the
 * one-hot coordinates of a category do). Rasmussen and Williams (2006), chapters 2, 4 and 5.
 *
 * Hyperparameters travel as one vector of logarithms: [log l_0, ..., log l_{G-1}, log s², log v].
 */
import { cholesky, invertFromFactor, solveLower, solveLowerTransposed } from '../linalg/index.ts';

const SQRT5 = Math.sqrt(5);

/** Points and how their coordinates share length scales. */
export interface Inputs {
  /** Shape [count, width]. */
  readonly x: Float64Array;
  readonly count: number;
  readonly width: number;
  /** The group of each coordinate, from 0, shape [width]. */
  readonly groups: Int32Array;
}

/** Coordinates divided by their length scales, so that r is a plain distance. */
export function scaled(inputs: Inputs, theta: Float64Array): Float64Array {
  const { x, count, width, groups } = inputs;
  const inverse = Float64Array.from(groups, (g) => Math.exp(-(theta[g] as number)));
  const out = new Float64Array(count * width);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < width; j++)
      out[i * width + j] = (x[i * width + j] as number) * (inverse[j] as number);
  }
  return out;
}

/** The Matérn-5/2 correlation at squared scaled distance `r2`. */
export function correlation(r2: number): number {
  const r = SQRT5 * Math.sqrt(r2);
  return (1 + r + (r * r) / 3) * Math.exp(-r);
}

function squaredDistance(a: Float64Array, i: number, b: Float64Array, j: number, width: number): number {
  let sum = 0;
  for (let k = 0; k < width; k++) {
    const difference = (a[i * width + k] as number) - (b[j * width + k] as number);
    sum += difference * difference;
  }
  return sum;
}

/** The lower triangle of the covariance of the observations, noise included, shape [count, count]. */
export function covariance(inputs: Inputs, theta: Float64Array): Float64Array {
  const { count, width } = inputs;
  const z = scaled(inputs, theta);
  const signal = Math.exp(theta[theta.length - 2] as number);
  const noise = Math.exp(theta[theta.length - 1] as number);
  const k = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) k[i * count + j] = signal * correlation(squaredDistance(z, i, z, j, width));
    k[i * count + i] = signal + noise;
  }
  return k;
}

/** `solve(1)` and `solve(y)` give the generalized-least-squares mean m = 1ᵀK⁻¹y / 1ᵀK⁻¹1. */
function solve(factor: Float64Array, n: number, b: Float64Array): Float64Array {
  const out = b.slice();
  solveLower(factor, n, out);
  solveLowerTransposed(factor, n, out);
  return out;
}

function sum(v: Float64Array): number {
  let total = 0;
  for (const value of v) total += value;
  return total;
}

/**
 * The log marginal likelihood with the constant mean at its best value, and its gradient with respect to the
 * logarithmic hyperparameters: [value, gradient...]. A covariance that is not positive definite in f64 gives
 * [-Infinity, 0...].
 *
 * log p(y) = -½ (y-m)ᵀ K⁻¹ (y-m) - ½ log|K| - n/2 log 2π (Rasmussen and Williams, eq. 5.8);
 * ∂/∂θ = ½ tr((ααᵀ - K⁻¹) ∂K/∂θ), α = K⁻¹(y-m) (eq. 5.9); m is optimal, so it adds nothing to the gradient.
 */
export function marginalLikelihood(inputs: Inputs, y: Float64Array, theta: Float64Array): Float64Array {
  const { count: n, width, groups } = inputs;
  const result = new Float64Array(theta.length + 1);
  const factor = covariance(inputs, theta);
  if (!cholesky(factor, n)) {
    result[0] = Number.NEGATIVE_INFINITY;
    return result;
  }
  const ones = solve(factor, n, new Float64Array(n).fill(1));
  const ky = solve(factor, n, y);
  const mean = sum(ky) / sum(ones);
  const alpha = ky.map((value, i) => value - mean * (ones[i] as number));
  let value = -0.5 * n * Math.log(2 * Math.PI);
  for (let i = 0; i < n; i++) {
    value -= 0.5 * (alpha[i] as number) * ((y[i] as number) - mean) + Math.log(factor[i * n + i] as number);
  }
  result[0] = value;

  const inverse = invertFromFactor(factor, n);
  const z = scaled(inputs, theta);
  const signal = Math.exp(theta[theta.length - 2] as number);
  const noise = Math.exp(theta[theta.length - 1] as number);
  const byCoordinate = new Float64Array(width);
  let bySignal = 0;
  let byNoise = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      // The off-diagonal pair counts twice, which the ½ undoes.
      const weight = (alpha[i] as number) * (alpha[j] as number) - (inverse[i * n + j] as number);
      const r2 = squaredDistance(z, i, z, j, width);
      const r = SQRT5 * Math.sqrt(r2);
      const decay = signal * Math.exp(-r);
      bySignal += weight * decay * (1 + r + (r * r) / 3);
      const slope = weight * decay * (5 / 3) * (1 + r);
      for (let k = 0; k < width; k++) {
        const difference = (z[i * width + k] as number) - (z[j * width + k] as number);
        byCoordinate[k] = (byCoordinate[k] as number) + slope * difference * difference;
      }
    }
    const own = 0.5 * ((alpha[i] as number) ** 2 - (inverse[i * n + i] as number));
    bySignal += own * signal;
    byNoise += own * noise;
  }
  for (let k = 0; k < width; k++) {
    const g = 1 + (groups[k] as number);
    result[g] = (result[g] as number) + (byCoordinate[k] as number);
  }
  result[theta.length - 1] = bySignal;
  result[theta.length] = byNoise;
  return result;
}

/** What a sample path of the prior is made of: random Fourier features of the Matérn-5/2 correlation. */
export interface Features {
  /** How many. */
  readonly count: number;
  /** Standard normal draws, divided by the root of a chi-square share (a t distribution), shape [count, width]. */
  readonly frequencies: Float64Array;
  /** In [0, 2π), shape [count]. */
  readonly phases: Float64Array;
}

/**
 * A Gaussian process with its hyperparameters fixed, conditioned on observations: predictions and sample paths.
 *
 * Sample paths are drawn by pathwise conditioning (Wilson et al., ICML 2020): a draw of the prior by random features
 * plus the exact update K⁻¹(y - m - f(X) - e), so that a path can be evaluated anywhere at the cost of a product.
 */
export class GaussianModel {
  readonly #inputs: Inputs;
  readonly #theta: Float64Array;
  readonly #z: Float64Array;
  readonly #factor: Float64Array;
  readonly #alpha: Float64Array;
  /** The constant mean. */
  readonly mean: number;
  #features: Features | undefined;
  #paths = 0;
  /** Shape [paths, features]. */
  #weights: Float64Array = new Float64Array(0);
  /** Shape [paths, count]. */
  #updates: Float64Array = new Float64Array(0);

  /** @throws RangeError when the covariance is not positive definite in f64. */
  constructor(inputs: Inputs, y: Float64Array, theta: Float64Array) {
    const n = inputs.count;
    this.#inputs = inputs;
    this.#theta = theta;
    this.#z = scaled(inputs, theta);
    this.#factor = covariance(inputs, theta);
    if (!cholesky(this.#factor, n)) {
      throw new RangeError('the covariance is not positive definite: raise the lower bound of the noise');
    }
    const ones = solve(this.#factor, n, new Float64Array(n).fill(1));
    const ky = solve(this.#factor, n, y);
    this.mean = n === 0 ? 0 : sum(ky) / sum(ones);
    this.#alpha = ky.map((value, i) => value - this.mean * (ones[i] as number));
  }

  /** Posterior means of f + m at points of shape [count, width]. */
  means(points: Float64Array, count: number): Float64Array {
    const { count: n, width } = this.#inputs;
    const signal = Math.exp(this.#theta[this.#theta.length - 2] as number);
    const z = scaled({ ...this.#inputs, x: points, count }, this.#theta);
    return Float64Array.from({ length: count }, (_, i) => {
      let mean = this.mean;
      for (let j = 0; j < n; j++) {
        mean += signal * correlation(squaredDistance(z, i, this.#z, j, width)) * (this.#alpha[j] as number);
      }
      return mean;
    });
  }

  /** Posterior mean and variance of f + m (without noise) at points of shape [count, width]: [means..., variances...]. */
  predict(points: Float64Array, count: number): Float64Array {
    const { count: n, width } = this.#inputs;
    const signal = Math.exp(this.#theta[this.#theta.length - 2] as number);
    const z = scaled({ ...this.#inputs, x: points, count }, this.#theta);
    const out = new Float64Array(2 * count);
    const row = new Float64Array(n);
    for (let i = 0; i < count; i++) {
      let mean = this.mean;
      for (let j = 0; j < n; j++) {
        row[j] = signal * correlation(squaredDistance(z, i, this.#z, j, width));
        mean += (row[j] as number) * (this.#alpha[j] as number);
      }
      solveLower(this.#factor, n, row);
      let explained = 0;
      for (let j = 0; j < n; j++) explained += (row[j] as number) ** 2;
      out[i] = mean;
      out[count + i] = Math.max(0, signal - explained);
    }
    return out;
  }

  /**
   * Draws sample paths from standard normal numbers: `weights` of shape [paths, features.count] for the prior,
   * `noise` of shape [paths, count] for the observations' errors. They replace the paths drawn before.
   */
  drawPaths(
    y: Float64Array,
    features: Features,
    weights: Float64Array,
    noise: Float64Array,
    paths: number,
  ): void {
    const n = this.#inputs.count;
    const noiseScale = Math.exp(0.5 * (this.#theta[this.#theta.length - 1] as number));
    this.#features = features;
    this.#paths = paths;
    this.#weights = weights;
    this.#updates = new Float64Array(paths * n);
    const phi = this.#featureRows(this.#z, n, features);
    for (let p = 0; p < paths; p++) {
      const residual = this.#updates.subarray(p * n, (p + 1) * n);
      for (let i = 0; i < n; i++) {
        let prior = 0;
        for (let k = 0; k < features.count; k++) {
          prior += (phi[i * features.count + k] as number) * (weights[p * features.count + k] as number);
        }
        residual[i] = (y[i] as number) - this.mean - prior - noiseScale * (noise[p * n + i] as number);
      }
      solveLower(this.#factor, n, residual);
      solveLowerTransposed(this.#factor, n, residual);
    }
  }

  /**
   * The values of the drawn paths at points of shape [count, width]. With `shared` every path at every point, shape
   * [paths, count]; without, the points are dealt out to the paths in equal runs, shape [count].
   */
  evaluatePaths(points: Float64Array, count: number, shared: boolean): Float64Array {
    const { count: n, width } = this.#inputs;
    const features = this.#features;
    if (features === undefined) throw new RangeError('no paths were drawn');
    const signal = Math.exp(this.#theta[this.#theta.length - 2] as number);
    const z = scaled({ ...this.#inputs, x: points, count }, this.#theta);
    const out = new Float64Array(shared ? this.#paths * count : count);
    const run = Math.ceil(count / Math.max(1, this.#paths));
    const row = new Float64Array(n);
    for (let i = 0; i < count; i++) {
      const phi = this.#featureRows(z.subarray(i * width, (i + 1) * width), 1, features);
      for (let j = 0; j < n; j++) row[j] = signal * correlation(squaredDistance(z, i, this.#z, j, width));
      const first = shared ? 0 : Math.floor(i / run);
      const last = shared ? this.#paths : first + 1;
      for (let p = first; p < last; p++) {
        let value = this.mean;
        for (let k = 0; k < features.count; k++) {
          value += (phi[k] as number) * (this.#weights[p * features.count + k] as number);
        }
        for (let j = 0; j < n; j++) value += (row[j] as number) * (this.#updates[p * n + j] as number);
        out[shared ? p * count + i : i] = value;
      }
    }
    return out;
  }

  /** s √(2/F) cos(ω·z + b) for scaled points, shape [count, features]. */
  #featureRows(z: Float64Array, count: number, features: Features): Float64Array {
    const { width } = this.#inputs;
    const scale =
      Math.exp(0.5 * (this.#theta[this.#theta.length - 2] as number)) * Math.sqrt(2 / features.count);
    const out = new Float64Array(count * features.count);
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < features.count; k++) {
        let angle = features.phases[k] as number;
        for (let j = 0; j < width; j++) {
          angle += (features.frequencies[k * width + j] as number) * (z[i * width + j] as number);
        }
        out[i * features.count + k] = scale * Math.cos(angle);
      }
    }
    return out;
  }
}
