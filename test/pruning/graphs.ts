/** Graphs for the tests of pruning. */
import { DeviceError } from '../../src/device/device.ts';
import { loadAddon } from '../../src/device/native/addon.ts';
import { NativeLinearAlgebra, TypeScriptLinearAlgebra } from '../../src/linalg/index.ts';
import type { LinearAlgebra } from '../../src/linalg/linear-algebra.ts';
import type { SynapseGraph } from '../../src/pruning/synapse-graph.ts';
import { Draws } from '../../src/random/draws.ts';

/** The native linear algebra where it is built; else the plain one. */
export const algebra: LinearAlgebra = loadAlgebra();

function loadAlgebra(): LinearAlgebra {
  try {
    return new NativeLinearAlgebra(loadAddon());
  } catch (failure) {
    if (failure instanceof DeviceError && failure.code === 'native-missing')
      return new TypeScriptLinearAlgebra();
    throw failure;
  }
}

export function graphOf(nodes: number, edges: readonly (readonly [number, number, number])[]): SynapseGraph {
  const sorted = [...edges].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return {
    nodes,
    sources: Uint32Array.from(sorted, ([source]) => source),
    targets: Uint32Array.from(sorted, ([, target]) => target),
    weights: Float64Array.from(sorted, ([, , weight]) => weight),
  };
}

/** Each ordered pair with the same probability, weights normal with standard deviation 1. */
export function randomGraph(nodes: number, probability: number, seed: number): SynapseGraph {
  const draws = new Draws([seed, 0], 1).at(0, 0);
  const edges: [number, number, number][] = [];
  for (let i = 0; i < nodes; i++) {
    for (let j = 0; j < nodes; j++) {
      if (i !== j && draws.unit() < probability) edges.push([i, j, draws.normal()]);
    }
  }
  return graphOf(nodes, edges);
}

/** The same weight in both directions of each pair that is linked; `weight` gives it for a pair. */
export function symmetricGraph(
  nodes: number,
  weight: (i: number, j: number, draws: Draws) => number,
  seed: number,
): SynapseGraph {
  const draws = new Draws([seed, 0], 2).at(0, 0);
  const edges: [number, number, number][] = [];
  for (let i = 0; i < nodes; i++) {
    for (let j = 0; j < i; j++) {
      const value = weight(i, j, draws);
      if (value !== 0) edges.push([i, j, value], [j, i, value]);
    }
  }
  return graphOf(nodes, edges);
}

/** Sum of |weight| of the edges at each node's side of arrival. */
export function rowSums({ nodes, targets, weights }: SynapseGraph): Float64Array {
  const sums = new Float64Array(nodes);
  targets.forEach((target, edge) => {
    sums[target] = (sums[target] as number) + Math.abs(weights[edge] as number);
  });
  return sums;
}
