/**
 * Networks whose neurons need no work between their spikes and arrivals.
 *
 * With exponential currents, the membrane equation between two arrivals is linear, and its solution a sum of modes that
 * decay each by its own factor (Rotter & Diesmann 1999, in the basis in which the propagator is diagonal):
 *
 *   v(t) = R + u(t) + sum over c of x_c(t),  u *= P, x_c *= e^(-dt/tau_c) in each step,  P = e^(-dt/tau_m)
 *   x_c = A_c g_c,  A_c = P_c / (e^(-dt/tau_c) - P),  P_c the effect of g_c on v in a step
 *
 * An arrival of weight w adds A_c w to x_c and takes it from u; a delta one adds w to u. Where all neurons share their
 * factors, U = u / P^k and X_c = x_c / e^(-k dt/tau_c), k steps after the last multiple of a `period`, don't change at
 * all: a step only reads them, and writes those of the few neurons that something arrives at. At multiples of the
 * period they are multiplied by the factors' powers, so that these stay in range.
 */
import { type CompiledNetwork, type LifPopulation, targetOf, valueAt } from './recurrent-network.ts';
import { currentPropagator } from './recurrent-numbers.ts';
import { STATE_FIELDS } from './recurrent-shape.ts';
import type { TableWriter } from './recurrent-tables.ts';

/** Neurons at the most: `recurrent_modes` advances a network in one workgroup. */
export const MOST_MODAL_NEURONS = 4096;
/** |A_c| at the most: modes much larger than their sum would lose its last bits. */
const LARGEST_GAIN = 4;
/** Steps between two multiplications, at the most; at the least, or it were cheaper to multiply in each step. */
const LONGEST_PERIOD = 64;
const SHORTEST_PERIOD = 4;
/** Powers of the factors are not below this within a period. */
const LEAST_POWER = 2 ** -16;
/** By which bounds of what arrivals add to v are larger than they are, since sums are rounded. */
const BOUND_MARGIN = 2 ** -8;
/** U of neurons that are refractory: no power and no sum brings it near a threshold. */
export const HELD = -1e30;

/** What the modes of a network's neurons have in common. */
export interface Modes {
  /** Steps between two multiplications. */
  readonly period: number;
  /** R, mV. */
  readonly restMv: number;
  /** P. */
  readonly leak: number;
  /** Of each channel that is not delta: its factor in a step, and A_c. */
  readonly channels: readonly { readonly decay: number; readonly gain: number }[];
}

/** The modes of a network, or why it can't be computed by them, as the end of a sentence about it. */
export function modesOf(network: CompiledNetwork): Modes | string {
  const { channels, dtMs, neurons, synapses } = network;
  const lif = network.populations.filter((population) => population.kind === 'lif');
  const [first] = lif;
  if (first === undefined) return 'has no neurons but sources';
  if (neurons > MOST_MODAL_NEURONS) return `has ${neurons} neurons, more than ${MOST_MODAL_NEURONS}`;
  if (channels.some(({ kind }) => kind === 'conductance')) return 'has conductances';
  if (lif.some(({ noiseMv }) => noiseMv !== 0)) return 'has noise';
  if (lif.some(({ adaptation }) => adaptation !== undefined)) return 'has adaptive thresholds';
  if (synapses.classes.some(({ delaySteps }) => delaySteps !== 1)) return 'has delays of more than one step';
  if (synapses.plasticity?.length) return 'learns';
  if (lif.some(({ poisson }) => poisson.length > 0)) return 'has Poisson input at every neuron';
  const shared = (of: Derived) => sharedValue(lif, of);
  const restMv = shared((p, i) => valueAt(p.restMv, i) + valueAt(p.biasMv, i));
  const tau = shared((p, i) => valueAt(p.tauMembraneMs, i));
  const refractory = shared((p, i) => valueAt(p.refractorySteps, i));
  const threshold = shared((p, i) => valueAt(p.thresholdMv, i));
  const taus = channels.flatMap(({ kind }, channel) =>
    kind === 'delta' ? [] : [shared((p, i) => valueAt(p.channels[channel]?.tauMs ?? Number.NaN, i))],
  );
  const known = [restMv, tau, refractory, threshold, ...taus].every((value) => value !== undefined);
  if (!known || restMv === undefined || tau === undefined) {
    return 'has neurons of different time constants, rest, bias, threshold or refractory period';
  }
  const leak = Math.exp(-dtMs / tau);
  const modes = taus.map((tauOf = tau) => {
    const decay = Math.exp(-dtMs / tauOf);
    return { decay, gain: currentPropagator(tauOf, tau, dtMs) / (decay - leak) };
  });
  if (modes.some(({ gain }) => !(Math.abs(gain) <= LARGEST_GAIN))) {
    return `has ${channels.length} channels of which one decays about as fast as the membrane`;
  }
  const fastest = Math.min(leak, ...modes.map(({ decay }) => decay));
  const period = Math.min(LONGEST_PERIOD, Math.floor(Math.log(LEAST_POWER) / Math.log(fastest)));
  if (!(period >= SHORTEST_PERIOD)) return `has a time step of ${dtMs} ms, too long for its time constants`;
  if (repeatsTargets(network)) return 'has more than one synapse between two neurons';
  return { period, restMv, leak, channels: modes };
}

type Derived = (population: LifPopulation, index: number) => number;

/** What is the same for all neurons, or undefined. */
function sharedValue(populations: readonly LifPopulation[], of: Derived): number | undefined {
  const [first] = populations;
  if (first === undefined) return undefined;
  const value = of(first, 0);
  for (const population of populations) {
    for (let index = 0; index < population.count; index++) {
      if (of(population, index) !== value) return undefined;
    }
  }
  return value;
}

/** Whether some row has a target twice: `recurrent_modes` lets the lanes of a workgroup take a row's synapses at once. */
function repeatsTargets({ neurons, synapses: { rows, words } }: CompiledNetwork): boolean {
  const last = new Int32Array(neurons).fill(-1);
  for (let source = 0; source < neurons; source++) {
    const end = rows[source + 1] as number;
    for (let place = rows[source] as number; place < end; place++) {
      const target = targetOf(words[place] as number);
      if (last[target] === source) return true;
      last[target] = source;
    }
  }
  return false;
}

/** Powers in the scale of step `step`, before it: k steps after the last multiple of the period. */
function scaleBefore({ period }: Modes, step: number): number {
  return step === 0 ? 0 : ((step - 1) % period) + 1;
}

/**
 * The table of `recurrent_modes`: the period, then rows of period + 1 numbers for k = 0 .. period: P^k; e^(-k dt/tau_c)
 * for each c; P^-k; and for each c A_c e^(k dt/tau_c), -A_c P^-k: what an arrival of weight 1 adds to U (delta), to X_c
 * and to U. At last, for delta and for each c, what an arrival of weight 1 adds to v at the most in the next k steps: the
 * highest so far of P^i and of A_c (e^(-i dt/tau_c) - P^i), i = 1 .. k.
 *
 * @returns where it begins
 */
export function writeModes(tables: TableWriter, { period, leak, channels }: Modes): number {
  const row = (of: (k: number) => number) => Array.from({ length: period + 1 }, (_, k) => of(k));
  const highest = (of: (i: number) => number) => {
    let most = 0;
    return row((k) => {
      if (k > 0) most = Math.max(most, of(k) * (1 + BOUND_MARGIN));
      return most;
    });
  };
  const at = tables.write([period]);
  tables.writeReals([
    ...row((k) => leak ** k),
    ...channels.flatMap(({ decay }) => row((k) => decay ** k)),
    ...row((k) => leak ** -k),
    ...channels.flatMap(({ decay, gain }) => [
      ...row((k) => gain * decay ** -k),
      ...row((k) => -gain * leak ** -k),
    ]),
    ...highest((i) => leak ** i),
    ...channels.flatMap(({ decay, gain }) => highest((i) => gain * (decay ** i - leak ** i))),
  ]);
  return at;
}

/**
 * Floats of state of a network that is computed by modes: v and steps of refractoriness, [neuron] each; U, X_0, X_1 and the
 * headroom of each neuron, then X_2, X_3 and two that are not used where there are more than two channels; and what the
 * kernel works with, four words a neuron.
 */
export function modalStateLength(channels: number, stride: number): number {
  return (2 + 4 * quadsOf(channels) + 4) * stride;
}

/** Floats of that which are kept from one launch to the next. */
export function keptStateLength(channels: number, stride: number): number {
  return (2 + 4 * quadsOf(channels)) * stride;
}

function quadsOf(channels: number): number {
  return channels > 2 ? 2 : 1;
}

/** Where X of a channel of a neuron is in the state. */
function placeOf(channel: number, neuron: number, stride: number): number {
  return channel < 2 ? 2 * stride + 4 * neuron + 1 + channel : 6 * stride + 4 * neuron + channel - 2;
}

/**
 * The state of a network at step 0, by modes.
 *
 * @param fields v, refractoriness, adaptation and g of each channel, [field][stride]
 */
export function toModes(fields: Float32Array, { restMv, channels }: Modes, stride: number): Float32Array {
  const state = new Float32Array(keptStateLength(channels.length, stride));
  state.set(fields.subarray(0, 2 * stride));
  for (let neuron = 0; neuron < stride; neuron++) {
    const held = (fields[stride + neuron] as number) > 0;
    let u = (fields[neuron] as number) - restMv;
    channels.forEach(({ gain }, channel) => {
      const x = gain * (fields[(STATE_FIELDS + channel) * stride + neuron] as number);
      state[placeOf(channel, neuron, stride)] = x;
      u -= x;
    });
    state[2 * stride + 4 * neuron] = held ? HELD : u;
  }
  return state;
}

/** The reverse before step `step`: v also of neurons that are not refractory, no adaptation, g of the channels. */
export function fromModes(state: Float32Array, modes: Modes, stride: number, step: number): Float32Array {
  const { restMv, leak, channels } = modes;
  const k = scaleBefore(modes, step);
  const fields = new Float32Array((STATE_FIELDS + channels.length) * stride);
  fields.set(state.subarray(0, 2 * stride));
  for (let neuron = 0; neuron < stride; neuron++) {
    let v = restMv + (state[2 * stride + 4 * neuron] as number) * leak ** k;
    channels.forEach(({ decay, gain }, channel) => {
      const x = (state[placeOf(channel, neuron, stride)] as number) * decay ** k;
      fields[(STATE_FIELDS + channel) * stride + neuron] = x / gain;
      v += x;
    });
    if ((state[stride + neuron] as number) === 0) fields[neuron] = v;
  }
  return fields;
}
