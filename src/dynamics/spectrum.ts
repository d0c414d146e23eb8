/**
 * What is known of a system once tangent vectors have been carried along its trajectory: Lyapunov exponents with
 * their standard errors, what follows from them, and which neurons take part in which exponent.
 */
import { DynamicsError } from './errors.ts';

/**
 * By which derivative tangent vectors are carried:
 * - `saltation`: the exact one of the network in continuous time, spikes located inside the steps
 * - `surrogate`: the clocked network with the derivative of a spike replaced by a surrogate of stated sharpness
 * - `rate`: the linearization of the rates at the measured operating point
 * - `given`: the Jacobian that the caller gave
 */
export type Route = 'saltation' | 'surrogate' | 'rate' | 'given';

/** The exponents of a trajectory, in the order of Gram-Schmidt, which is descending once they have converged. */
export interface LyapunovSpectrum {
  readonly route: Route;
  /**
   * [k], per second for networks, per unit of time for given flows, per iteration for given maps. -Infinity where a
   * direction is lost altogether (a singular Jacobian: resets that forget the potential).
   */
  readonly exponents: Float64Array;
  /** [k], of the mean over time, from the scatter of block averages; NaN for lost directions. */
  readonly standardErrors: Float64Array;
  /** Variables of the state: the length of a tangent vector. */
  readonly dimension: number;
  /** Neurons that take part; for given systems, the variables. */
  readonly neurons: number;
  /**
   * [neuron][k]: squared components of the orthonormal tangent vectors, summed over the variables of a neuron, in the
   * mean over time. Each column sums to 1.
   */
  readonly participation: Float64Array;
  /** Time over which was averaged, without the transient, in seconds (for given systems, their unit). */
  readonly duration: number;
  /** Steps between two orthonormalizations. */
  readonly interval: number;
  /**
   * The convergence: after each block, the mean since the end of the transient; [block][k]. The last row is
   * `exponents`. Local exponents, those of single blocks, are in {@link LyapunovSpectrum.local}.
   */
  readonly history: Float64Array;
  /** [block][k]: the exponents of each block alone. */
  readonly local: Float64Array;
  readonly blocks: number;
  readonly summary: SpectrumSummary;
}

/** Numbers that follow from a spectrum. */
export interface SpectrumSummary {
  readonly largest: number;
  /** Exponents that are above 0 by more than two standard errors. */
  readonly positive: number;
  /** Sum of the exponents counted in `positive`: Pesin's bound of the entropy rate, in nats. */
  readonly entropyRate: number;
  /**
   * Kaplan and Yorke's dimension of the attractor. Undefined when it needs more exponents than there are: their sum is
   * still above 0.
   */
  readonly kaplanYorkeDimension: number | undefined;
  /** Sum of all exponents there are: with as many as the dimension, the mean rate of contraction of volumes. */
  readonly sum: number;
}

/**
 * Kaplan and Yorke (1979): j + (l_1 + ... + l_j) / |l_(j+1)| for the largest j with a sum that is not negative; 0 where
 * l_1 < 0. Undefined when the sum of all that is given is not negative and more exponents exist.
 *
 * @param complete whether these are all the exponents of the system
 */
export function kaplanYorkeDimension(exponents: ArrayLike<number>, complete: boolean): number | undefined {
  const sorted = Float64Array.from(exponents).sort().reverse();
  let sum = 0;
  for (let j = 0; j < sorted.length; j++) {
    const exponent = sorted[j] as number;
    if (sum + exponent < 0) return j === 0 ? 0 : j + (exponent === -Infinity ? 0 : sum / -exponent);
    sum += exponent;
  }
  return complete ? sorted.length : undefined;
}

/** The numbers that follow from exponents and their standard errors, of a system with so many in all. */
export function summarize(
  exponents: Float64Array,
  standardErrors: Float64Array,
  dimension: number,
): SpectrumSummary {
  const above = exponents.filter((exponent, i) => exponent > 2 * (standardErrors[i] as number));
  return {
    largest: exponents.length === 0 ? -Infinity : Math.max(...exponents.subarray(0, 8)),
    positive: above.length,
    entropyRate: above.reduce((sum, exponent) => sum + exponent, 0),
    kaplanYorkeDimension: kaplanYorkeDimension(exponents, exponents.length >= dimension),
    sum: exponents.reduce((sum, exponent) => sum + exponent, 0),
  };
}

/** What was measured at each orthonormalization after the transient, in order. */
export interface Growth {
  /** Of each tangent vector, [interval][k]: the logarithm of its length before orthonormalization; -Infinity if lost. */
  readonly logs: readonly ArrayLike<number>[];
  /** Time of each interval, in the unit of the results. */
  readonly times: readonly number[];
}

/** Means over blocks of about equal numbers of intervals. */
export interface BlockAverages {
  readonly exponents: Float64Array;
  readonly standardErrors: Float64Array;
  readonly history: Float64Array;
  readonly local: Float64Array;
  readonly blocks: number;
  readonly duration: number;
}

/** Blocks of which averages are taken: as many as give their scatter with 15 % accuracy. */
export const BLOCKS = 20;

/**
 * Exponents with standard errors from the scatter of block averages (blocks that are longer than the memory of the
 * growth rates make them independent).
 *
 * @throws {DynamicsError} `bad-input` when there are fewer than two intervals; `not-finite` for NaN in the growth
 */
export function blockAverages({ logs, times }: Growth, k: number): BlockAverages {
  const intervals = logs.length;
  if (intervals < 2)
    throw new DynamicsError(
      'bad-input',
      `there are ${intervals} orthonormalizations after the transient: give a longer duration, or a shorter interval, so that there are at least 2`,
    );
  const blocks = Math.min(BLOCKS, intervals);
  const local = new Float64Array(blocks * k);
  const history = new Float64Array(blocks * k);
  const sums = new Float64Array(k);
  const weights = new Float64Array(blocks);
  let duration = 0;
  for (let block = 0; block < blocks; block++) {
    const [from, to] = [block, block + 1].map((b) => Math.floor((b * intervals) / blocks)) as [
      number,
      number,
    ];
    let time = 0;
    for (let interval = from; interval < to; interval++) {
      const grown = logs[interval] as ArrayLike<number>;
      for (let i = 0; i < k; i++) {
        local[block * k + i] = (local[block * k + i] as number) + (grown[i] as number);
        sums[i] = (sums[i] as number) + (grown[i] as number);
      }
      time += times[interval] as number;
    }
    duration += time;
    weights[block] = time;
    for (let i = 0; i < k; i++) {
      local[block * k + i] = (local[block * k + i] as number) / time;
      history[block * k + i] = (sums[i] as number) / duration;
    }
  }
  const exponents = sums.map((sum) => sum / duration);
  const bad = exponents.findIndex((exponent) => Number.isNaN(exponent) || exponent === Infinity);
  if (bad >= 0)
    throw new DynamicsError(
      'not-finite',
      `exponent ${bad + 1} is ${exponents[bad]}: the trajectory or its tangent vectors are not finite; give a shorter interval or time step`,
    );
  const standardErrors = exponents.map((mean, i) => {
    if (mean === -Infinity) return Number.NaN;
    let squares = 0;
    for (let block = 0; block < blocks; block++) {
      const weight = ((weights[block] as number) * blocks) / duration;
      squares += (weight * ((local[block * k + i] as number) - mean)) ** 2;
    }
    return Math.sqrt(squares / (blocks * (blocks - 1)));
  });
  return { exponents, standardErrors, history, local, blocks, duration };
}

/**
 * The participation of neurons from that of the variables of the state.
 *
 * @param sums [variable][k], sums of squared components over so many orthonormalizations
 * @param neuronOf the neuron that each variable belongs to
 */
export function foldParticipation(
  sums: ArrayLike<number>,
  k: number,
  neuronOf: ArrayLike<number>,
  neurons: number,
): Float64Array {
  const folded = new Float64Array(neurons * k);
  const totals = new Float64Array(k);
  for (let row = 0; row < neuronOf.length; row++) {
    const neuron = neuronOf[row] as number;
    for (let i = 0; i < k; i++) {
      const share = sums[row * k + i] as number;
      folded[neuron * k + i] = (folded[neuron * k + i] as number) + share;
      totals[i] = (totals[i] as number) + share;
    }
  }
  for (let at = 0; at < folded.length; at++) {
    folded[at] = (folded[at] as number) / Math.max(totals[at % k] as number, Number.MIN_VALUE);
  }
  return folded;
}

/** What a spectrum by tangent vectors is made of. */
export interface Carried {
  readonly route: Route;
  readonly growth: Growth;
  /** Exponents. */
  readonly k: number;
  /** [variable][k]: squared components of the orthonormal vectors, summed over the orthonormalizations. */
  readonly squares: ArrayLike<number>;
  /** The neuron that each variable of the state belongs to. */
  readonly neuronOf: ArrayLike<number>;
  readonly neurons: number;
  /** Steps between two orthonormalizations. */
  readonly interval: number;
}

/** The spectrum of what was measured along a trajectory. @throws {DynamicsError} as {@link blockAverages} does */
export function spectrumOf({
  route,
  growth,
  k,
  squares,
  neuronOf,
  neurons,
  interval,
}: Carried): LyapunovSpectrum {
  const averages = blockAverages(growth, k);
  const dimension = neuronOf.length;
  return {
    route,
    ...averages,
    dimension,
    neurons,
    participation: foldParticipation(squares, k, neuronOf, neurons),
    interval,
    summary: summarize(averages.exponents, averages.standardErrors, dimension),
  };
}
