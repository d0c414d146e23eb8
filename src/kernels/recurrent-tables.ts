/** The tables of compiled recurrent networks: parameters, classes of synapses, inputs. `shaders/recurrent.wgsl` reads them. */
import { ruleOfClasses } from './recurrent-learning.ts';
import {
  type CompiledNetwork,
  type LifPopulation,
  type Parameter,
  type SourcePopulation,
  valueAt,
} from './recurrent-network.ts';
import { currentPropagator, fixedPoint, poissonThresholds, spikeThreshold } from './recurrent-numbers.ts';
import { CONDUCTANCE, type NetworkShape } from './recurrent-shape.ts';

/** Parameters of a neuron before those of its channels, and of each channel, as `shaders/recurrent.wgsl` has them. */
const NEURON_PARAMETERS = 9;
const CHANNEL_PARAMETERS = 3;

/** Collects words, and tells where each piece begins. */
export class TableWriter {
  readonly #pieces: Uint32Array[] = [];
  #length = 0;

  write(words: ArrayLike<number>): number {
    const at = this.#length;
    const piece = Uint32Array.from(words);
    this.#pieces.push(piece);
    this.#length += piece.length;
    return at;
  }

  writeReals(values: ArrayLike<number>): number {
    return this.write(new Uint32Array(Float32Array.from(values).buffer));
  }

  words(): Uint32Array<ArrayBuffer> {
    const all = new Uint32Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

/** A parameter of the kernels as a function of a population and a neuron in it; 0 for sources and padding. */
type Derived = (population: LifPopulation, index: number) => number;

function derivedParameters(network: CompiledNetwork, shape: NetworkShape): Derived[] {
  const { dtMs, channels } = network;
  const held = (shape.flags & CONDUCTANCE) !== 0;
  const at = (of: (population: LifPopulation) => Parameter): Derived => {
    return (population, index) => valueAt(of(population), index);
  };
  const tau = at((population) => population.tauMembraneMs);
  const rest = at((population) => population.restMv);
  const bias = at((population) => population.biasMv);
  const noise = at((population) => population.noiseMv);
  const parameters: Derived[] = [
    (p, i) => (held ? dtMs / tau(p, i) : Math.exp(-dtMs / tau(p, i))),
    (p, i) => rest(p, i) + bias(p, i),
    at((population) => population.thresholdMv),
    (p, i) => (p.reset === 'value' ? valueAt(p.resetMv, i) : 0),
    (p) => (p.reset === 'value' ? 0 : 1),
    at((population) => population.refractorySteps),
    (p, i) => noise(p, i) * Math.sqrt(-Math.expm1((-2 * dtMs) / tau(p, i))),
    (p, i) => (p.adaptation ? Math.exp(-dtMs / valueAt(p.adaptation.tauMs, i)) : 0),
    (p, i) => (p.adaptation ? valueAt(p.adaptation.incrementMv, i) : 0),
  ];
  for (const channel of shape.exponentialChannels) {
    const conductance = channels[channel]?.kind === 'conductance';
    const tauOf = at((population) => population.channels[channel]?.tauMs ?? 1);
    const reversal = at((population) => population.channels[channel]?.reversalMv ?? 0);
    parameters.push(
      (p, i) => {
        if (held) return conductance ? 1 : 0;
        return currentPropagator(tauOf(p, i), tau(p, i), dtMs);
      },
      (p, i) => Math.exp(-dtMs / tauOf(p, i)),
      (p, i) => (conductance ? reversal(p, i) : 1),
    );
  }
  return parameters;
}

/** One value where all neurons have the same, else one for each; and the table that says which. */
export function writeParameters(tables: TableWriter, network: CompiledNetwork, shape: NetworkShape): number {
  const directory: number[] = [];
  const lif = network.populations.filter((population) => population.kind === 'lif');
  for (const derived of derivedParameters(network, shape)) {
    const values = new Float32Array(shape.stride);
    const first = lif[0] ? Math.fround(derived(lif[0], 0)) : 0;
    let same = true;
    for (const population of lif) {
      for (let index = 0; index < population.count; index++) {
        const value = Math.fround(derived(population, index));
        values[population.first + index] = value;
        same &&= value === first;
      }
    }
    directory.push(tables.writeReals(same ? [first] : values), same ? 0 : 1);
  }
  if (directory.length !== 2 * (NEURON_PARAMETERS + CHANNEL_PARAMETERS * shape.exponential)) {
    throw new Error('the parameters do not match shaders/recurrent.wgsl');
  }
  return tables.write(directory);
}

export function writeClasses(tables: TableWriter, network: CompiledNetwork, shape: NetworkShape): number {
  const rules = ruleOfClasses(network);
  return tables.write(
    network.synapses.classes.flatMap(({ channel, delaySteps, weight }, index) => [
      shape.planeOf[channel] as number,
      delaySteps,
      weight === undefined ? 0 : fixedPoint(Math.fround(weight), shape.shift),
      weight === undefined ? 2 + (rules[index] as number) : 0,
    ]),
  );
}

export function writePoisson(tables: TableWriter, network: CompiledNetwork, shape: NetworkShape) {
  const entries: number[] = [];
  for (const population of network.populations) {
    if (population.kind !== 'lif') continue;
    population.poisson.forEach(({ channel, meanPerStep, weight }, index) => {
      const thresholds = poissonThresholds(meanPerStep);
      const at = tables.write(thresholds);
      const [first, end] = [population.first, population.first + population.count];
      const plane = shape.planeOf[channel] as number;
      entries.push(
        first,
        end,
        plane,
        index,
        fixedPoint(Math.fround(weight), shape.shift),
        at,
        thresholds.length,
      );
    });
  }
  return { at: tables.write(entries), count: entries.length / 7 };
}

export function writeRates(tables: TableWriter, network: CompiledNetwork) {
  const entries: number[] = [];
  for (const population of network.populations) {
    if (population.kind !== 'source' || population.spikes.kind !== 'rates') continue;
    const { rateHz } = population.spikes;
    const threshold = (rate: number) => spikeThreshold(rate, network.dtMs);
    const at = tables.write(typeof rateHz === 'number' ? [threshold(rateHz)] : Array.from(rateHz, threshold));
    const [first, end] = [population.first, population.first + population.count];
    entries.push(first, end, at, typeof rateHz === 'number' ? 0 : 1);
  }
  return { at: tables.write(entries), count: entries.length / 4 };
}

/** All event lists of a network as one, with the network's numbers of neurons. */
export function writeEvents(tables: TableWriter, network: CompiledNetwork) {
  const lists = network.populations.flatMap(
    (population): (SourcePopulation['spikes'] & { first: number })[] =>
      population.kind === 'source' ? [{ ...population.spikes, first: population.first }] : [],
  );
  const offsets: number[] = [];
  const neurons: number[] = [];
  const steps = lists.reduce(
    (most, list) => (list.kind === 'events' ? Math.max(most, list.offsets.length - 1) : most),
    0,
  );
  for (let step = 0; step < steps; step++) {
    offsets.push(neurons.length);
    for (const list of lists) {
      if (list.kind !== 'events') continue;
      const end = list.offsets[step + 1] ?? 0;
      for (let event = list.offsets[step] ?? 0; event < end; event++) {
        neurons.push(list.first + (list.neurons[event] as number));
      }
    }
  }
  offsets.push(neurons.length);
  const first = tables.write(neurons);
  return { at: tables.write(offsets.map((offset) => first + offset)), steps };
}
