/** A compiled network as a network file that `tacet simulate` reads: populations, synapses one by one, inputs. */
import {
  type CompiledNetwork,
  classOf,
  type LifPopulation,
  type Parameter,
  targetOf,
  valueAt,
} from '../kernels/recurrent-network.ts';

type Fields = Record<string, unknown>;

const value = (parameter: Parameter): number | number[] =>
  typeof parameter === 'number' ? parameter : Array.from(parameter);

/**
 * The content of a network file. Sources of given spikes are left out: they belong to a task, not to the network.
 */
export function networkDocument(network: CompiledNetwork): Fields {
  const { dtMs, channels, synapses } = network;
  const lif = network.populations.filter((population) => population.kind === 'lif');
  const kinds = Object.fromEntries(
    channels.map(({ name, kind }, channel) => {
      const first = lif[0]?.channels[channel];
      const tauMs = valueAt(first?.tauMs ?? 1, 0);
      if (kind === 'delta') return [name, { kind }];
      if (kind === 'current') return [name, { kind, tauMs }];
      return [name, { kind, tauMs, reversalMv: valueAt(first?.reversalMv ?? 0, 0) }];
    }),
  );
  return {
    name: `${network.name}-pruned`,
    dtMs,
    seed: network.seed,
    channels: kinds,
    populations: Object.fromEntries(
      lif.map((population) => [population.name, populationOf(population, network)]),
    ),
    projections: lif.flatMap((from) => lif.flatMap((to) => projectionsOf(network, synapses, from, to))),
    inputs: lif.flatMap(({ name, poisson }) =>
      poisson.map(({ channel, meanPerStep, weight }) => ({
        to: name,
        rateHz: (meanPerStep / dtMs) * 1000,
        weight,
        channel: channels[channel]?.name,
      })),
    ),
  };
}

function populationOf(population: LifPopulation, { dtMs, channels }: CompiledNetwork): Fields {
  const { adaptation, refractorySteps } = population;
  const refractory = value(refractorySteps);
  return {
    model: 'lif',
    count: population.count,
    tauMembraneMs: value(population.tauMembraneMs),
    restMv: value(population.restMv),
    biasMv: value(population.biasMv),
    thresholdMv: value(population.thresholdMv),
    reset: population.reset,
    resetMv: value(population.resetMv),
    refractoryMs:
      typeof refractory === 'number' ? refractory * dtMs : refractory.map((steps) => steps * dtMs),
    noiseMv: value(population.noiseMv),
    initialMv: value(population.initialMv),
    ...(adaptation
      ? { adaptation: { incrementMv: value(adaptation.incrementMv), tauMs: value(adaptation.tauMs) } }
      : {}),
    channels: Object.fromEntries(
      channels.flatMap(({ name, kind }, channel) => {
        const own = population.channels[channel];
        if (kind === 'delta' || !own) return [];
        const reversal = kind === 'conductance' ? { reversalMv: value(own.reversalMv) } : {};
        return [[name, { tauMs: value(own.tauMs), ...reversal }]];
      }),
    ),
  };
}

/** One projection for each channel between two populations. */
function projectionsOf(
  { dtMs, channels }: CompiledNetwork,
  { rows, words, classes, weights }: CompiledNetwork['synapses'],
  from: LifPopulation,
  to: LifPopulation,
): Fields[] {
  return channels.flatMap(({ name }, channel) => {
    const lists = {
      sources: [] as number[],
      targets: [] as number[],
      weights: [] as number[],
      delaysMs: [] as number[],
    };
    for (let index = 0; index < from.count; index++) {
      const source = from.first + index;
      for (let place = rows[source] as number; place < (rows[source + 1] as number); place++) {
        const word = words[place] as number;
        const kind = classes[classOf(word)];
        const target = targetOf(word) - to.first;
        if (kind?.channel !== channel || target < 0 || target >= to.count) continue;
        lists.sources.push(index);
        lists.targets.push(target);
        lists.weights.push(kind.weight ?? (weights?.[place] as number));
        lists.delaysMs.push((kind.delaySteps - 1) * dtMs);
      }
    }
    if (lists.sources.length === 0) return [];
    return [{ from: from.name, to: to.name, channel: name, connect: { rule: 'given', ...lists } }];
  });
}
