/**
 * Models of neurons and of sources, and the channels through which synapses act: plain data, the same in TypeScript and
 * in a network file. `src/kernels/recurrent-network.ts` has their equations.
 */
import type { Values } from './distributions.ts';

/** A channel by which a synapse makes v jump by its weight, mV. */
export interface DeltaChannel {
  readonly kind: 'delta';
}

/** A channel with a drive g (mV): a synapse makes g jump by its weight (mV), and g decays. tau_m dv/dt = ... + g */
export interface CurrentChannel {
  readonly kind: 'current';
  /** Decay of g. */
  readonly tauMs: Values;
}

/**
 * A channel with a conductance g in units of the leak: a synapse makes g jump by its weight, and g decays.
 * tau_m dv/dt = ... + g (reversal - v)
 */
export interface ConductanceChannel {
  readonly kind: 'conductance';
  readonly tauMs: Values;
  readonly reversalMv: Values;
}

export type Channel = DeltaChannel | CurrentChannel | ConductanceChannel;

/** What a population has of a channel where it differs from the rest of the network. */
export interface ChannelOverride {
  readonly tauMs?: Values;
  readonly reversalMv?: Values;
  /** g at the start; 0 by default. */
  readonly initial?: Values;
}

/** Leaky integrate-and-fire: tau_m dv/dt = rest + bias - v + channels; a spike where v is above the threshold. */
export interface Lif {
  readonly model: 'lif';
  readonly tauMembraneMs: Values;
  readonly thresholdMv: Values;
  /** 0 by default. */
  readonly restMv?: Values;
  /** v after a spike; rest by default. */
  readonly resetMv?: Values;
  /** `subtract`: a spike lowers v by the threshold instead. */
  readonly reset?: 'value' | 'subtract';
  /** How long v is held after a spike, to the nearest step; 0 by default. */
  readonly refractoryMs?: Values;
  /** Constant drive, resistance x current; 0 by default. */
  readonly biasMv?: Values;
  /** Standard deviation of v under its white noise alone; 0 by default. */
  readonly noiseMv?: Values;
  /** A spike raises the threshold by the increment, which decays with tau. */
  readonly adaptation?: { readonly incrementMv: Values; readonly tauMs: Values };
  /** v at the start; rest by default. */
  readonly initialMv?: Values;
  readonly channels?: Readonly<Record<string, ChannelOverride>>;
}

/** Neurons that spike at random: in each step with probability rate x dt, independently. */
export interface PoissonSource {
  readonly model: 'poisson';
  readonly rateHz: Values;
}

/** Neurons that spike at given times, to the nearest step; two spikes of one neuron in a step count once. */
export interface SpikeSource {
  readonly model: 'spikes';
  /** Which neuron spikes, 0 to count - 1, and when; in any order. */
  readonly neurons: ArrayLike<number>;
  readonly timesMs: ArrayLike<number>;
}

export type NeuronModel = Lif | PoissonSource | SpikeSource;

export function delta(): DeltaChannel {
  return { kind: 'delta' };
}

export function current(options: Omit<CurrentChannel, 'kind'>): CurrentChannel {
  return { kind: 'current', ...options };
}

export function conductance(options: Omit<ConductanceChannel, 'kind'>): ConductanceChannel {
  return { kind: 'conductance', ...options };
}

export function lif(options: Omit<Lif, 'model'>): Lif {
  return { model: 'lif', ...options };
}

export function poissonSource(rateHz: Values): PoissonSource {
  return { model: 'poisson', rateHz };
}

export function spikeSource(options: Omit<SpikeSource, 'model'>): SpikeSource {
  return { model: 'spikes', ...options };
}
