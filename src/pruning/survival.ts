/**
 * Which synapses are worth keeping: the noise-prune rule of Moore and Chaudhuri, "Using noise to probe recurrent neural
 * network structure and prune synapses" (NeurIPS 2020). For a symmetric A the score is sigma^2 / 2 times the leverage of
 * the edge, so that sampling by it is sampling by effective resistance (Spielman and Srivastava 2008).
 */
import type { Covariance } from './covariance.ts';
import { ensure } from './errors.ts';
import type { SynapseGraph } from './synapse-graph.ts';

/** s_ij = |l_ij| (C_ii + C_jj - 2 sign(l_ij) C_ij), [edge]; never negative but for rounding, which counts as 0. */
export function noiseScores(
  graph: SynapseGraph,
  couplings: Float64Array,
  covariance: Covariance,
): Float64Array {
  const { sources, targets } = graph;
  const { variances, covariances } = covariance;
  return Float64Array.from(sources, (source, edge) => {
    const coupling = couplings[edge] as number;
    const spread =
      (variances[source] as number) +
      (variances[targets[edge] as number] as number) -
      2 * Math.sign(coupling) * (covariances[edge] as number);
    return Math.max(0, Math.abs(coupling) * spread);
  });
}

/** Scores below this share of the largest count as it, so that any number of edges can be kept. */
const LEAST_SHARE = 1e-12;

/**
 * Survival probabilities p = min(1, rho s) that keep `expected` edges in the mean: rho by bisection, because a rho that
 * ignores the clipping keeps too few.
 *
 * @param scores [edge], not negative
 * @param expected from 0 to the number of edges
 * @throws {PruningError} for a number that can't be kept
 */
export function survivalProbabilities(scores: Float64Array, expected: number): Float64Array {
  ensure(
    expected >= 0 && expected <= scores.length,
    () => `can't keep ${expected} of ${scores.length} synapses: give a number from 0 to ${scores.length}`,
  );
  const most = scores.reduce((a, b) => Math.max(a, b), 0);
  const floored = most > 0 ? scores.map((score) => Math.max(score, LEAST_SHARE * most)) : scores.map(() => 1);
  if (expected === 0) return new Float64Array(scores.length);
  if (expected === scores.length) return new Float64Array(scores.length).fill(1);
  const kept = (rho: number) => floored.reduce((sum, score) => sum + Math.min(1, rho * score), 0);
  let [low, high] = [0, 1 / (most || 1)];
  while (kept(high) < expected) {
    low = high;
    high *= 2;
  }
  for (let step = 0; step < 200 && high - low > 1e-15 * high; step++) {
    const middle = (low + high) / 2;
    if (kept(middle) < expected) low = middle;
    else high = middle;
  }
  return floored.map((score) => Math.min(1, high * score));
}
