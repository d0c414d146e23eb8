/**
 * Spike-timing-dependent plasticity (STDP) by pairs of spikes, on the synapses of chosen classes.
 *
 * A synapse from j to i with weight w, minimum <= w <= maximum, sees both spikes in the step in which they are emitted:
 * its delay lies between synapse and soma. In step t, after the propagation of the step's spikes with the weights as they
 * were, first for a spike of j, then for a spike of i, clipped to the bounds after each:
 *   w -= depression   * (additive: 1, multiplicative: w - minimum) * y    at a spike of j
 *   w += potentiation * (additive: 1, multiplicative: maximum - w) * x    at a spike of i
 * y is the trace of i's spikes of earlier steps, x the trace of j's spikes up to and including step t: spikes of one step
 * count as j before i, without delay.
 * - all pairs:     x = sum over them of exp(-(t - t_spike) dt / tau_plus), y likewise with tau_minus
 * - nearest pairs: x = exp(-(t - t_last) dt / tau_plus), t_last the last of them; 0 before the first
 *
 * Kernels hold weights as integers of 2^-k (`fixedPointShift`), so each change is rounded to a multiple of that.
 *
 * Song, Miller & Abbott 2000 (additive, all pairs), van Rossum, Bi & Turrigiano 2000 and Rubin, Lee & Sompolinsky 2001
 * (multiplicative, soft bounds), Morrison, Diesmann & Gerstner 2008 (pairings).
 */

/** A parameter of a rule: one value, or one for each synapse of the network (those of other classes are not read). */
export type SynapseParameter = number | Float32Array;

export interface PlasticityRule {
  /** Classes that learn by this rule, consecutive numbers; their synapses have weights of their own. */
  readonly firstClass: number;
  readonly classes: number;
  readonly pairs: 'all' | 'nearest';
  readonly dependence: 'additive' | 'multiplicative';
  /** Change of the weight by a pair without delay: in the weight's unit (additive), as a share (multiplicative). */
  readonly potentiation: SynapseParameter;
  readonly depression: SynapseParameter;
  readonly tauPlusMs: SynapseParameter;
  readonly tauMinusMs: SynapseParameter;
  /** Bounds of the weights. */
  readonly minimum: number;
  readonly maximum: number;
  /**
   * Scales the weights that a neuron receives by this rule so that they sum to `total`, at the end of every
   * `everySteps`-th step; sums of 0 stay, and bounds hold afterwards. Absent: never.
   */
  readonly normalization?: { readonly total: number; readonly everySteps: number };
}
