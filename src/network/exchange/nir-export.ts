/** From a network to a NIR graph: the way back of `nir-import.ts`, with the same equations. What NIR can't hold is refused by name. */
import {
  type CompiledNetwork,
  type CompiledPopulation,
  classOf,
  type LifPopulation,
  type Parameter,
  targetOf,
  valueAt,
} from '../../kernels/recurrent-network.ts';
import { ensure } from '../errors.ts';
import { Network } from '../network.ts';
import { type NirArray, type NirGraph, type NirNode, nirVector } from './nir-graph.ts';
import { gainsOf } from './nir-import.ts';

/** Weight matrices are dense in NIR: this many numbers, 0.8 GB, is as much as one may have. */
const MOST_WEIGHTS = 1e8;

/**
 * Makes a graph: sources become Input nodes, populations LIF nodes where their synapses are pulses and CubaLIF nodes
 * where they are currents, projections Linear nodes with dense weights. Neurons of one population that go on to nobody
 * get an Output node.
 *
 * @throws {NetworkError} naming the population or the synapses that NIR can't hold, and why
 */
export function networkToNir(given: Network | CompiledNetwork): NirGraph {
  const network = given instanceof Network ? given.compile() : given;
  const { populations, synapses, channels, dtMs } = network;
  ensure(
    synapses.plasticity === undefined,
    () => `network "${network.name}" has plastic synapses: NIR has none`,
  );
  const nodes: Record<string, NirNode> = {};
  const edges: [string, string][] = [];
  const matrices = matricesOf(network);
  for (const [index, population] of populations.entries()) {
    const incoming = new Set([...matrices].filter(([key]) => key.to === index).map(([key]) => key.channel));
    ensure(
      incoming.size <= 1,
      () => `population "${population.name}" has synapses of ${incoming.size} channels: a NIR neuron has one`,
    );
    const [channel] = incoming;
    nodes[population.name] =
      population.kind === 'source' ? inputNode(population) : neuronNode(population, network, channel);
  }
  for (const [{ from, to, channel }, matrix] of matrices) {
    const [source, target] = [populations[from] as CompiledPopulation, populations[to] as CompiledPopulation];
    const kind = channels[channel]?.kind;
    ensure(
      kind !== 'conductance',
      () =>
        `synapses from "${source.name}" to "${target.name}" are conductances: NIR has pulses and currents`,
    );
    const name = `${source.name}_to_${target.name}`;
    const gains = gainsOf(target.name, nodes[target.name] as NirNode, dtMs);
    const values = matrix.map((weight, i) => weight / (gains[Math.floor(i / source.count)] as number));
    nodes[name] = { type: 'Linear', parameters: { weight: { shape: [target.count, source.count], values } } };
    edges.push([source.name, name], [name, target.name]);
  }
  const going = new Set([...matrices.keys()].map(({ from, to }) => (from === to ? -1 : from)));
  for (const [index, population] of populations.entries()) {
    if (population.kind !== 'lif' || going.has(index)) continue;
    const output = `${population.name}_output`;
    nodes[output] = { type: 'Output', parameters: { shape: nirVector([population.count]) } };
    edges.push([population.name, output]);
  }
  return { nodes, edges };
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly channel: number;
}

/** Weights of each pair of populations that have synapses, [target][source], dense; equal pairs add up. */
function matricesOf({ populations, synapses, name }: CompiledNetwork): Map<Block, Float64Array> {
  const found = new Map<string, readonly [Block, Float64Array]>();
  const indexOf = (neuron: number) =>
    populations.findIndex(({ first, count }) => neuron >= first && neuron < first + count);
  for (const [from, source] of populations.entries()) {
    for (let neuron = source.first; neuron < source.first + source.count; neuron++) {
      for (let at = synapses.rows[neuron] as number; at < (synapses.rows[neuron + 1] as number); at++) {
        const word = synapses.words[at] as number;
        const kind = synapses.classes[classOf(word)];
        ensure(
          kind?.delaySteps === 1,
          () =>
            `network "${name}" has synapses with delays of more than a step: NIR's networks here have none`,
        );
        const { channel } = kind;
        const to = indexOf(targetOf(word));
        const target = populations[to] as CompiledPopulation;
        const key = `${from} ${to} ${channel}`;
        if (!found.has(key)) {
          const size = source.count * target.count;
          ensure(
            size <= MOST_WEIGHTS,
            () =>
              `synapses from "${source.name}" to "${target.name}" make ${size} weights: NIR is dense, ${MOST_WEIGHTS} are the most`,
          );
          found.set(key, [{ from, to, channel }, new Float64Array(size)]);
        }
        const [, matrix] = found.get(key) as readonly [Block, Float64Array];
        const place = (targetOf(word) - target.first) * source.count + neuron - source.first;
        matrix[place] = (matrix[place] as number) + (kind.weight ?? (synapses.weights?.[at] as number));
      }
    }
  }
  return new Map(found.values());
}

function inputNode({ name, count, kind }: CompiledPopulation): NirNode {
  ensure(kind === 'source', () => `population "${name}" is no source`);
  return { type: 'Input', parameters: { shape: nirVector([count]) } };
}

function neuronNode(
  population: LifPopulation,
  { channels }: CompiledNetwork,
  channel: number | undefined,
): NirNode {
  const { name, count } = population;
  const every = (parameter: Parameter, test: (value: number, i: number) => boolean) =>
    Array.from({ length: count }, (_, i) => test(valueAt(parameter, i), i)).every(Boolean);
  const refuse = (fine: boolean, what: string) =>
    ensure(fine, () => `population "${name}" has ${what}, which NIR can't hold`);
  refuse(
    every(population.refractorySteps, (steps) => steps === 0),
    'a refractory period',
  );
  refuse(
    every(population.noiseMv, (noise) => noise === 0),
    'noise',
  );
  refuse(population.adaptation === undefined, 'an adaptive threshold');
  refuse(population.reset === 'value', 'a reset by subtraction');
  refuse(population.poisson.length === 0, 'Poisson input');
  refuse(
    every(population.initialMv, (v, i) => v === valueAt(population.restMv, i)),
    'an initial state other than rest',
  );
  const vector = (value: (i: number) => number): NirArray =>
    nirVector(Array.from({ length: count }, (_, i) => value(i)));
  const shared = {
    r: vector(() => 1),
    v_leak: vector((i) => valueAt(population.restMv, i) + valueAt(population.biasMv, i)),
    v_threshold: vector((i) => valueAt(population.thresholdMv, i)),
    v_reset: vector((i) => valueAt(population.resetMv, i)),
  };
  const tau = vector((i) => valueAt(population.tauMembraneMs, i) / 1000);
  if (channel === undefined || channels[channel]?.kind !== 'current') {
    return { type: 'LIF', parameters: { tau, ...shared } };
  }
  const synaptic = population.channels[channel]?.tauMs ?? 1;
  return {
    type: 'CubaLIF',
    parameters: {
      tau_mem: tau,
      tau_syn: vector((i) => valueAt(synaptic, i) / 1000),
      w_in: vector(() => 1),
      ...shared,
    },
  };
}
