/** How the synapses of a projection learn: plain data. `src/kernels/plasticity.ts` has the equations. */
import type { Values } from './distributions.ts';

/** Spike-timing-dependent plasticity by pairs of spikes. Values may differ from synapse to synapse. */
export interface Plasticity {
  readonly rule: 'stdp';
  /** Which pairs count: all, or each spike with the last one of the other neuron. `all` by default. */
  readonly pairs?: 'all' | 'nearest';
  /** `multiplicative`: a change is in proportion to the way left to the bound. `additive` by default. */
  readonly dependence?: 'additive' | 'multiplicative';
  /** Change of the weight by a pair without delay: unit of the weight (additive), or a share (multiplicative). */
  readonly potentiation: Values;
  readonly depression: Values;
  readonly tauPlusMs: Values;
  readonly tauMinusMs: Values;
  /** Bounds of the weights; the lower one is 0 by default. */
  readonly minimum?: number;
  readonly maximum: number;
  /** Every so often the weights that a neuron receives are scaled to this sum; never by default. */
  readonly normalization?: { readonly total: number; readonly everyMs: number };
}

export function stdp(options: Omit<Plasticity, 'rule'>): Plasticity {
  return { rule: 'stdp', ...options };
}
