/**
 * Noise-pruning against its theory (Moore and Chaudhuri 2020; Spielman and Srivastava 2008): covariances, leverages, and
 * how much of the spectrum sparse samples keep.
 */
import { describe, expect, it } from 'vitest';
import { featureCovariance, lyapunovCovariance, noiseCovariance } from '../../src/pruning/covariance.ts';
import { leverages } from '../../src/pruning/effective-resistance.ts';
import { edgeDraws, sampleEdges, weightFactors } from '../../src/pruning/sampling.ts';
import { noiseScores, survivalProbabilities } from '../../src/pruning/survival.ts';
import type { SynapseGraph } from '../../src/pruning/synapse-graph.ts';
import { Draws } from '../../src/random/draws.ts';
import { algebra, graphOf, randomGraph, rowSums, symmetricGraph } from './graphs.ts';

const SIGMA = 0.7;

/**
 * Clusters of a half, a tenth and two fifths of the nodes, linked densely within and by a few pairs between (the network of
 * Moore and Chaudhuri 2020), scaled to a radius below 1.
 */
function clustered(nodes: number, seed: number): SynapseGraph {
  const clusterOf = (node: number) => (node < 0.5 * nodes ? 0 : node < 0.6 * nodes ? 1 : 2);
  // 450 pairs between clusters at N = 600.
  const between = (0.00125 * nodes * nodes) / (0.29 * nodes * nodes);
  return symmetricGraph(
    nodes,
    (i, j, draws) => {
      const linked = draws.unit() < (clusterOf(i) === clusterOf(j) ? 0.6 : between);
      const size = draws.unit();
      return linked ? (draws.unit() < 0.8 ? size : -size) / nodes : 0;
    },
    seed,
  );
}

/** The diagonal that makes A symmetric and diagonally dominant, its rows summing to just below 0. */
function dominant(graph: SynapseGraph): Float64Array {
  return rowSums(graph).map((sum) => sum * 1.001 + 1e-4);
}

function dense(graph: SynapseGraph, diagonal: Float64Array): Float64Array {
  const { nodes, sources, targets, weights } = graph;
  const matrix = new Float64Array(nodes * nodes);
  diagonal.forEach((value, node) => {
    matrix[node * (nodes + 1)] = value;
  });
  sources.forEach((source, edge) => {
    matrix[(targets[edge] as number) * nodes + source] = -(weights[edge] as number);
  });
  return matrix;
}

describe('covariances', () => {
  const nodes = algebra.kind === 'native' ? 600 : 120;

  it(`of a symmetric network of ${nodes} are -sigma^2/2 A^-1`, async () => {
    const graph = clustered(nodes, 1);
    // Slow modes make both ways lose digits alike: here none is slower than the leak of 0.1.
    const leaks = dominant(graph).map((leak) => leak + 0.1);
    const found = await lyapunovCovariance(algebra, graph, graph.weights, leaks, SIGMA);
    const { factor } = await algebra.cholesky(dense(graph, leaks), nodes);
    const identity = new Float64Array(nodes * nodes);
    for (let i = 0; i < nodes; i++) identity[i * (nodes + 1)] = SIGMA ** 2 / 2;
    const inverse = await algebra.solveCholesky(factor, nodes, identity, nodes);
    let worst = 0;
    found.variances.forEach((value, node) => {
      worst = Math.max(worst, Math.abs(value - (inverse[node * (nodes + 1)] as number)));
    });
    found.covariances.forEach((value, edge) => {
      const place = (graph.sources[edge] as number) * nodes + (graph.targets[edge] as number);
      worst = Math.max(worst, Math.abs(value - (inverse[place] as number)));
    });
    expect(worst).toBeLessThan(1e-12);
    expect(found.residual).toBeLessThan(1e-14);
  });

  it('of a directed network are met by a simulation with noise', async () => {
    const graph = randomGraph(12, 0.3, 4);
    const couplings = graph.weights.map((weight) => 0.15 * weight);
    const leaks = Float64Array.from({ length: 12 }, (_, node) => 0.6 + 0.05 * node);
    const known = await lyapunovCovariance(algebra, graph, couplings, leaks, SIGMA);
    const steps = 60_000;
    const found = noiseCovariance(graph, couplings, leaks, { sigma: SIGMA, steps, seed: 3 });
    // Correlated for a few steps: some 60,000 / 6 independent samples, and 70 numbers at 4 standard errors.
    const error = 4.5 * Math.sqrt(2 / (steps / 6));
    const scale = Math.max(...known.variances);
    known.variances.forEach((value, node) => {
      expect(Math.abs((found.variances[node] as number) - value)).toBeLessThan(error * scale);
    });
    known.covariances.forEach((value, edge) => {
      expect(Math.abs((found.covariances[edge] as number) - value)).toBeLessThan(error * scale);
    });
    const mean = (values: Float64Array) => values.reduce((a, b) => a + b) / values.length;
    expect(mean(found.variances) / mean(known.variances)).toBeCloseTo(1, 1);
  });

  it('of recorded activity are those of its samples', () => {
    const graph = graphOf(2, [[0, 1, 1]]);
    const draws = new Draws([3, 0], 1).at(0, 0);
    const features = new Float64Array(20_000);
    for (let sample = 0; sample < 10_000; sample++) {
      const shared = draws.normal();
      features[2 * sample] = 5 + shared;
      features[2 * sample + 1] = -3 + 0.5 * shared + draws.normal();
    }
    const { variances, covariances } = featureCovariance(graph, features);
    expect(variances[0]).toBeCloseTo(1, 1);
    expect(variances[1]).toBeCloseTo(1.25, 1);
    expect(covariances[0]).toBeCloseTo(0.5, 1);
  });
});

describe('leverages', () => {
  it('sum to the nodes less the components, and are 1 for bridges', async () => {
    const ring = symmetricGraph(30, (i, j) => (i < 20 && j < 20 && (i - j === 1 || i - j === 19) ? 2 : 0), 1);
    const path = graphOf(30, [
      ...Array.from(ring.sources, (s, e) => [s, ring.targets[e] as number, 2] as const),
      [22, 23, 5],
      [23, 24, -0.1],
    ]);
    const found = await leverages(algebra, path);
    expect(found.reduce((a, b) => a + b)).toBeCloseTo(19 + 2, 9);
    // Both directions of a ring's edge share 19 / 20; the bridges have one direction each.
    expect(found[0]).toBeCloseTo(19 / 40, 9);
    expect([...found.slice(-2)].map((value) => Number(value.toFixed(9)))).toEqual([1, 1]);
  });

  it('are 2 / sigma^2 times the scores of a symmetric network, and sum to less than its size', async () => {
    const graph = clustered(150, 2);
    const leaks = dominant(graph);
    const covariance = await lyapunovCovariance(algebra, graph, graph.weights, leaks, SIGMA);
    const scores = noiseScores(graph, graph.weights, covariance);
    // Both directions of an edge have the same score.
    const sum = scores.reduce((a, b) => a + b) / SIGMA ** 2;
    expect(sum).toBeLessThanOrEqual(150);
    expect(sum).toBeGreaterThan(140);
    // The leverage of one edge by its definition: |w| v^T (-A)^-1 v with v = e_i - sign(w) e_j.
    const { factor } = await algebra.cholesky(dense(graph, leaks), 150);
    for (const edge of [0, 17, 400]) {
      const v = new Float64Array(150);
      v[graph.sources[edge] as number] = 1;
      v[graph.targets[edge] as number] = -Math.sign(graph.weights[edge] as number);
      const solved = await algebra.solveCholesky(factor, 150, v, 1);
      const form = v.reduce((total, value, node) => total + value * (solved[node] as number), 0);
      const leverage = Math.abs(graph.weights[edge] as number) * form;
      expect((2 / SIGMA ** 2) * (scores[edge] as number)).toBeCloseTo(leverage, 10);
    }
  });
});

describe.runIf(algebra.kind === 'native')('what samples keep of the spectrum, N = 600', () => {
  const nodes = 600;
  const graph = clustered(nodes, 1);
  const pairs = [...graph.sources.keys()].filter((edge) => {
    return (graph.sources[edge] as number) > (graph.targets[edge] as number);
  });

  /**
   * Ends of the generalized spectrum of (A_sparse, A), mean of 5 draws. Pairs are sampled as one, and the diagonal is
   * matched.
   */
  async function ranges(scores: Float64Array, density: number): Promise<[number, number]> {
    const diagonal = dominant(graph);
    const { factor } = await algebra.cholesky(dense(graph, diagonal), nodes);
    const probabilities = survivalProbabilities(
      Float64Array.from(pairs, (edge) => scores[edge] as number),
      density * pairs.length,
    );
    const ends: [number, number] = [0, 0];
    for (let seed = 0; seed < 5; seed++) {
      const keep = sampleEdges(probabilities, edgeDraws(pairs.length, seed));
      const factors = weightFactors(probabilities, keep, 'rescale');
      const sampled = new Float64Array(nodes * nodes);
      diagonal.forEach((value, node) => {
        sampled[node * (nodes + 1)] = value;
      });
      pairs.forEach((edge, k) => {
        const [i, j] = [graph.sources[edge] as number, graph.targets[edge] as number];
        const before = graph.weights[edge] as number;
        const after = before * (factors[k] as number);
        sampled[i * nodes + j] = -after;
        sampled[j * nodes + i] = -after;
        const change = Math.abs(after) - Math.abs(before);
        for (const node of [i, j])
          sampled[node * (nodes + 1)] = (sampled[node * (nodes + 1)] as number) + change;
      });
      // L^-1 A_sparse L^-T has the generalized eigenvalues.
      const half = await algebra.solveTriangular(factor, nodes, sampled, nodes);
      const transposed = half.map(
        (_, place) => half[(place % nodes) * nodes + Math.floor(place / nodes)] as number,
      );
      const both = await algebra.solveTriangular(factor, nodes, transposed, nodes);
      const { values } = await algebra.symmetricEigen(both, nodes);
      ends[0] += (values[0] as number) / 5;
      ends[1] += (values.at(-1) as number) / 5;
    }
    return ends;
  }

  // The table of Moore and Chaudhuri's rule as recomputed for this project, on a network of the same kind.
  it.each([
    [0.3, 0.63, 1.42],
    [0.2, 0.56, 1.53],
    [0.1, 0.31, 1.94],
  ])('at a density of %d: from %d to %d', async (density, low, high) => {
    const covariance = await lyapunovCovariance(algebra, graph, graph.weights, dominant(graph), SIGMA);
    const scores = noiseScores(graph, graph.weights, covariance);
    const found = await ranges(scores, density);
    const uniform = await ranges(new Float64Array(graph.sources.length).fill(1), density);
    expect(found[0]).toBeGreaterThan(uniform[0]);
    expect(found[1]).toBeLessThan(uniform[1]);
    expect(Math.abs(found[0] - low)).toBeLessThan(0.1);
    expect(Math.abs(found[1] - high)).toBeLessThan(0.1);
  });
});
