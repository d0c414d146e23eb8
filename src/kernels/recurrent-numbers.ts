/** Physical units as the numbers that kernels compute with: propagators, integers of 2^-k, thresholds of random words. */
import { boundOfClasses } from './recurrent-learning.ts';
import { type CompiledNetwork, classOf, targetOf } from './recurrent-network.ts';

const WORD = 2 ** 32;

/**
 * The k for which arrivals are summed in units of 2^-k: the largest up to 30 with which everything that can arrive at one
 * neuron and channel in one step, all synapses and the largest Poisson counts at once, stays below 2^30 units. So no sum
 * overflows, whatever the network does. The same k for all channels of a network.
 */
export function fixedPointShift(network: CompiledNetwork): number {
  const { synapses, neurons, channels, populations } = network;
  const sums = channels.map(() => new Float64Array(neurons));
  const { words, classes, weights } = synapses;
  const bounds = boundOfClasses(network);
  for (let place = 0; place < words.length; place++) {
    const word = words[place] as number;
    const { channel, weight } = classes[classOf(word)] as CompiledNetwork['synapses']['classes'][number];
    const sum = sums[channel] as Float64Array;
    const target = targetOf(word);
    // A weight that learns may take its rule's bound.
    const size = Math.max(bounds[classOf(word)] as number, Math.abs(weight ?? (weights?.[place] as number)));
    sum[target] = (sum[target] as number) + size;
  }
  let largest = 0;
  for (const sum of sums) for (const value of sum) largest = Math.max(largest, value);
  let external = 0;
  for (const population of populations) {
    if (population.kind !== 'lif') continue;
    let most = 0;
    for (const { meanPerStep, weight } of population.poisson) {
      most += Math.abs(weight) * poissonThresholds(meanPerStep).length;
    }
    external = Math.max(external, most);
  }
  const bound = largest + external;
  return bound === 0 ? 30 : Math.min(30, Math.floor(30 - Math.log2(bound)));
}

/** A weight in units of 2^-k, ties to even. */
export function fixedPoint(weight: number, shift: number): number {
  const scaled = weight * 2 ** shift;
  const below = Math.floor(scaled);
  const above = scaled - below;
  if (above !== 0.5) return above < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/**
 * A word stands for as many arrivals as there are thresholds at or below it: threshold k is round(2^32 P(X <= k)) for a
 * Poisson X of that mean, as far as a word can reach.
 */
export function poissonThresholds(mean: number): Uint32Array {
  const thresholds: number[] = [];
  let probability = Math.exp(-mean);
  let cumulative = 0;
  for (let k = 0; k < 1000; k++) {
    cumulative += probability;
    const threshold = Math.round(cumulative * WORD);
    if (threshold >= WORD) break;
    thresholds.push(threshold);
    probability *= mean / (k + 1);
    // The rest is below what a sum of doubles can show.
    if (k > mean && probability * WORD < 1e-3) break;
  }
  return Uint32Array.from(thresholds);
}

/** A word below this is a spike of a source with a rate, in one step. */
export function spikeThreshold(rateHz: number, dtMs: number): number {
  return Math.min(WORD - 1, Math.round((rateHz * dtMs * WORD) / 1000));
}

/**
 * The effect of an exponential current on the membrane potential after one step, per unit of it at the step's start: the
 * exact solution of tau_m dv/dt = -v + g, tau_s dg/dt = -g (Rotter & Diesmann 1999), with its limit at tau_s = tau_m.
 */
export function currentPropagator(tauSynapseMs: number, tauMembraneMs: number, dtMs: number): number {
  const difference = dtMs / tauMembraneMs - dtMs / tauSynapseMs;
  // tau_s / (tau_s - tau_m) (e^(-dt/tau_s) - e^(-dt/tau_m)), written so that nothing cancels near tau_s = tau_m.
  const ratio = difference === 0 ? 1 : Math.expm1(difference) / difference;
  return (dtMs / tauMembraneMs) * Math.exp(-dtMs / tauMembraneMs) * ratio;
}
