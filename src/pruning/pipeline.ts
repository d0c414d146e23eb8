/**
 * Lyapunov Noise Pruning: from a network to a sparse one with fewer neurons, step by step, after Chakraborty, Kang, Kumar
 * and Mukhopadhyay, "Sparse spiking neural network: exploiting heterogeneity in timescales for pruning recurrent SNN"
 * (ICLR 2024). Baselines differ in their settings alone, so that all meet the same budgets.
 */
import type { LinearAlgebra } from '../linalg/index.ts';
import { betweenness } from './betweenness.ts';
import { type Covariance, featureCovariance, lyapunovCovariance, noiseCovariance } from './covariance.ts';
import { addEdges, type Localization, localization } from './delocalization.ts';
import { matchedTimeConstants, rowSumChanges } from './diagonal.ts';
import { leverages } from './effective-resistance.ts';
import { ensure } from './errors.ts';
import { type Linearization, stableLinearization } from './linearization.ts';
import { lyapunovMatrix } from './lyapunov-matrix.ts';
import type { PrunedGraph } from './network-graph.ts';
import { type NodeSpectrum, nodeExponents } from './node-exponents.ts';
import { edgeDraws, sampleEdges, weightFactors } from './sampling.ts';
import { completeSettings, type PruningInput, type PruningSettings } from './settings.ts';
import { noiseScores, survivalProbabilities } from './survival.ts';
import { type SynapseGraph, subgraph } from './synapse-graph.ts';
import type { TimescaleResult } from './timescales.ts';

/** What is to be pruned. */
export interface PruningSubject {
  readonly graph: SynapseGraph;
  /** [node]: membrane time constants, ms. */
  readonly tauMembraneMs: Float64Array;
  /** Spectrum of the network, or of what is left of it; needed for `lyapunov-noise`. */
  readonly spectrumOf?: (pruned: PrunedGraph) => Promise<NodeSpectrum>;
  /** [node]: mean rates, of any unit; needed for `activity`. */
  readonly rates?: Float64Array;
  /** [sample][node]: recorded activity; needed for the covariance `spikes`. */
  readonly activity?: Float64Array;
}

/** What was done in a round. */
export interface PruningRound {
  readonly synapses: number;
  readonly neurons: number;
  readonly added: number;
  /** Of the synapses by sampling alone, before neurons went. */
  readonly samplingDensity: number;
  /** Mean of that by its probabilities. */
  readonly expectedDensity: number;
  /** Addition to the leaks that made the linearization stable, 1/ms; undefined where there was none. */
  readonly shift: number | undefined;
  /** Relative residual of the covariance. */
  readonly residual: number | undefined;
  /** The largest factor of a weight. */
  readonly largestFactor: number;
  readonly seconds: Readonly<Record<string, number>>;
}

export interface PruningResult extends PrunedGraph {
  readonly settings: PruningSettings;
  readonly synapsesBefore: number;
  readonly neuronsBefore: number;
  readonly rounds: readonly PruningRound[];
  /** Of the graph as it was, before edges were added, and after. */
  readonly localization: readonly [Localization, Localization, Localization] | undefined;
  /** Factor of the time constants, in the mean. */
  readonly timescale: number;
  /** What the search for time constants came to, where there was one. */
  readonly timescales?: Omit<TimescaleResult, 'tauMs'>;
}

/**
 * Prunes.
 *
 * @throws {PruningError} for settings that can't be, and for what the subject lacks
 * @example
 * const { graph, tauMembraneMs } = graphOfNetwork(network);
 * const result = await prune({ graph, tauMembraneMs, spectrumOf }, { density: 0.2, neurons: 0.5 }, algebra);
 * const sparse = prunedNetwork(network, result);
 */
export async function prune(
  subject: PruningSubject,
  input: PruningInput,
  algebra: LinearAlgebra,
): Promise<PruningResult> {
  const settings = completeSettings(input);
  const { graph, tauMembraneMs } = subject;
  ensure(
    tauMembraneMs.length === graph.nodes,
    () => `there are ${tauMembraneMs.length} time constants for ${graph.nodes} neurons: give one for each`,
  );
  let left: PrunedGraph = {
    nodes: Uint32Array.from({ length: graph.nodes }, (_, node) => node),
    sources: graph.sources,
    targets: graph.targets,
    weights: graph.weights,
    tauMembraneMs,
  };
  const rounds: PruningRound[] = [];
  let beforeAdding: SynapseGraph = graph;
  for (let round = 1; round <= settings.rounds; round++) {
    const exponent = round / settings.rounds;
    const goal = {
      synapses: Math.round(graph.sources.length * settings.density ** exponent),
      neurons: Math.max(1, Math.round(graph.nodes * settings.neurons ** exponent)),
      seed: settings.seed + (round - 1) * 2 ** 32,
    };
    const done = await pruneOnce(subject, left, settings, goal, algebra);
    left = done.left;
    beforeAdding = done.beforeAdding;
    rounds.push(done.round);
  }
  const measured = settings.measureLocalization
    ? ([
        await localization(algebra, graph),
        await localization(algebra, beforeAdding),
        await localization(algebra, compact(left)),
      ] as const)
    : undefined;
  return {
    ...left,
    tauMembraneMs: left.tauMembraneMs.map((tau) => settings.timescale * tau),
    timescale: settings.timescale,
    settings,
    synapsesBefore: graph.sources.length,
    neuronsBefore: graph.nodes,
    rounds,
    localization: measured,
  };
}

interface Goal {
  readonly synapses: number;
  readonly neurons: number;
  readonly seed: number;
}

/** Sampling densities that are tried so that with the neurons that go, the wanted number of synapses stays. */
const MOST_TRIES = 16;

async function pruneOnce(
  subject: PruningSubject,
  before: PrunedGraph,
  settings: PruningSettings,
  goal: Goal,
  algebra: LinearAlgebra,
) {
  const seconds: Record<string, number> = {};
  const timed = async <T>(name: string, act: () => T | Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await act();
    seconds[name] = (seconds[name] ?? 0) + (performance.now() - started) / 1000;
    return result;
  };
  const graph = compact(before);
  const scored = await synapseScores(subject, before, graph, settings, goal.seed, algebra, timed);
  const draws = edgeDraws(graph.sources.length, goal.seed);
  const added = settings.delocalization === 'none' ? 0 : Math.round(settings.addedShare * goal.synapses);
  const wanted = goal.synapses - added;

  // The neurons that go take synapses with them: sampling keeps as many as leave the wanted number.
  let [low, high] = [wanted, graph.sources.length];
  let best: Sample | undefined;
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const expected = attempt === 0 && goal.neurons === graph.nodes ? wanted : Math.round((low + high) / 2);
    const sample = await timed('sampling', () =>
      sampleOf(graph, scored, draws, expected, subject, before, settings, goal),
    );
    if (!best || Math.abs(sample.inside - wanted) < Math.abs(best.inside - wanted)) best = sample;
    if (settings.synapseScore === 'all') break;
    if (goal.neurons === graph.nodes || Math.abs(sample.inside - wanted) <= 0.002 * wanted || high - low <= 1)
      break;
    if (sample.inside < wanted) low = expected;
    else high = expected;
  }
  const { probabilities, keep, stays } = best as Sample;
  const inside = keep.map((kept, edge) =>
    kept && stays[graph.sources[edge] as number] && stays[graph.targets[edge] as number] ? 1 : 0,
  );
  // `activity` and the like keep their best; only what is sampled is rescaled.
  const factors = weightFactors(probabilities, keep, settings.rescaling, { quantile: settings.capQuantile });
  const weighted = {
    ...graph,
    weights: graph.weights.map((weight, edge) => weight * (factors[edge] as number)),
  };
  const { graph: sampled } = subgraph(weighted, inside);
  const { leaks } = scored.linearization ?? { leaks: before.tauMembraneMs.map((tau) => 1 / tau) };
  const tau =
    settings.diagonal === 'matched'
      ? matchedTimeConstants(
          before.tauMembraneMs,
          leaks,
          rowSumChanges(
            graph,
            scored.couplings ?? graph.weights,
            factors.map((factor, edge) => factor * (inside[edge] as number)),
          ),
          settings.mostTimeConstantChange,
        )
      : before.tauMembraneMs;
  const kept = [...stays.keys()].filter((node) => stays[node]);
  const beforeAdding = renumbered(sampled, kept);
  const rule = settings.delocalization;
  const missing = Math.min(added, Math.max(0, goal.synapses - sampled.sources.length));
  const { graph: found, added: isNew } = await timed('delocalization', () =>
    rule === 'none'
      ? { graph: beforeAdding, added: new Uint8Array(sampled.sources.length) }
      : addEdges(beforeAdding, missing, rule, goal.seed),
  );
  const original = (node: number): number => before.nodes[kept[node] as number] as number;
  const left: PrunedGraph = {
    nodes: Uint32Array.from(kept, (node) => before.nodes[node] as number),
    sources: found.sources.map(original),
    targets: found.targets.map(original),
    weights: found.weights,
    tauMembraneMs: Float64Array.from(kept, (node) => tau[node] as number),
  };
  const round: PruningRound = {
    synapses: found.sources.length,
    neurons: kept.length,
    added: isNew.reduce((sum, one) => sum + one, 0),
    samplingDensity: keep.reduce((sum, one) => sum + one, 0) / graph.sources.length,
    expectedDensity: probabilities.reduce((sum, p) => sum + p, 0) / graph.sources.length,
    shift: scored.linearization?.shift,
    residual: scored.covariance?.residual,
    largestFactor: factors.reduce((a, b) => Math.max(a, b), 0),
    seconds,
  };
  return { left, beforeAdding, round };
}

/** Why synapses stay. */
interface Scored {
  /** [edge] */
  readonly scores: Float64Array;
  /** L, where there is one. */
  readonly couplings?: Float64Array;
  readonly linearization?: Linearization;
  readonly covariance?: Covariance;
}

type Timed = <T>(name: string, act: () => T | Promise<T>) => Promise<T>;

async function synapseScores(
  subject: PruningSubject,
  before: PrunedGraph,
  graph: SynapseGraph,
  settings: PruningSettings,
  seed: number,
  algebra: LinearAlgebra,
  timed: Timed,
): Promise<Scored> {
  const { synapseScore } = settings;
  switch (synapseScore) {
    case 'random':
    case 'all':
      return { scores: new Float64Array(graph.sources.length).fill(1) };
    case 'weight':
      return { scores: graph.weights.map(Math.abs) };
    case 'resistance':
      return { scores: await timed('resistance', () => leverages(algebra, graph)) };
    case 'activity': {
      const rates = ratesOf(subject, before);
      return {
        scores: graph.weights.map((weight, edge) => {
          return Math.abs(weight) * (rates[graph.sources[edge] as number] as number);
        }),
      };
    }
    case 'noise':
    case 'lyapunov-noise':
      break;
  }
  const leaks = before.tauMembraneMs.map((tau) => 1 / tau);
  const couplings =
    synapseScore === 'noise'
      ? graph.weights.map((weight, edge) => weight * (leaks[graph.targets[edge] as number] as number))
      : await timed('exponents', async () => {
          ensure(
            subject.spectrumOf !== undefined,
            () => 'pruning by exponents needs a Lyapunov spectrum: give spectrumOf, or another synapseScore',
          );
          const spectrum = await subject.spectrumOf(before);
          const exponents = nodeExponents(spectrum, graph.nodes, settings.assignment);
          return lyapunovMatrix(graph, exponents, settings);
        });
  const linearization = await timed('linearization', () =>
    stableLinearization(graph, couplings, leaks, settings),
  );
  const covariance = await timed('covariance', () => {
    if (settings.covariance === 'lyapunov') {
      return lyapunovCovariance(algebra, graph, couplings, linearization.leaks, settings.sigma);
    }
    if (settings.covariance === 'noise') {
      return noiseCovariance(graph, couplings, linearization.leaks, { sigma: settings.sigma, seed });
    }
    const { activity } = subject;
    ensure(activity !== undefined, () => 'the covariance "spikes" needs recorded activity: give activity');
    const all = subject.graph.nodes;
    const own = new Float64Array((activity.length / all) * graph.nodes);
    for (let place = 0; place < own.length; place++) {
      const sample = Math.floor(place / graph.nodes);
      own[place] = activity[sample * all + (before.nodes[place % graph.nodes] as number)] as number;
    }
    return featureCovariance(graph, own);
  });
  return { scores: noiseScores(graph, couplings, covariance), couplings, linearization, covariance };
}

/** A sample of synapses, and the neurons that then stay. */
interface Sample {
  readonly probabilities: Float64Array;
  readonly keep: Uint8Array;
  /** [node] */
  readonly stays: Uint8Array;
  /** Synapses that stay with their neurons. */
  readonly inside: number;
}

async function sampleOf(
  graph: SynapseGraph,
  { scores }: Scored,
  draws: Float64Array,
  expected: number,
  subject: PruningSubject,
  before: PrunedGraph,
  settings: PruningSettings,
  goal: Goal,
): Promise<Sample> {
  let probabilities: Float64Array;
  if (settings.synapseScore === 'all') {
    probabilities = new Float64Array(scores.length).fill(1);
  } else if (settings.synapseScore === 'activity') {
    // Not a sample: those with the highest scores stay.
    const order = [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number));
    probabilities = new Float64Array(scores.length);
    for (const edge of order.slice(0, expected)) probabilities[edge] = 1;
  } else {
    probabilities = survivalProbabilities(scores, expected);
  }
  const keep = sampleEdges(probabilities, draws);
  const stays = await neuronsThatStay(subgraph(graph, keep).graph, subject, before, settings, goal);
  let inside = 0;
  keep.forEach((kept, edge) => {
    if (kept && stays[graph.sources[edge] as number] && stays[graph.targets[edge] as number]) inside += 1;
  });
  return { probabilities, keep, stays, inside };
}

/** [node]: 1 for those with the highest scores. */
async function neuronsThatStay(
  sampled: SynapseGraph,
  subject: PruningSubject,
  before: PrunedGraph,
  { neuronScore, paths }: PruningSettings,
  { neurons, seed }: Goal,
): Promise<Uint8Array> {
  const all = new Uint8Array(sampled.nodes).fill(1);
  if (neuronScore === 'none' || neurons >= sampled.nodes) return all;
  const chance = edgeDraws(sampled.nodes, seed + 1);
  const scores =
    neuronScore === 'random'
      ? chance
      : neuronScore === 'activity'
        ? ratesOf(subject, before)
        : await betweenness(
            sampled,
            paths === 'weighted'
              ? sampled.weights.map((weight) => 1 / Math.max(Math.abs(weight), Number.EPSILON))
              : undefined,
          );
  const order = [...all.keys()].sort(
    (a, b) => (scores[b] as number) - (scores[a] as number) || (chance[a] as number) - (chance[b] as number),
  );
  for (const node of order.slice(neurons)) all[node] = 0;
  return all;
}

function ratesOf(subject: PruningSubject, before: PrunedGraph): Float64Array {
  const { rates } = subject;
  ensure(rates !== undefined, () => 'pruning by activity needs the rates of the neurons: give rates');
  return Float64Array.from(before.nodes, (node) => rates[node] as number);
}

/** What is left, with its nodes numbered from 0. */
export function compact({ nodes, sources, targets, weights }: PrunedGraph): SynapseGraph {
  const numberOf = new Map(Array.from(nodes, (node, number) => [node, number]));
  const of = (node: number): number => numberOf.get(node) as number;
  return { nodes: nodes.length, sources: sources.map(of), targets: targets.map(of), weights };
}

/** A graph of some of its nodes, numbered in their order. */
function renumbered(graph: SynapseGraph, kept: readonly number[]): SynapseGraph {
  return compact({ ...graph, nodes: Uint32Array.from(kept), tauMembraneMs: new Float64Array(0) });
}
