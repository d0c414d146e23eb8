/** Between a compiled network and the graph of its recurrent synapses: out of it, and back after pruning. */
import type { PlasticityRule, SynapseParameter } from '../kernels/plasticity.ts';
import {
  type ChannelParameters,
  type CompiledNetwork,
  type CompiledPopulation,
  classOf,
  type LifPopulation,
  type Parameter,
  type SynapseClass,
  type Synapses,
  synapseWord,
  targetOf,
  valueAt,
} from '../kernels/recurrent-network.ts';
import { ensure } from './errors.ts';
import type { SynapseGraph } from './synapse-graph.ts';

/** The neurons with a state, and the synapses among them. */
export interface NetworkGraph {
  readonly graph: SynapseGraph;
  /** [node]: its number in the network. */
  readonly neurons: Uint32Array;
  /** [edge]: its place among the network's synapses. */
  readonly synapses: Uint32Array;
  /** [node] */
  readonly tauMembraneMs: Float64Array;
}

/** What is left of a network: the same for every network with these recurrent synapses, whatever its input. */
export interface PrunedGraph {
  /** Nodes that stay, by their numbers before, ascending. */
  readonly nodes: Uint32Array;
  /** Edges between them, by the numbers of the nodes before, by source and target. */
  readonly sources: Uint32Array;
  readonly targets: Uint32Array;
  readonly weights: Float64Array;
  /** [node that stays] */
  readonly tauMembraneMs: Float64Array;
}

/** @throws {PruningError} for a network without recurrent synapses */
export function graphOfNetwork(network: CompiledNetwork): NetworkGraph {
  const neurons: number[] = [];
  const tau: number[] = [];
  for (const population of network.populations) {
    if (population.kind !== 'lif') continue;
    for (let index = 0; index < population.count; index++) {
      neurons.push(population.first + index);
      tau.push(valueAt(population.tauMembraneMs, index));
    }
  }
  const nodeOf = nodesByNeuron(network.neurons, neurons);
  const { rows, words } = network.synapses;
  const edges: { source: number; target: number; place: number }[] = [];
  for (const neuron of neurons) {
    for (let place = rows[neuron] as number; place < (rows[neuron + 1] as number); place++) {
      const target = nodeOf[targetOf(words[place] as number)] as number;
      if (target >= 0) edges.push({ source: nodeOf[neuron] as number, target, place });
    }
  }
  ensure(edges.length > 0, () => `"${network.name}" has no recurrent synapses: there is nothing to prune`);
  edges.sort((a, b) => a.source - b.source || a.target - b.target || a.place - b.place);
  const weights = weightsOf(network.synapses);
  return {
    graph: {
      nodes: neurons.length,
      sources: Uint32Array.from(edges, ({ source }) => source),
      targets: Uint32Array.from(edges, ({ target }) => target),
      weights: Float64Array.from(edges, ({ place }) => weights[place] as number),
    },
    neurons: Uint32Array.from(neurons),
    synapses: Uint32Array.from(edges, ({ place }) => place),
    tauMembraneMs: Float64Array.from(tau),
  };
}

function nodesByNeuron(count: number, neurons: ArrayLike<number>): Int32Array {
  const nodeOf = new Int32Array(count).fill(-1);
  for (let node = 0; node < neurons.length; node++) nodeOf[neurons[node] as number] = node;
  return nodeOf;
}

/** The weight of each synapse, that of its class where it has none of its own. */
function weightsOf({ words, weights, classes }: Synapses): Float32Array {
  return Float32Array.from(
    words,
    (word, place) => classes[classOf(word)]?.weight ?? (weights?.[place] as number),
  );
}

/**
 * A network with the recurrent synapses, the neurons and the time constants that pruning left. Inputs to neurons that went
 * go with them. Neurons are numbered anew, so that their random input is drawn anew.
 *
 * @throws {PruningError} when the network has not the neurons that were pruned
 */
export function prunedNetwork(network: CompiledNetwork, pruned: PrunedGraph): CompiledNetwork {
  const { graph, neurons, synapses: places } = graphOfNetwork(network);
  const { nodes } = pruned;
  ensure(
    nodes.length > 0 && (nodes.at(-1) as number) < graph.nodes,
    () => `"${network.name}" has ${graph.nodes} neurons: it is not the network that was pruned`,
  );
  const stays = new Uint8Array(network.neurons).fill(1);
  for (const neuron of neurons) stays[neuron] = 0;
  for (const node of nodes) stays[neurons[node] as number] = 1;
  const numberOf = new Int32Array(network.neurons).fill(-1);
  let count = 0;
  stays.forEach((stay, neuron) => {
    if (stay) numberOf[neuron] = count++;
  });
  // Where each edge was, so that it keeps its class; edges that are new take the most common one.
  const placeOf = new Map<number, number>();
  graph.sources.forEach((source, edge) => {
    placeOf.set(source * graph.nodes + (graph.targets[edge] as number), places[edge] as number);
  });
  const { words } = network.synapses;
  const common = mostCommon(places.map((place) => classOf(words[place] as number)));
  const weights = weightsOf(network.synapses);
  const nodeOf = nodesByNeuron(network.neurons, neurons);
  const list: { source: number; word: number; weight: number; place: number }[] = [];
  for (let neuron = 0; neuron < network.neurons; neuron++) {
    if ((nodeOf[neuron] as number) >= 0) continue;
    for (
      let place = network.synapses.rows[neuron] as number;
      place < (network.synapses.rows[neuron + 1] as number);
      place++
    ) {
      const word = words[place] as number;
      const target = numberOf[targetOf(word)] as number;
      if (target < 0) continue;
      const source = numberOf[neuron] as number;
      list.push({
        source,
        word: synapseWord(target, classOf(word)),
        weight: weights[place] as number,
        place,
      });
    }
  }
  pruned.sources.forEach((from, edge) => {
    const to = pruned.targets[edge] as number;
    const place = placeOf.get(from * graph.nodes + to) ?? -1;
    const target = numberOf[neurons[to] as number] as number;
    const source = numberOf[neurons[from] as number] as number;
    ensure(source >= 0 && target >= 0, () => `edge ${edge} is one of a neuron that was removed`);
    const synapseClass = place < 0 ? common : classOf(words[place] as number);
    list.push({
      source,
      word: synapseWord(target, synapseClass),
      weight: pruned.weights[edge] as number,
      place,
    });
  });
  list.sort((a, b) => a.source - b.source || a.word - b.word);
  const rows = new Uint32Array(count + 1);
  for (const { source } of list) rows[source + 1] = (rows[source + 1] as number) + 1;
  for (let row = 0; row < count; row++) rows[row + 1] = (rows[row + 1] as number) + (rows[row] as number);
  const kept = list.map(({ place }) => place);
  const tau = new Map(
    Array.from(nodes, (node, k) => [neurons[node] as number, pruned.tauMembraneMs[k] as number]),
  );
  const rules = network.synapses.plasticity?.map((rule) => pickedRule(rule, kept));
  return {
    ...network,
    neurons: count,
    populations: populationsOf(network.populations, stays, tau),
    synapses: {
      rows,
      words: Uint32Array.from(list, ({ word }) => word),
      // Weights have become individual.
      classes: network.synapses.classes.map((one): SynapseClass => ({ ...one, weight: undefined })),
      weights: Float32Array.from(list, ({ weight }) => weight),
      ...(rules ? { plasticity: rules } : {}),
    },
  };
}

function mostCommon(values: ArrayLike<number>): number {
  const counts = new Map<number, number>();
  for (let k = 0; k < values.length; k++) {
    counts.set(values[k] as number, (counts.get(values[k] as number) ?? 0) + 1);
  }
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}

/** A rule for the synapses that stay; a synapse that is new takes the mean of its parameters. */
function pickedRule(rule: PlasticityRule, places: readonly number[]): PlasticityRule {
  const picked = (parameter: SynapseParameter): SynapseParameter => {
    if (typeof parameter === 'number') return parameter;
    const mean = parameter.reduce((a, b) => a + b, 0) / Math.max(1, parameter.length);
    return Float32Array.from(places, (place) => (place < 0 ? mean : (parameter[place] as number)));
  };
  return {
    ...rule,
    potentiation: picked(rule.potentiation),
    depression: picked(rule.depression),
    tauPlusMs: picked(rule.tauPlusMs),
    tauMinusMs: picked(rule.tauMinusMs),
  };
}

/** Populations without the neurons that went, numbered anew; those of which nobody stays are left out. */
function populationsOf(
  populations: readonly CompiledPopulation[],
  stays: Uint8Array,
  tau: ReadonlyMap<number, number>,
): CompiledPopulation[] {
  let first = 0;
  return populations.flatMap((population): CompiledPopulation[] => {
    const all = Array.from({ length: population.count }, (_, index) => index);
    const kept = all.filter((index) => stays[population.first + index]);
    if (kept.length === 0) return [];
    const place = { first, count: kept.length };
    first += kept.length;
    if (population.kind === 'source') return [{ ...population, ...place }];
    const picked = (parameter: Parameter): Parameter => {
      return typeof parameter === 'number'
        ? parameter
        : Float64Array.from(kept, (index) => parameter[index] as number);
    };
    return [
      {
        ...pickedNeurons(population, picked),
        ...place,
        tauMembraneMs: Float64Array.from(
          kept,
          (index) => tau.get(population.first + index) ?? valueAt(population.tauMembraneMs, index),
        ),
      },
    ];
  });
}

function pickedNeurons(
  population: LifPopulation,
  picked: (parameter: Parameter) => Parameter,
): LifPopulation {
  const { adaptation, initialChannels, channels } = population;
  return {
    ...population,
    restMv: picked(population.restMv),
    biasMv: picked(population.biasMv),
    thresholdMv: picked(population.thresholdMv),
    resetMv: picked(population.resetMv),
    refractorySteps: picked(population.refractorySteps),
    noiseMv: picked(population.noiseMv),
    initialMv: picked(population.initialMv),
    channels: channels.map(
      ({ tauMs, reversalMv }): ChannelParameters => ({
        tauMs: picked(tauMs),
        reversalMv: picked(reversalMv),
      }),
    ),
    ...(adaptation
      ? { adaptation: { incrementMv: picked(adaptation.incrementMv), tauMs: picked(adaptation.tauMs) } }
      : {}),
    ...(initialChannels ? { initialChannels: initialChannels.map(picked) } : {}),
  };
}
