/**
 * Heterogeneous recurrent networks: a small world of neurons with exponential currents whose membrane and synaptic time
 * constants differ from neuron to neuron, gamma-distributed.
 *
 * - `hrsnn`: one population (Chakraborty and Mukhopadhyay, "Heterogeneous recurrent spiking neural network for
 *   spatio-temporal classification", 2023); with `heterogeneous: false` its homogeneous twin of the same means
 * - `chrsnn`: clusters, each with a distribution of its own, in a small world of clusters (Chakraborty, Kang, Kumar and
 *   Mukhopadhyay, "Sparse spiking neural network: exploiting heterogeneity in timescales for pruning recurrent SNN", 2024)
 *
 * Those papers don't print their parameters. The distributions are those of Perez-Nieves, Leung, Dragotti and Goodman,
 * "Neural heterogeneity promotes robust learning" (2021): shape 3, means 20 ms (membrane) and 10 ms (synapses), dt 0.5 ms,
 * threshold 1, reset 0. The rest (degree, rewiring, weights, background) is chosen here for irregular activity that
 * lasts.
 */
import { clusteredSmallWorld, fixedInDegree, smallWorld } from '../connectivity/index.ts';
import { gamma, normal, parts, uniform, type Values } from '../distributions.ts';
import type { SpikeTrains } from '../encoders/spike-trains.ts';
import { ensure, requirePositive } from '../errors.ts';
import { Network, type ProjectionOptions } from '../network.ts';
import { current, lif, spikeSource } from '../neurons.ts';
import { type Plasticity, stdp } from '../plasticity.ts';

/** A gamma distribution of time constants. */
export interface TimeConstants {
  /** 3 by default. */
  readonly shape?: number;
  readonly meanMs: number;
}

/** What both models have in common. */
export interface RecurrentModelOptions {
  readonly seed?: number;
  readonly name?: string;
  /** ms; 0.5 by default. */
  readonly dtMs?: number;
  /** 1,000 by default. */
  readonly neurons?: number;
  /** Connections of a neuron to others, even; 32 by default. */
  readonly degree?: number;
  /** Share of the connections that are moved to random targets. 0.1 by default. */
  readonly rewire?: number;
  /**
   * Recurrent weights are normal, of either sign, with a standard deviation of gain / sqrt(inputs of a neuron) mV.
   * 1.5 by default.
   */
  readonly gain?: number;
  /** Mean of the recurrent weights x inputs of a neuron, mV: negative for more inhibition. -1 by default. */
  readonly balanceMv?: number;
  /** Rate of each neuron's own Poisson input, Hz. 400 by default. */
  readonly backgroundHz?: number;
  /** Weight of that, mV. 0.25 by default. */
  readonly backgroundMv?: number;
  /** Encoded samples as input, in addition to the background. */
  readonly input?: SpikeTrains;
  /** Input neurons that a neuron listens to; 10 by default. */
  readonly inputDegree?: number;
  /** Mean weight of the input; it has a standard deviation of half as much. 0.5 by default. */
  readonly inputMv?: number;
  /** How the recurrent synapses learn; they don't by default. Rates and time constants may differ by synapse. */
  readonly plasticity?: Plasticity;
}

export interface HrsnnOptions extends RecurrentModelOptions {
  /** False: the homogeneous twin, with all time constants at their means. True by default. */
  readonly heterogeneous?: boolean;
  /** Mean 20 ms by default. */
  readonly membrane?: TimeConstants;
  /** Decay of the synaptic current; mean 10 ms by default. */
  readonly synapse?: TimeConstants;
}

/**
 * @example
 * const input = encodeRates(samples, { dtMs: 0.5, sampleMs: 100, maxRateHz: 100, seed: 1 });
 * const network = hrsnn({ neurons: 2000, input, plasticity: heterogeneousStdp() });
 */
export function hrsnn(options: HrsnnOptions = {}): Network {
  const { heterogeneous = true, membrane = { meanMs: 20 }, synapse = { meanMs: 10 } } = options;
  const { degree = 32, rewire = 0.1 } = options;
  return build(
    { name: 'hrsnn', ...options },
    {
      tauMembraneMs: timeConstants(membrane, heterogeneous),
      tauSynapseMs: timeConstants(synapse, heterogeneous),
      connect: smallWorld({ degree, rewire }),
      inputs: degree,
    },
  );
}

export interface HeterogeneousStdpOptions {
  /** Bounds of the weights, mV; -1 and 1 by default, as recurrent weights are of either sign. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** Means over the synapses: mV for a pair without delay, 0.005 and 0.00525 by default. */
  readonly potentiation?: number;
  readonly depression?: number;
  /** 20 and 20 by default. */
  readonly tauPlusMs?: number;
  readonly tauMinusMs?: number;
  /** Shape of all four distributions; 3 by default. */
  readonly shape?: number;
}

/** STDP with rates and time constants that differ from synapse to synapse, gamma-distributed. */
export function heterogeneousStdp(options: HeterogeneousStdpOptions = {}): Plasticity {
  const { minimum = -1, maximum = 1, shape = 3 } = options;
  const { potentiation = 0.005, depression = 0.00525, tauPlusMs = 20, tauMinusMs = 20 } = options;
  return stdp({
    minimum,
    maximum,
    potentiation: gamma({ shape, mean: potentiation }),
    depression: gamma({ shape, mean: depression }),
    tauPlusMs: timeConstants({ shape, meanMs: tauPlusMs }, true),
    tauMinusMs: timeConstants({ shape, meanMs: tauMinusMs }, true),
  });
}

/** A cluster's distributions. */
export interface Cluster {
  readonly membrane: TimeConstants;
  readonly synapse: TimeConstants;
}

export interface ChrsnnOptions extends RecurrentModelOptions {
  /** Parts of equal size. By default five, with means from a half to twice those of `hrsnn`. */
  readonly clusters?: readonly Cluster[];
  /** Clusters that each connects to, even; 2 by default. */
  readonly clusterDegree?: number;
  /** Connections of a neuron to each of these. 4 by default. */
  readonly betweenDegree?: number;
}

/** Mean time constants from a half to twice those of `hrsnn`, evenly on a logarithmic scale. */
export const DEFAULT_CLUSTERS: readonly Cluster[] = [-1, -0.5, 0, 0.5, 1].map((exponent) => ({
  membrane: { meanMs: 20 * 2 ** exponent },
  synapse: { meanMs: 10 * 2 ** exponent },
}));

export function chrsnn(options: ChrsnnOptions = {}): Network {
  const { clusters = DEFAULT_CLUSTERS, clusterDegree = 2, betweenDegree = 4 } = options;
  const { degree = 24, rewire = 0.1 } = options;
  ensure(clusters.length > 0, () => 'clusters is empty: give at least one');
  return build(
    { name: 'chrsnn', ...options },
    {
      tauMembraneMs: parts(...clusters.map(({ membrane }) => timeConstants(membrane, true))),
      tauSynapseMs: parts(...clusters.map(({ synapse }) => timeConstants(synapse, true))),
      connect: clusteredSmallWorld({
        clusters: clusters.length,
        degree,
        rewire,
        clusterDegree: clusters.length > 1 ? clusterDegree : 0,
        betweenDegree: clusters.length > 1 ? betweenDegree : 0,
      }),
      inputs: degree + (clusters.length > 1 ? clusterDegree * betweenDegree : 0),
    },
  );
}

/** What the models differ in. */
interface Body {
  readonly tauMembraneMs: Values;
  readonly tauSynapseMs: Values;
  readonly connect: ProjectionOptions['connect'];
  /** Recurrent synapses on a neuron, in the mean. */
  readonly inputs: number;
}

function build(options: RecurrentModelOptions & { readonly name: string }, body: Body): Network {
  const { name, seed = 0, dtMs = 0.5, neurons = 1000, gain = 1.5, balanceMv = -1, plasticity } = options;
  const { backgroundHz = 400, backgroundMv = 0.25, input, inputDegree = 10, inputMv = 0.5 } = options;
  const network = new Network({
    name,
    seed,
    dtMs,
    channels: { synaptic: current({ tauMs: 10 }) },
  });
  const all = network.population(
    'neurons',
    neurons,
    lif({
      tauMembraneMs: body.tauMembraneMs,
      thresholdMv: 1,
      resetMv: 0,
      refractoryMs: 2,
      initialMv: uniform(0, 1),
      channels: { synaptic: { tauMs: body.tauSynapseMs } },
    }),
  );
  network.project(all, all, {
    connect: body.connect,
    weight: normal({
      mean: balanceMv / Math.max(1, body.inputs),
      standardDeviation: gain / Math.sqrt(Math.max(1, body.inputs)),
      ...(plasticity && { low: plasticity.minimum ?? 0, high: plasticity.maximum }),
    }),
    ...(plasticity && { plasticity }),
  });
  if (backgroundHz > 0) network.poissonInput(all, { rateHz: backgroundHz, weight: backgroundMv });
  if (input) {
    const sources = network.population('input', input.count, spikeSource(input));
    network.project(sources, all, {
      connect: fixedInDegree(Math.min(inputDegree, input.count)),
      weight: normal({ mean: inputMv, standardDeviation: inputMv / 2 }),
    });
  }
  return network;
}

function timeConstants({ shape = 3, meanMs }: TimeConstants, heterogeneous: boolean): Values {
  requirePositive(meanMs, 'mean time constant, ms,');
  // A tenth of the mean, which one neuron in 300 would be below, keeps a step from skipping a neuron's whole memory.
  return heterogeneous ? gamma({ shape, mean: meanMs, low: meanMs / 10 }) : meanMs;
}
