/**
 * A compiled recurrent network: what the kernels of sparse recurrent networks run, in physical units and typed arrays.
 *
 * `src/network` builds it from populations and projections; `recurrent-batch.ts` packs it into buffers. It says
 * everything about a network: two networks with equal content give equal spikes on a device.
 *
 * Time step t, for a state that holds everything up to the start of the step:
 * 1. arrivals: a[c][i] = what was sent to neuron i on channel c for this step, plus external Poisson counts x weight
 * 2. synapses: delta: v += a, dropped while refractory; others: g[c] += a[c], also while refractory
 * 3. membrane over dt: exact where it is linear; then g[c] *= exp(-dt / tau[c]); plus noise. While refractory v is held.
 * 4. threshold: a spike if not refractory and v > theta + A. Then v = reset, A += increment, held for r steps
 * 5. propagation: a spike of step t arrives at step t + delay
 *
 * Where a channel is a conductance, all g are held over the step (exponential Euler):
 *   v = u + (v - u) exp(-dt G / tau_m), G = 1 + sum of conductances, u = (rest + bias + sum of currents + sum of g E) / G
 * else the solution is exact: v = R + (v - R) P + sum over c of g[c] P[c], R = rest + bias, P = exp(-dt / tau_m).
 *
 * What is sent to a neuron is summed as integers of 2^-k, k = `fixedPointShift`, so that no sum depends on its order: a
 * weight counts as round(weight x 2^k) (ties to even).
 *
 * Draws: neuron i of the network uses word (i >> 4) & 3 of the block with counter ((i >> 6) * 16 + (i & 15), stream,
 * step, index), so that 64 neurons share 16 blocks and four vectors of 16 neurons need no shuffling.
 * - sourceSpikes, index 0: a spike if word < round(rate dt 2^32)
 * - poissonInput, index = its place in the population's list: as many arrivals as there are k with
 *   word >= round(2^32 P(X <= k)), X Poisson
 * - membraneNoise, index 0: words (a, b) = (0, 1) and (2, 3) give neurons of the first and of the second word of the
 *   pair r cos(phi) and r sin(phi), r = sqrt(-2 ln(((a >> 8) + 1) / 2^24)), phi = 2 pi ((b >> 8) / 2^24 - 1/2)
 */
import type { PlasticityRule } from './plasticity.ts';

/** A parameter of a population: one value for all its neurons, or one for each of them. */
export type Parameter = number | Float64Array;

/**
 * A way for synapses to act on a neuron. At most four in a network (as many as AMPA, NMDA, GABA A and GABA B need):
 * each costs memory traffic in every step.
 * - `delta`: v jumps by the weight (mV)
 * - `current`: g jumps by the weight (mV) and decays; tau_m dv/dt = ... + g
 * - `conductance`: g jumps by the weight (in units of the leak) and decays; tau_m dv/dt = ... + g (E - v)
 */
export interface ReceptorChannel {
  readonly name: string;
  readonly kind: 'delta' | 'current' | 'conductance';
}

/** What a population's neurons have of a channel. */
export interface ChannelParameters {
  /** Decay of g, ms; not used by delta channels. */
  readonly tauMs: Parameter;
  /** Reversal potential E, mV; used by conductances only. */
  readonly reversalMv: Parameter;
}

/** Independent Poisson input from outside to each neuron of a population. */
export interface PoissonInput {
  readonly channel: number;
  /** Mean number of arrivals a neuron and step; at most 64. */
  readonly meanPerStep: number;
  /** Weight of one arrival, in the unit of the channel. */
  readonly weight: number;
}

/** Leaky integrate-and-fire neurons: tau_m dv/dt = rest + bias - v + sum of channels. */
export interface LifPopulation {
  readonly kind: 'lif';
  readonly name: string;
  /** Neurons first .. first + count - 1 of the network. */
  readonly first: number;
  readonly count: number;
  readonly tauMembraneMs: Parameter;
  readonly restMv: Parameter;
  /** Constant drive, resistance x current. */
  readonly biasMv: Parameter;
  readonly thresholdMv: Parameter;
  /** After a spike: v = reset, or v -= threshold (without its adaptive part). */
  readonly reset: 'value' | 'subtract';
  readonly resetMv: Parameter;
  /** Steps for which v is held after a spike; 0: none. */
  readonly refractorySteps: Parameter;
  /** Standard deviation that white noise alone would give v in the long run; 0: none. */
  readonly noiseMv: Parameter;
  /** Adaptive threshold A: A *= exp(-dt / tau) in each step, A += increment at a spike. Absent: none. */
  readonly adaptation?: { readonly incrementMv: Parameter; readonly tauMs: Parameter };
  /** One for each channel of the network. */
  readonly channels: readonly ChannelParameters[];
  readonly poisson: readonly PoissonInput[];
  /** v at step 0. */
  readonly initialMv: Parameter;
  /** g at step 0, one for each channel of the network; 0 when absent. */
  readonly initialChannels?: readonly Parameter[];
}

/** Neurons without state that spike by a list or at random. */
export interface SourcePopulation {
  readonly kind: 'source';
  readonly name: string;
  readonly first: number;
  readonly count: number;
  readonly spikes: SourceSpikes;
}

export type SourceSpikes =
  | {
      readonly kind: 'events';
      /** [steps + 1]: index in `neurons` where each step's spikes begin; silent after the last step. */
      readonly offsets: Uint32Array;
      /** Neuron within the population, 0 .. count - 1. */
      readonly neurons: Uint32Array;
    }
  /** In each step with probability rate x dt, independently. */
  | { readonly kind: 'rates'; readonly rateHz: Parameter };

export type CompiledPopulation = LifPopulation | SourcePopulation;

/** What a group of synapses has in common. */
export interface SynapseClass {
  readonly channel: number;
  /** From 1 on: a spike of step t acts in step t + delay. */
  readonly delaySteps: number;
  /** The weight of all synapses of the class; undefined: each has its own in {@link Synapses.weights}. */
  readonly weight: number | undefined;
}

/** All synapses of a network as one sparse matrix by source. */
export interface Synapses {
  /** [neurons + 1]: where the synapses of each source begin. */
  readonly rows: Uint32Array;
  /**
   * [synapses]: {@link synapseWord} of target and class, ascending within a row (by class, then by target). A pair may
   * occur more than once.
   */
  readonly words: Uint32Array;
  /** At most {@link MAX_CLASSES}. */
  readonly classes: readonly SynapseClass[];
  /** [synapses], in the unit of the channel; needed when a class has no weight of its own. */
  readonly weights?: Float32Array;
  /** Rules by which synapses learn; a class has one at most. */
  readonly plasticity?: readonly PlasticityRule[];
}

export interface CompiledNetwork {
  readonly name: string;
  readonly dtMs: number;
  /** From 0 to 2^53 - 1; draws are addressed by (seed, stream, neuron, step). */
  readonly seed: number;
  readonly neurons: number;
  /** Contiguous, in the order of their neurons, all of them. */
  readonly populations: readonly CompiledPopulation[];
  readonly channels: readonly ReceptorChannel[];
  readonly synapses: Synapses;
}

export const MAX_CHANNELS = 4;
const TARGET_BITS = 20;
/** A synapse has 20 bits for its target. */
export const MAX_NEURONS = 2 ** TARGET_BITS;
/** And 12 bits for its class. */
export const MAX_CLASSES = 2 ** (32 - TARGET_BITS);
export const MAX_DELAY_STEPS = 4095;
export const MAX_POISSON_MEAN = 64;

/** A synapse's target and class in one word, as the kernels read it. */
export function synapseWord(target: number, synapseClass: number): number {
  return ((synapseClass << TARGET_BITS) | target) >>> 0;
}

/** The neuron that a synapse acts on. */
export function targetOf(word: number): number {
  return word & (MAX_NEURONS - 1);
}

/** The number of a synapse's class. */
export function classOf(word: number): number {
  return word >>> TARGET_BITS;
}

/** The value of a parameter for neuron `index` of its population. */
export function valueAt(parameter: Parameter, index: number): number {
  return typeof parameter === 'number' ? parameter : (parameter[index] as number);
}
