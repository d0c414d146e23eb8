/**
 * The diagonal after sampling: as it was, or matched, so that rows keep their balance,
 * A'_ii = A_ii - Delta_i, Delta_i = sum over j of |A'_ij| - sum over j of |A_ij|, which is 0 in the mean where weights are
 * rescaled. For a leaky neuron the diagonal is -1 / tau: matching changes the time constants, and with them heterogeneity.
 */
import { ensure } from './errors.ts';
import type { SynapseGraph } from './synapse-graph.ts';

/** [node]: Delta, 1/ms. */
export function rowSumChanges(
  { nodes, targets }: SynapseGraph,
  couplings: Float64Array,
  factors: Float64Array,
): Float64Array {
  const changes = new Float64Array(nodes);
  for (let edge = 0; edge < targets.length; edge++) {
    const target = targets[edge] as number;
    const size = Math.abs(couplings[edge] as number);
    changes[target] = (changes[target] as number) + size * ((factors[edge] as number) - 1);
  }
  return changes;
}

/**
 * Time constants for a matched diagonal: tau'_i = tau_i D_i / (D_i + Delta_i). The ratio is held within 1 / most and
 * most, which keeps it positive: a row that lost much has D_i + Delta_i near or below 0.
 *
 * @param tauMs [node]
 * @param leaks D with its shift, [node], 1/ms
 */
export function matchedTimeConstants(
  tauMs: Float64Array,
  leaks: Float64Array,
  changes: Float64Array,
  most = 2,
): Float64Array {
  ensure(most >= 1, () => `the largest change of a time constant is ${most}: give a factor of at least 1`);
  return tauMs.map((tau, node) => {
    const leak = leaks[node] as number;
    const ratio = (leak + (changes[node] as number)) / leak;
    return tau / Math.min(most, Math.max(1 / most, ratio));
  });
}
