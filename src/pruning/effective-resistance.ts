/**
 * Leverages of edges, w_e R_e, R_e the effective resistance between the ends of an edge in the network of conductances
 * |w|, directions left out (Spielman and Srivastava, "Graph sparsification by effective resistances", STOC 2008). They sum
 * to the number of nodes less that of connected components.
 */
import type { LinearAlgebra } from '../linalg/index.ts';
import type { SynapseGraph } from './synapse-graph.ts';

/** [edge]: the leverage; two edges between the same nodes share theirs by their weights. */
export async function leverages(algebra: LinearAlgebra, graph: SynapseGraph): Promise<Float64Array> {
  const { nodes, sources, targets, weights } = graph;
  const laplacian = new Float64Array(nodes * nodes);
  const add = (i: number, j: number, value: number): void => {
    laplacian[i * nodes + j] = (laplacian[i * nodes + j] as number) + value;
  };
  for (let edge = 0; edge < sources.length; edge++) {
    const [i, j] = [sources[edge] as number, targets[edge] as number];
    const conductance = Math.abs(weights[edge] as number);
    if (i === j) continue;
    add(i, i, conductance);
    add(j, j, conductance);
    add(i, j, -conductance);
    add(j, i, -conductance);
  }
  // Within each component the constant vector is added, which makes the matrix regular and changes no resistance.
  const components = componentsOf(graph);
  const typical = sources.length === 0 ? 1 : laplacian.reduce((sum, v) => sum + Math.abs(v), 0) / (2 * nodes);
  const sizes = new Map<number, number>();
  for (const component of components) sizes.set(component, (sizes.get(component) ?? 0) + 1);
  for (let i = 0; i < nodes; i++) {
    const size = sizes.get(components[i] as number) as number;
    for (let j = 0; j < nodes; j++) {
      if (components[i] === components[j]) add(i, j, (typical || 1) / size);
    }
  }
  const identity = new Float64Array(nodes * nodes);
  for (let i = 0; i < nodes; i++) identity[i * (nodes + 1)] = 1;
  const { factor } = await algebra.cholesky(laplacian, nodes);
  const inverse = await algebra.solveCholesky(factor, nodes, identity, nodes);
  const at = (i: number, j: number): number => inverse[i * nodes + j] as number;
  return Float64Array.from(sources, (i, edge) => {
    const j = targets[edge] as number;
    return Math.abs(weights[edge] as number) * (at(i, i) + at(j, j) - 2 * at(i, j));
  });
}

/** A number for each node that it shares with those it is connected with, in any direction, by weights other than 0. */
function componentsOf({ nodes, sources, targets, weights }: SynapseGraph): Uint32Array {
  const root = Uint32Array.from({ length: nodes }, (_, node) => node);
  const find = (node: number): number => {
    let at = node;
    while (root[at] !== at) {
      root[at] = root[root[at] as number] as number;
      at = root[at] as number;
    }
    return at;
  };
  for (let edge = 0; edge < sources.length; edge++) {
    if (weights[edge] !== 0) root[find(sources[edge] as number)] = find(targets[edge] as number);
  }
  return Uint32Array.from({ length: nodes }, (_, node) => find(node));
}
