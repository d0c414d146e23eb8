/**
 * New edges against the localization of eigenvectors, and the measure of that: a pruned network falls apart into regions
 * that activity doesn't leave.
 */
import type { LinearAlgebra } from '../linalg/index.ts';
import { Draws } from '../random/draws.ts';
import { keyOf, STREAMS } from '../random/philox.ts';
import { degrees, type SynapseGraph } from './synapse-graph.ts';

/**
 * - `degree-variance`: the paper's rule, edges between nodes of one neighbourhood (two steps apart) that raise the variance
 *   of the degrees most. Measured, it makes hubs, and hubs localize: see docs/pruning.md
 * - `random`: between any two nodes
 * - `equalizing`: between the nodes of the lowest degrees
 */
export type DelocalizationRule = 'degree-variance' | 'random' | 'equalizing';

/**
 * Adds `count` edges where there are none, fewer where there is no room. Each has the weight of an edge drawn from those
 * that are there, which leaves the distribution of weights as it is.
 *
 * @returns the graph with its edges by source and target, and how many of each edge's are new: [edge] 1 or 0
 */
export function addEdges(
  graph: SynapseGraph,
  count: number,
  rule: DelocalizationRule,
  seed: number,
): { readonly graph: SynapseGraph; readonly added: Uint8Array } {
  const { nodes, sources, targets, weights } = graph;
  const draws = new Draws(keyOf(seed), STREAMS.pruning).at(0, 2);
  const links = new Links(graph);
  const room = nodes * (nodes - 1) - links.size;
  const choose = { 'degree-variance': hubPair, random: randomPair, equalizing: lowestPair }[rule];
  const added: { source: number; target: number; weight: number }[] = [];
  while (added.length < Math.min(count, room)) {
    const pair = choose(links, draws);
    if (pair === undefined) break;
    links.add(...pair);
    const weight = sources.length === 0 ? 0 : (weights[draws.below(sources.length)] as number);
    added.push({ source: pair[0], target: pair[1], weight });
  }
  const all = Array.from(sources, (source, edge) => ({
    source,
    target: targets[edge] as number,
    weight: weights[edge] as number,
    added: 0,
  })).concat(added.map((edge) => ({ ...edge, added: 1 })));
  all.sort((a, b) => a.source - b.source || a.target - b.target);
  return {
    graph: {
      nodes,
      sources: Uint32Array.from(all, ({ source }) => source),
      targets: Uint32Array.from(all, ({ target }) => target),
      weights: Float64Array.from(all, ({ weight }) => weight),
    },
    added: Uint8Array.from(all, ({ added }) => added),
  };
}

type Pair = readonly [source: number, target: number];

/** Who is linked with whom while edges are added. */
class Links {
  readonly nodes: number;
  readonly degree: Uint32Array;
  /** [node]: the nodes linked with it, in either direction. */
  readonly around: Set<number>[];
  readonly #edges = new Set<number>();

  constructor(graph: SynapseGraph) {
    this.nodes = graph.nodes;
    this.degree = degrees(graph);
    this.around = Array.from({ length: graph.nodes }, () => new Set<number>());
    graph.sources.forEach((source, edge) => {
      this.#link(source, graph.targets[edge] as number);
    });
  }

  get size(): number {
    return this.#edges.size;
  }

  has(source: number, target: number): boolean {
    return this.#edges.has(source * this.nodes + target);
  }

  add(source: number, target: number): void {
    this.#link(source, target);
    for (const node of [source, target]) this.degree[node] = (this.degree[node] as number) + 1;
  }

  #link(source: number, target: number): void {
    this.#edges.add(source * this.nodes + target);
    this.around[source]?.add(target);
    this.around[target]?.add(source);
  }

  /** A free direction between two nodes, at random where both are free. */
  directed(a: number, b: number, draws: Draws): Pair | undefined {
    const [first, second] = draws.below(2) === 0 ? [a, b] : [b, a];
    if (!this.has(first, second)) return [first, second];
    return this.has(second, first) ? undefined : [second, first];
  }
}

function randomPair(links: Links, draws: Draws): Pair {
  for (;;) {
    const source = draws.below(links.nodes);
    const target = draws.below(links.nodes);
    if (source !== target && !links.has(source, target)) return [source, target];
  }
}

/** An edge raises the sum of the squared degrees by 2 (d_u + d_v) + 2: the two with the largest sum are linked. */
function hubPair(links: Links, draws: Draws): Pair | undefined {
  const order = byDegree(links, -1);
  const highest = links.degree[order[0] as number] as number;
  let best: { readonly pair: readonly [number, number]; readonly sum: number } | undefined;
  for (const u of order) {
    const own = links.degree[u] as number;
    if (best !== undefined && own + highest <= best.sum) break;
    for (const middle of links.around[u] as Set<number>) {
      for (const v of links.around[middle] as Set<number>) {
        const sum = own + (links.degree[v] as number);
        if (v === u || (links.around[u] as Set<number>).has(v) || (best && sum <= best.sum)) continue;
        best = { pair: [u, v], sum };
      }
    }
  }
  return best && links.directed(...best.pair, draws);
}

/** The node of the lowest degree with the lowest that it isn't linked with; ties by chance. */
function lowestPair(links: Links, draws: Draws): Pair | undefined {
  const chance = Float64Array.from({ length: links.nodes }, () => draws.unit());
  const order = byDegree(links, 1, chance);
  for (const u of order) {
    const v = order.find((node) => node !== u && !(links.around[u] as Set<number>).has(node));
    if (v !== undefined) return links.directed(u, v, draws);
  }
  return undefined;
}

function byDegree({ degree, nodes }: Links, direction: 1 | -1, ties?: Float64Array): number[] {
  return Array.from({ length: nodes }, (_, node) => node).sort(
    (a, b) =>
      direction * ((degree[a] as number) - (degree[b] as number)) ||
      (ties ? (ties[a] as number) - (ties[b] as number) : a - b),
  );
}

export interface Localization {
  /** Inverse participation ratio sum of v_k^4, mean over the eigenvectors: 1 / N where all nodes take part, 1 at one node. */
  readonly mean: number;
  /** Of the eigenvector with the largest eigenvalue. */
  readonly principal: number;
}

/** Inverse participation ratios of the eigenvectors of (|W| + |W|^T) / 2. */
export async function localization(algebra: LinearAlgebra, graph: SynapseGraph): Promise<Localization> {
  const { nodes, sources, targets, weights } = graph;
  const matrix = new Float64Array(nodes * nodes);
  for (let edge = 0; edge < sources.length; edge++) {
    const [i, j] = [sources[edge] as number, targets[edge] as number];
    const share = Math.abs(weights[edge] as number) / 2;
    matrix[i * nodes + j] = (matrix[i * nodes + j] as number) + share;
    matrix[j * nodes + i] = (matrix[j * nodes + i] as number) + share;
  }
  const { vectors } = await algebra.symmetricEigen(matrix, nodes);
  const ratios = new Float64Array(nodes);
  for (let place = 0; place < vectors.length; place++) {
    const k = place % nodes;
    ratios[k] = (ratios[k] as number) + (vectors[place] as number) ** 4;
  }
  return {
    mean: ratios.reduce((sum, ratio) => sum + ratio, 0) / Math.max(1, nodes),
    principal: ratios.at(-1) ?? 0,
  };
}
