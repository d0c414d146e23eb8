/**
 * Covariances of the nodes of dx/dt = A x + sigma xi, A = -D + L: of each node with itself, and across each edge, which
 * is all that pruning needs of them.
 *
 * - `lyapunovCovariance` solves A C + C A^T + sigma^2 I = 0, dense: to N = 5,000 or so (six matrices of N x N in f64)
 * - `noiseCovariance` estimates it for any N from a simulation of the linear network with noise
 * - `featureCovariance` takes it from recorded activity, of the spiking network itself for example
 */
import type { LinearAlgebra } from '../linalg/index.ts';
import { Draws } from '../random/draws.ts';
import { keyOf, STREAMS } from '../random/philox.ts';
import { systemMatrix } from './linearization.ts';
import type { SynapseGraph } from './synapse-graph.ts';

export interface Covariance {
  /** [node]: C_ii */
  readonly variances: Float64Array;
  /** [edge]: C_ij of its two ends. */
  readonly covariances: Float64Array;
  /** Relative residual of the equation, or of an estimate undefined. */
  readonly residual: number | undefined;
}

/**
 * @param couplings L, [edge], 1/ms
 * @param leaks D, [node], 1/ms
 * @param sigma standard deviation of the noise
 * @throws {LinearAlgebraError} `not-converged` when A is not stable
 */
export async function lyapunovCovariance(
  algebra: LinearAlgebra,
  graph: SynapseGraph,
  couplings: Float64Array,
  leaks: Float64Array,
  sigma = 1,
): Promise<Covariance> {
  const { nodes } = graph;
  const noise = new Float64Array(nodes * nodes);
  for (let node = 0; node < nodes; node++) noise[node * (nodes + 1)] = sigma * sigma;
  const matrix = systemMatrix(graph, couplings, leaks);
  const { x, residual } = await algebra.stableLyapunov(matrix, nodes, noise);
  return { ...entriesOf(graph, (i, j) => x[i * nodes + j] as number), residual };
}

export interface NoiseCovarianceOptions {
  readonly sigma?: number;
  /** Steps that are averaged over; the relative error is about sqrt(2 tau / (steps x step)). 20,000 by default. */
  readonly steps?: number;
  /** Steps before that; a tenth as many by default. */
  readonly settlingSteps?: number;
  readonly seed?: number;
}

/** Sweeps of Gauss and Seidel in a step, at the most; a handful is usual. */
const MAX_SWEEPS = 60;

/**
 * The same, estimated: time averages over a simulation by the implicit midpoint rule, whose stationary covariance is
 * exactly that of the continuous equation, whatever the step: (1 - hA/2) x' = (1 + hA/2) x + sigma sqrt(h) xi leaves
 * h (A C + C A^T + sigma^2 I) = 0. The step is 1 / (largest leak).
 */
export function noiseCovariance(
  graph: SynapseGraph,
  couplings: Float64Array,
  leaks: Float64Array,
  options: NoiseCovarianceOptions = {},
): Covariance {
  const { sigma = 1, steps = 20_000, settlingSteps = Math.ceil(steps / 10), seed = 0 } = options;
  const { nodes, sources, targets } = graph;
  const stepMs =
    1 /
    Math.max(
      leaks.reduce((a, b) => Math.max(a, b), 0),
      Number.MIN_VALUE,
    );
  const byTarget = Array.from({ length: nodes }, () => [] as number[]);
  for (let edge = 0; edge < targets.length; edge++) byTarget[targets[edge] as number]?.push(edge);
  const order = Uint32Array.from(byTarget.flat());
  const draws = new Draws(keyOf(seed), STREAMS.pruning);
  const kick = sigma * Math.sqrt(stepMs);
  const half = stepMs / 2;
  const x = new Float64Array(nodes);
  const right = new Float64Array(nodes);
  const variances = new Float64Array(nodes);
  const covariances = new Float64Array(sources.length);
  for (let step = -settlingSteps; step < steps; step++) {
    draws.at(step + settlingSteps, 1);
    for (let node = 0; node < nodes; node++) {
      right[node] = (1 - half * (leaks[node] as number)) * (x[node] as number) + kick * draws.normal();
    }
    for (let edge = 0; edge < sources.length; edge++) {
      const target = targets[edge] as number;
      right[target] =
        (right[target] as number) +
        half * (couplings[edge] as number) * (x[sources[edge] as number] as number);
    }
    // (1 + h D / 2) x' - (h / 2) L x' = right, from the state before.
    for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
      let [change, size] = [0, 0];
      let at = 0;
      for (let node = 0; node < nodes; node++) {
        let sum = right[node] as number;
        const end = at + (byTarget[node]?.length ?? 0);
        for (; at < end; at++) {
          const edge = order[at] as number;
          sum += half * (couplings[edge] as number) * (x[sources[edge] as number] as number);
        }
        const value = sum / (1 + half * (leaks[node] as number));
        change += (value - (x[node] as number)) ** 2;
        size += value * value;
        x[node] = value;
      }
      if (change <= 1e-16 * size) break;
    }
    if (step < 0) continue;
    for (let node = 0; node < nodes; node++) {
      variances[node] = (variances[node] as number) + (x[node] as number) ** 2 / steps;
    }
    for (let edge = 0; edge < sources.length; edge++) {
      covariances[edge] =
        (covariances[edge] as number) +
        ((x[sources[edge] as number] as number) * (x[targets[edge] as number] as number)) / steps;
    }
  }
  return { variances, covariances, residual: undefined };
}

/**
 * Covariances of recorded activity.
 *
 * @param features [sample][node]: filtered spikes, say
 */
export function featureCovariance(graph: SynapseGraph, features: Float64Array): Covariance {
  const { nodes } = graph;
  const samples = nodes === 0 ? 0 : features.length / nodes;
  // By node, so that the sum over an edge's samples runs along two rows.
  const byNode = new Float64Array(features.length);
  for (let node = 0; node < nodes; node++) {
    let mean = 0;
    for (let sample = 0; sample < samples; sample++) mean += features[sample * nodes + node] as number;
    mean /= Math.max(1, samples);
    for (let sample = 0; sample < samples; sample++) {
      byNode[node * samples + sample] = (features[sample * nodes + node] as number) - mean;
    }
  }
  const between = (i: number, j: number): number => {
    let sum = 0;
    for (let sample = 0; sample < samples; sample++) {
      sum += (byNode[i * samples + sample] as number) * (byNode[j * samples + sample] as number);
    }
    return sum / Math.max(1, samples);
  };
  return { ...entriesOf(graph, between), residual: undefined };
}

function entriesOf({ nodes, sources, targets }: SynapseGraph, entry: (i: number, j: number) => number) {
  return {
    variances: Float64Array.from({ length: nodes }, (_, node) => entry(node, node)),
    covariances: Float64Array.from(sources, (source, edge) => entry(targets[edge] as number, source)),
  };
}
