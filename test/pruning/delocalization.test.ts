/** Added edges: where they go by each rule, and what they do to eigenvectors. */
import { describe, expect, it } from 'vitest';
import { addEdges, type DelocalizationRule, localization } from '../../src/pruning/delocalization.ts';
import { degrees, type SynapseGraph } from '../../src/pruning/synapse-graph.ts';
import { Draws } from '../../src/random/draws.ts';
import { algebra, graphOf, randomGraph } from './graphs.ts';

const RULES: readonly DelocalizationRule[] = ['degree-variance', 'random', 'equalizing'];

/** Each pair once, in a direction by chance: an undirected random graph of Erdos and Renyi once it is symmetric. */
function undirected(nodes: number, meanDegree: number, seed: number): SynapseGraph {
  const draws = new Draws([seed, 0], 1).at(0, 0);
  const edges: [number, number, number][] = [];
  for (let i = 0; i < nodes; i++) {
    for (let j = 0; j < i; j++) {
      if (draws.unit() >= meanDegree / (nodes - 1)) continue;
      edges.push(draws.below(2) === 0 ? [i, j, 1] : [j, i, 1]);
    }
  }
  return graphOf(nodes, edges);
}

function degreeVariance(graph: SynapseGraph): number {
  const all = degrees(graph);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  return all.reduce((sum, degree) => sum + (degree - mean) ** 2, 0) / all.length;
}

describe('added edges', () => {
  const graph = randomGraph(80, 0.04, 3);

  it.each(RULES)('by %s are new, as many as asked for, and keep the weights that are there', (rule) => {
    const found = addEdges(graph, 40, rule, 5);
    expect(found.added.reduce((a, b) => a + b, 0)).toBe(40);
    const pairs = Array.from(
      found.graph.sources,
      (source, edge) => 80 * source + (found.graph.targets[edge] as number),
    );
    expect(new Set(pairs).size).toBe(graph.sources.length + 40);
    expect(pairs).toEqual([...pairs].sort((a, b) => a - b));
    expect(found.graph.sources.every((source, edge) => source !== found.graph.targets[edge])).toBe(true);
    const old = found.graph.weights.filter((_, edge) => !found.added[edge]);
    expect(old).toEqual(graph.weights);
    const known = new Set(graph.weights);
    expect(found.graph.weights.every((weight) => known.has(weight))).toBe(true);
    expect(addEdges(graph, 40, rule, 5)).toEqual(found);
  });

  it('raise or lower the variance of the degrees as their rule says', () => {
    const [paper, random, equal] = RULES.map((rule) => degreeVariance(addEdges(graph, 40, rule, 5).graph));
    expect(paper).toBeGreaterThan(random as number);
    expect(equal).toBeLessThan(random as number);
  });

  it('of the paper link two nodes of one neighbourhood, those of the largest degrees', () => {
    // A star around 0 and a chain 5 - 6 - 7 - 8: leaves of the star are two steps apart, and so are 5 and 7, 6 and 8.
    const star = graphOf(9, [
      [0, 1, 1],
      [0, 2, 1],
      [0, 3, 1],
      [1, 4, 1],
      [5, 6, 1],
      [6, 7, 1],
      [7, 8, 1],
    ]);
    const { graph: found, added } = addEdges(star, 1, 'degree-variance', 1);
    const edge = added.indexOf(1);
    const ends = [found.sources[edge] as number, found.targets[edge] as number].sort((a, b) => a - b);
    // 0 has degree 3, and 4 degree 1: together 4, as 5 with 7 has only 3.
    expect(ends).toEqual([0, 4]);
  });

  it('stop where there is no room', () => {
    const full = graphOf(2, [[0, 1, 1]]);
    expect(addEdges(full, 5, 'random', 1).graph.sources.length).toBe(2);
    expect(addEdges(full, 5, 'degree-variance', 1).graph.sources.length).toBe(1);
  });
});

describe('localization', () => {
  it('is 1 / N of a ring, 3 / (2 N) where its vectors are waves, and 1 of lone nodes', async () => {
    const ring = graphOf(
      30,
      Array.from({ length: 30 }, (_, i) => [i, (i + 1) % 30, 1] as const),
    );
    const waves = await localization(algebra, ring);
    expect(waves.principal).toBeCloseTo(1 / 30, 10);
    expect(waves.mean).toBeLessThan(1.5 / 30 + 1e-9);
    const lone = await localization(algebra, graphOf(4, []));
    expect(lone).toEqual({ mean: 1, principal: 1 });
  });

  // The finding on which the default rests: the paper's rule localizes the principal eigenvector, equalizing spreads all.
  it('falls by equalizing edges, and rises at the top by those of the paper', async () => {
    const nodes = algebra.kind === 'native' ? 500 : 150;
    const graph = undirected(nodes, 4, 1);
    const count = 0.3 * nodes;
    const before = await localization(algebra, graph);
    const [paper, random, equal] = await Promise.all(
      RULES.map((rule) => localization(algebra, addEdges(graph, count, rule, 2).graph)),
    );
    expect(paper?.principal).toBeGreaterThan(5 * before.principal);
    expect(random?.principal).toBeLessThan(1.2 * before.principal);
    expect(equal?.mean).toBeLessThan(0.75 * before.mean);
    expect(equal?.mean).toBeLessThan(random?.mean as number);
  });
});
