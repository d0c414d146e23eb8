/**
 * The neurons and synapses of a compiled network as the event-based simulation needs them: in continuous time, one after
 * the other, those with a state only.
 */
import { type CompiledNetwork, classOf, targetOf, valueAt } from '../kernels/recurrent-network.ts';
import { DynamicsError } from './errors.ts';
import type { Route } from './spectrum.ts';

export interface EventNeurons {
  /** Neurons with a state. */
  readonly count: number;
  /** Their numbers in the network, [count]. */
  readonly numbers: Uint32Array;
  /** The place of each neuron of the network among these, -1 for sources. */
  readonly placeOf: Int32Array;
  readonly tauMs: Float64Array;
  /** Rest and bias, mV. */
  readonly restMv: Float64Array;
  readonly thresholdMv: Float64Array;
  readonly resetMv: Float64Array;
  /** 1 where a spike subtracts the threshold. */
  readonly subtracts: Uint8Array;
  readonly refractoryMs: Float64Array;
  readonly noiseMv: Float64Array;
  readonly initialMv: Float64Array;
  /** Exponential channels. */
  readonly channels: number;
  /** [channel of the network]: its number among the exponential ones, -1 for delta. */
  readonly exponentialOf: readonly number[];
  /** [exponential channel][neuron] */
  readonly tauSynapseMs: Float64Array;
  readonly initialChannels: Float64Array;
  /** By source, a neuron of the network: where its synapses begin in the next three. */
  readonly rows: Uint32Array;
  /** Places of targets. */
  readonly targets: Uint32Array;
  /** Exponential channel, -1 for delta. */
  readonly synapseChannels: Int8Array;
  readonly weights: Float64Array;
}

/** What a route needs a network to be. @throws {DynamicsError} `unsupported` naming the part and the remedy */
export function refuse(network: CompiledNetwork, what: string, remedy: string): never {
  throw new DynamicsError('unsupported', `network "${network.name}" has ${what}: ${remedy}`);
}

/** @throws {DynamicsError} `unsupported` for what no route has a derivative for */
export function checkCommon(network: CompiledNetwork): void {
  if (network.channels.some(({ kind }) => kind === 'conductance'))
    refuse(network, 'conductances', 'exponents are for delta and current channels; use current channels');
  if (network.populations.some((population) => population.kind === 'lif' && population.adaptation))
    refuse(
      network,
      'adaptive thresholds',
      'exponents are for thresholds that stay; leave the adaptation out',
    );
  if ((network.synapses.plasticity ?? []).length > 0)
    refuse(
      network,
      'synapses that learn',
      'a spectrum is that of fixed weights; leave the plasticity out, or give the learned weights as fixed ones',
    );
  if (!network.populations.some(({ kind }) => kind === 'lif'))
    refuse(network, 'no neurons with a state', 'add a population of LIF neurons');
}

/** @throws {DynamicsError} `unsupported` */
export function eventNeurons(network: CompiledNetwork, route: Route = 'saltation'): EventNeurons {
  checkCommon(network);
  if (network.synapses.classes.some(({ delaySteps }) => delaySteps > 1))
    refuse(
      network,
      'synaptic delays',
      `exponents are for synapses that act in the next step (delays are a state of their own); set delayMs to 0`,
    );
  const lif = network.populations.filter((population) => population.kind === 'lif');
  const count = lif.reduce((sum, population) => sum + population.count, 0);
  const exponential = network.channels.flatMap(({ kind }, c) => (kind === 'delta' ? [] : [c]));
  const exponentialOf = network.channels.map((_, c) => exponential.indexOf(c));
  const real = (length = count) => new Float64Array(length);
  const numbers = new Uint32Array(count);
  const placeOf = new Int32Array(network.neurons).fill(-1);
  const neurons = {
    tauMs: real(),
    restMv: real(),
    thresholdMv: real(),
    resetMv: real(),
    refractoryMs: real(),
    noiseMv: real(),
    initialMv: real(),
    subtracts: new Uint8Array(count),
    tauSynapseMs: real(count * exponential.length),
    initialChannels: real(count * exponential.length),
  };
  let place = 0;
  for (const population of lif) {
    for (let i = 0; i < population.count; i++, place++) {
      numbers[place] = population.first + i;
      placeOf[population.first + i] = place;
      neurons.tauMs[place] = valueAt(population.tauMembraneMs, i);
      neurons.restMv[place] = valueAt(population.restMv, i) + valueAt(population.biasMv, i);
      neurons.thresholdMv[place] = valueAt(population.thresholdMv, i);
      neurons.subtracts[place] = population.reset === 'subtract' ? 1 : 0;
      neurons.resetMv[place] = population.reset === 'subtract' ? 0 : valueAt(population.resetMv, i);
      neurons.refractoryMs[place] = valueAt(population.refractorySteps, i) * network.dtMs;
      neurons.noiseMv[place] = valueAt(population.noiseMv, i);
      neurons.initialMv[place] = valueAt(population.initialMv, i);
      exponential.forEach((channel, c) => {
        neurons.tauSynapseMs[c * count + place] = valueAt(population.channels[channel]?.tauMs ?? 1, i);
        neurons.initialChannels[c * count + place] = valueAt(population.initialChannels?.[channel] ?? 0, i);
      });
    }
  }
  const { rows, words, classes, weights } = network.synapses;
  const ofClass = classes.map(({ channel }) => exponentialOf[channel] as number);
  if (
    route === 'saltation' &&
    neurons.subtracts.some((subtracts, i) => subtracts !== 0 && (neurons.refractoryMs[i] as number) > 0) &&
    ofClass.includes(-1)
  )
    refuse(
      network,
      'delta synapses, a reset that subtracts, and refractoriness together',
      'change one of the three for the route "saltation"',
    );
  return {
    count,
    numbers,
    placeOf,
    ...neurons,
    channels: exponential.length,
    exponentialOf,
    rows,
    targets: Uint32Array.from(words, (word) => placeOf[targetOf(word)] as number),
    synapseChannels: Int8Array.from(words, (word) => ofClass[classOf(word)] as number),
    weights: Float64Array.from(
      words,
      (word, i) => classes[classOf(word)]?.weight ?? (weights?.[i] as number),
    ),
  };
}
