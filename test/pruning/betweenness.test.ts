/** Betweenness against networkx (golden/betweenness.py), and both ways of computing it against each other. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { betweenness, betweennessInTypeScript } from '../../src/pruning/betweenness.ts';
import { graphOf, randomGraph } from './graphs.ts';

interface Golden {
  readonly name: string;
  readonly nodes: number;
  readonly sources: number[];
  readonly targets: number[];
  readonly lengths: number[] | null;
  readonly betweenness: number[];
}

const golden = JSON.parse(
  readFileSync(new URL('./golden/betweenness.json', import.meta.url), 'utf8'),
) as Golden[];

function worst(found: Float64Array, wanted: ArrayLike<number>): number {
  expect(found.length).toBe(wanted.length);
  return found.reduce((most, value, node) => Math.max(most, Math.abs(value - (wanted[node] as number))), 0);
}

describe('betweenness', () => {
  it.each(golden)(
    "of $name is networkx's",
    async ({ nodes, sources, targets, lengths, betweenness: known }) => {
      const graph = graphOf(
        nodes,
        sources.map((source, edge) => [source, targets[edge] as number, 1]),
      );
      const given = lengths ? Float64Array.from(lengths) : undefined;
      expect(worst(await betweenness(graph, given), known)).toBeLessThan(1e-9);
      expect(worst(betweennessInTypeScript(graph, given), known)).toBeLessThan(1e-9);
    },
  );

  it('is the same both ways on a larger graph, with and without lengths', async () => {
    const graph = randomGraph(300, 0.02, 11);
    const lengths = graph.weights.map((weight) => 1 / Math.abs(weight));
    expect(worst(await betweenness(graph), betweennessInTypeScript(graph))).toBeLessThan(1e-7);
    expect(worst(await betweenness(graph, lengths), betweennessInTypeScript(graph, lengths))).toBeLessThan(
      1e-7,
    );
  });

  it('has nothing to say of no nodes, and of nodes without edges', async () => {
    expect(await betweenness(graphOf(0, []))).toEqual(new Float64Array(0));
    expect(await betweenness(graphOf(3, []))).toEqual(new Float64Array(3));
  });
});
