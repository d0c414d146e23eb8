/** The sizes that follow from a network: planes of arrivals, fields of state, parts. */
import type { CompiledNetwork, Parameter } from './recurrent-network.ts';
import { fixedPointShift } from './recurrent-numbers.ts';

/** Neurons are padded to groups of this many: one random block and four words for each 16 of them. */
const GROUP = 64;
export const CONDUCTANCE = 1;
const NOISE = 2;
const ADAPTATION = 4;
/** Traces are of v before its reset. */
export const BEFORE_RESET = 8;
/** Fields of the state before the g of the channels: v, refractoriness, adaptation. */
export const STATE_FIELDS = 3;

/** Neurons below which a network is not cut; of a part that fits the cache; synapses of a row that is worth a part. */
const SMALL = 8192;
const CACHED = 4096;
const LONG_ROW = 128;

/** What follows from a network for its layout. */
export interface NetworkShape {
  readonly stride: number;
  readonly planes: number;
  readonly exponential: number;
  /** Plane of each channel. */
  readonly planeOf: readonly number[];
  /** Channels that are not delta, in their order. */
  readonly exponentialChannels: readonly number[];
  readonly flags: number;
  readonly depth: number;
  readonly parts: number;
  readonly partNeurons: number;
  readonly weighted: boolean;
  readonly shift: number;
}

/** @param threads of the native engine that may share a network; it stays whole when absent */
export function shapeOf(network: CompiledNetwork, threads?: number): NetworkShape {
  const { neurons, channels, populations, synapses } = network;
  const stride = Math.ceil(neurons / GROUP) * GROUP;
  const exponentialChannels = channels.flatMap(({ kind }, index) => (kind === 'delta' ? [] : [index]));
  const exponential = exponentialChannels.length;
  // A network without channels keeps one plane: nothing arrives on it.
  const delta = exponential < channels.length || channels.length === 0 ? 1 : 0;
  const planeOf = channels.map(({ kind }, index) =>
    kind === 'delta' ? 0 : delta + exponentialChannels.indexOf(index),
  );
  const lif = populations.filter((population) => population.kind === 'lif');
  const anywhere = (value: Parameter) =>
    typeof value === 'number' ? value !== 0 : value.some((x) => x !== 0);
  let flags = 0;
  if (channels.some(({ kind }) => kind === 'conductance')) flags |= CONDUCTANCE;
  if (lif.some(({ noiseMv }) => anywhere(noiseMv))) flags |= NOISE;
  if (lif.some(({ adaptation }) => adaptation !== undefined)) flags |= ADAPTATION;
  const partNeurons = threads ? cutNeurons(stride, synapses.words.length, threads) : stride;
  return {
    stride,
    planes: delta + exponential,
    exponential,
    planeOf,
    exponentialChannels,
    flags,
    depth: synapses.classes.reduce((most, { delaySteps }) => Math.max(most, delaySteps), 1),
    parts: Math.ceil(stride / partNeurons),
    partNeurons,
    weighted: synapses.classes.some(({ weight }) => weight === undefined),
    shift: fixedPointShift(network),
  };
}

/**
 * Neurons of a part of a network of `stride`. Small networks stay whole: their threads would wait for each other in every
 * step. Others have a part for each thread, or several whose arrivals of a step fit the first-level cache, as long as
 * that leaves rows of some hundred synapses in each: 100,000 neurons with 100 synapses each take twice as long in 32
 * parts as in two.
 */
function cutNeurons(stride: number, synapses: number, threads: number): number {
  if (stride < SMALL) return stride;
  const cached = Math.ceil(stride / (threads * CACHED)) * threads;
  const parts = synapses / stride / cached >= LONG_ROW ? cached : threads;
  return Math.ceil(stride / parts / GROUP) * GROUP;
}

/** Floats of state of a network without what its rules of plasticity keep: the fields, the channels, a list of spikes. */
export function stateLength({ stride, exponential }: Pick<NetworkShape, 'stride' | 'exponential'>): number {
  return (STATE_FIELDS + exponential + 1) * stride;
}

/** Spikes of a network in so many steps, at the most: a neuron can't spike again while it is refractory. */
export function mostSpikes({ populations }: CompiledNetwork, steps: number): number {
  return populations.reduce((sum, population) => {
    const held = population.kind === 'source' ? 0 : leastOf(population.refractorySteps);
    return sum + population.count * Math.ceil(steps / (1 + Math.max(0, Math.floor(held))));
  }, 0);
}

function leastOf(value: Parameter): number {
  return typeof value === 'number'
    ? value
    : value.reduce((least, x) => Math.min(least, x), Number.POSITIVE_INFINITY);
}
