/**
 * Time constants by Bayesian optimization, so that the pruned network has the spectrum of the dense one again: the last step
 * of the method. Not a time constant for each neuron is searched for, but two parameters of their distribution: a factor of
 * all of them, and an exponent that spreads or narrows them about their geometric mean. An exponent of 0 makes them equal.
 */
import { createOptimizer, SearchSpace } from '../search/index.ts';
import { ensure } from './errors.ts';

/**
 * Mean over u in (0, 1) of (lambda_a(u) - lambda_b(u))^2, u = index / neurons: spectra of networks of different sizes are
 * compared on the normalized index. Where only the largest exponents are known, over the u that both cover.
 *
 * @param a descending
 * @param neurons of the network that each spectrum is of
 */
export function spectrumDistance(
  a: Float64Array,
  b: Float64Array,
  neurons: readonly [number, number],
): number {
  ensure(a.length > 0 && b.length > 0, () => 'a spectrum is empty: give at least one exponent of each');
  const end = Math.min(a.length / neurons[0], b.length / neurons[1]);
  const points = 4 * Math.max(a.length, b.length);
  let sum = 0;
  for (let k = 0; k < points; k++) {
    const u = (end * (k + 0.5)) / points;
    sum += (valueAt(a, u * neurons[0]) - valueAt(b, u * neurons[1])) ** 2;
  }
  return sum / points;
}

/** The i-th exponent stands at i + 1/2; straight lines between, constant beyond. */
function valueAt(exponents: Float64Array, position: number): number {
  const at = Math.min(Math.max(position - 0.5, 0), exponents.length - 1);
  const below = Math.floor(at);
  const [low, high] = [
    exponents[below] as number,
    exponents[Math.min(below + 1, exponents.length - 1)] as number,
  ];
  return low + (at - below) * (high - low);
}

/** tau'_i = factor m (tau_i / m)^spread, m the geometric mean. */
export function reshapedTimeConstants(tauMs: Float64Array, factor: number, spread: number): Float64Array {
  const mean = Math.exp(tauMs.reduce((sum, tau) => sum + Math.log(tau), 0) / Math.max(1, tauMs.length));
  return tauMs.map((tau) => factor * mean * (tau / mean) ** spread);
}

export interface TimescaleOptions {
  /** Spectra that are computed; 20 by default. */
  readonly trials?: number;
  readonly seed?: number;
  readonly onTrial?: (done: number, distance: number) => void;
}

export interface TimescaleResult {
  readonly tauMs: Float64Array;
  readonly factor: number;
  readonly spread: number;
  /** Distance of the spectra before, with the time constants as they were, and after. */
  readonly before: number;
  readonly after: number;
}

/**
 * Searches for the time constants whose spectrum is nearest to a given one. The constants as they are count as a candidate,
 * so that the distance never grows.
 *
 * @param distanceOf the distance of the network with these time constants from the spectrum wanted
 */
export async function optimizeTimescales(
  tauMs: Float64Array,
  distanceOf: (tauMs: Float64Array) => Promise<number>,
  { trials = 20, seed = 0, onTrial }: TimescaleOptions = {},
): Promise<TimescaleResult> {
  ensure(Number.isInteger(trials) && trials >= 1, () => `trials is ${trials}: give a whole number from 1 on`);
  const space = SearchSpace.from({
    factor: { type: 'real', low: 0.5, high: 2, scale: 'log' },
    spread: { type: 'real', low: 0, high: 2 },
  });
  const optimizer = createOptimizer('turbo', space, { seed, initial: Math.min(8, trials) });
  const before = await distanceOf(tauMs);
  let best = { tauMs, factor: 1, spread: 1, before, after: before };
  for (let trial = 0; trial < trials; trial++) {
    const [proposal] = await optimizer.ask(1);
    if (proposal === undefined) break;
    const { factor, spread } = proposal.values as { factor: number; spread: number };
    const tried = reshapedTimeConstants(tauMs, factor, spread);
    const distance = await distanceOf(tried);
    if (distance < best.after) best = { tauMs: tried, factor, spread, before, after: distance };
    // The logarithm: distances span orders of magnitude.
    const objective = -Math.log(Math.max(distance, Number.MIN_VALUE));
    optimizer.tell([{ id: proposal.id, values: proposal.values, status: 'complete', objective }]);
    onTrial?.(trial + 1, distance);
  }
  return best;
}
