/** The recurrent synapses of a network as a weighted directed graph: what all steps of pruning work on. */
import { accumulate } from '../kernels/offsets.ts';
import { ensure } from './errors.ts';

/** Edges by source, and by target within a source. */
export interface SynapseGraph {
  readonly nodes: number;
  /** [edge] */
  readonly sources: Uint32Array;
  readonly targets: Uint32Array;
  /** [edge]: signed. */
  readonly weights: Float64Array;
}

/** Edges of each node, in one of the two directions. */
export interface Adjacency {
  /** [nodes + 1]: where the entries of each node begin. */
  readonly offsets: Uint32Array;
  /** [edge]: the node at the other end. */
  readonly neighbours: Uint32Array;
  /** [edge]: the edge's number in the graph. */
  readonly edges: Uint32Array;
}

/** The edges that leave each node. */
export function outgoing({ nodes, sources, targets }: SynapseGraph): Adjacency {
  return adjacency(nodes, sources, targets);
}

/** The edges that arrive at each node. */
export function incoming({ nodes, sources, targets }: SynapseGraph): Adjacency {
  return adjacency(nodes, targets, sources);
}

function adjacency(nodes: number, from: Uint32Array, to: Uint32Array): Adjacency {
  const offsets = new Uint32Array(nodes + 1);
  for (const node of from) offsets[node + 1] = (offsets[node + 1] as number) + 1;
  accumulate(offsets);
  const cursor = offsets.slice();
  const neighbours = new Uint32Array(from.length);
  const edges = new Uint32Array(from.length);
  for (let edge = 0; edge < from.length; edge++) {
    const node = from[edge] as number;
    const place = cursor[node] as number;
    neighbours[place] = to[edge] as number;
    edges[place] = edge;
    cursor[node] = place + 1;
  }
  return { offsets, neighbours, edges };
}

/** Number of edges at each node, those that leave and those that arrive. */
export function degrees({ nodes, sources, targets }: SynapseGraph): Uint32Array {
  const count = new Uint32Array(nodes);
  for (const ends of [sources, targets]) {
    for (const node of ends) count[node] = (count[node] as number) + 1;
  }
  return count;
}

/** The edges whose entry in `keep` is not 0, and where in the graph each of them was. */
export function subgraph(
  graph: SynapseGraph,
  keep: ArrayLike<number>,
): { readonly graph: SynapseGraph; readonly edges: Uint32Array } {
  const { nodes, sources, targets, weights } = graph;
  const edges = Uint32Array.from({ length: sources.length }, (_, edge) => edge).filter((edge) => keep[edge]);
  const picked = (list: Uint32Array) => Uint32Array.from(edges, (edge) => list[edge] as number);
  return {
    graph: {
      nodes,
      sources: picked(sources),
      targets: picked(targets),
      weights: Float64Array.from(edges, (edge) => weights[edge] as number),
    },
    edges,
  };
}

/** @throws {PruningError} unless there is one value for each edge or node, and all are finite */
export function checkValues(name: string, values: ArrayLike<number>, count: number): void {
  ensure(values.length === count, () => `${name} has ${values.length} values: give ${count}`);
  for (let place = 0; place < count; place++) {
    ensure(
      Number.isFinite(values[place]),
      () => `${name} ${place} is ${values[place]}: give a finite number`,
    );
  }
}
