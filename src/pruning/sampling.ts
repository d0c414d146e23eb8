/** Independent sampling of synapses, and what becomes of the weights of those that stay. */
import { Draws } from '../random/draws.ts';
import { keyOf, STREAMS } from '../random/philox.ts';
import { ensure } from './errors.ts';

/**
 * - `mask`: weights stay as they are
 * - `rescale`: w / p, which keeps the mean of the matrix but can be very large
 * - `capped`: w min(1 / p, cap); the default
 */
export type Rescaling = 'mask' | 'rescale' | 'capped';

export interface Cap {
  /** The largest factor. */
  readonly factor?: number;
  /** Or this quantile of the factors of the edges that stay; 0.9 by default. */
  readonly quantile?: number;
}

/**
 * One uniform number in (0, 1) for each edge: an edge stays where it is below the edge's probability. The same numbers
 * serve any probabilities, so that a denser sample contains a sparser one.
 */
export function edgeDraws(edges: number, seed: number): Float64Array {
  const draws = new Draws(keyOf(seed), STREAMS.pruning).at(0, 0);
  return Float64Array.from({ length: edges }, () => draws.unit());
}

/** [edge]: 1 where it stays. */
export function sampleEdges(probabilities: Float64Array, draws: Float64Array): Uint8Array {
  return Uint8Array.from(probabilities, (probability, edge) =>
    (draws[edge] as number) < probability ? 1 : 0,
  );
}

/**
 * The factor of each edge's weight, [edge]; 0 for those that go.
 *
 * @throws {PruningError} for a cap that can't be
 */
export function weightFactors(
  probabilities: Float64Array,
  keep: Uint8Array,
  rescaling: Rescaling = 'capped',
  cap: Cap = {},
): Float64Array {
  const inverse = probabilities.map((probability, edge) => (keep[edge] ? 1 / probability : 0));
  if (rescaling === 'mask') return inverse.map((factor) => (factor > 0 ? 1 : 0));
  if (rescaling === 'rescale') return inverse;
  const { factor, quantile = 0.9 } = cap;
  ensure(factor === undefined || factor >= 1, () => `cap is ${factor}: give a factor of at least 1`);
  ensure(quantile >= 0 && quantile <= 1, () => `cap quantile is ${quantile}: give a number from 0 to 1`);
  const sorted = inverse.filter((value) => value > 0).sort();
  const most = factor ?? sorted[Math.floor(quantile * (sorted.length - 1))] ?? 1;
  return inverse.map((value) => Math.min(value, most));
}
