/**
 * The linear network with noise of which the covariance is taken: dx/dt = A x + sigma xi, A = -D + L, with D diagonal.
 * The covariance exists only where A is stable, so D is raised until it is; by how much is part of the result.
 */
import { ensure } from './errors.ts';
import { checkValues, type SynapseGraph } from './synapse-graph.ts';

/**
 * - `spectral`: D + s, the smallest s that leaves the margin to the largest real part; the default
 * - `dominance`: D + s, the smallest s for which D_i - margin >= sum over j of |L_ij| in every row: the case of the theorem
 * - `row-dominance`: the same for each row by itself
 */
export type Shift = 'spectral' | 'dominance' | 'row-dominance';

export interface Linearization {
  /** [node]: D with its shift, 1/ms. */
  readonly leaks: Float64Array;
  /** The largest addition to a node's leak, 1/ms. */
  readonly shift: number;
  /** The largest real part of A's eigenvalues before the shift, 1/ms; for `spectral` only, and estimated. */
  readonly abscissa: number | undefined;
}

export interface LinearizationOptions {
  readonly shift?: Shift;
  /** Distance from instability, as a share of the mean leak; 0.1 by default. */
  readonly margin?: number;
}

/**
 * @param couplings L, [edge], 1/ms
 * @param leaks D as given, [node], 1/ms: 1 / tau
 */
export function stableLinearization(
  graph: SynapseGraph,
  couplings: Float64Array,
  leaks: Float64Array,
  options: LinearizationOptions = {},
): Linearization {
  const { shift = 'spectral', margin = 0.1 } = options;
  const { nodes, targets } = graph;
  checkValues('coupling', couplings, targets.length);
  checkValues('leak', leaks, nodes);
  ensure(margin > 0, () => `margin is ${margin}: give a number above 0`);
  const distance = (margin * leaks.reduce((sum, leak) => sum + leak, 0)) / Math.max(1, nodes);
  if (shift === 'spectral') {
    const abscissa = spectralAbscissa(graph, couplings, leaks);
    const by = Math.max(0, abscissa + distance);
    return { leaks: leaks.map((leak) => leak + by), shift: by, abscissa };
  }
  const sums = new Float64Array(nodes);
  for (let edge = 0; edge < targets.length; edge++) {
    const target = targets[edge] as number;
    sums[target] = (sums[target] as number) + Math.abs(couplings[edge] as number);
  }
  const lacking = sums.map((sum, node) => Math.max(0, sum + distance - (leaks[node] as number)));
  const most = lacking.reduce((a, b) => Math.max(a, b), 0);
  return {
    leaks: leaks.map((leak, node) => leak + (shift === 'dominance' ? most : (lacking[node] as number))),
    shift: most,
    abscissa: undefined,
  };
}

/** Steps of the estimate before it counts, and while it does. */
const SETTLING_STEPS = 400;
const COUNTED_STEPS = 800;

/**
 * The largest real part of the eigenvalues of -D + L, 1/ms, from the growth of a solution of dx/dt = (-D + L) x: as fast
 * as the matrix is sparse. Eigenvalues that lie close together leave an error of about 1 / (simulated time); it is small
 * against the margin, and the covariance refuses a matrix that is not stable.
 */
export function spectralAbscissa(graph: SynapseGraph, couplings: Float64Array, leaks: Float64Array): number {
  const { nodes, sources, targets } = graph;
  if (nodes === 0) return -Infinity;
  const rowSums = leaks.map(Math.abs);
  for (let edge = 0; edge < targets.length; edge++) {
    const target = targets[edge] as number;
    rowSums[target] = (rowSums[target] as number) + Math.abs(couplings[edge] as number);
  }
  // Twice the estimate of the radius by rows that add up at random, and within what Runge and Kutta's steps bear.
  const bound = rowSums.reduce((a, b) => Math.max(a, b), 0);
  if (bound === 0) return 0;
  const stepMs = 2 / bound;
  const apply = (x: Float64Array, out: Float64Array): void => {
    for (let node = 0; node < nodes; node++) out[node] = -(leaks[node] as number) * (x[node] as number);
    for (let edge = 0; edge < sources.length; edge++) {
      const target = targets[edge] as number;
      out[target] =
        (out[target] as number) + (couplings[edge] as number) * (x[sources[edge] as number] as number);
    }
  };
  // No direction of the start is special.
  const x = Float64Array.from({ length: nodes }, (_, node) => 1 + 0.5 * Math.sin(12.9898 * (node + 1)));
  const slopes = [0, 1, 2, 3].map(() => new Float64Array(nodes));
  const at = new Float64Array(nodes);
  let growth = 0;
  for (let step = 0; step < SETTLING_STEPS + COUNTED_STEPS; step++) {
    // The classical Runge-Kutta step.
    apply(x, slopes[0] as Float64Array);
    [0.5, 0.5, 1].forEach((share, stage) => {
      const slope = slopes[stage] as Float64Array;
      for (let node = 0; node < nodes; node++) {
        at[node] = (x[node] as number) + share * stepMs * (slope[node] as number);
      }
      apply(at, slopes[stage + 1] as Float64Array);
    });
    const [a, b, c, d] = slopes as [Float64Array, Float64Array, Float64Array, Float64Array];
    let squares = 0;
    for (let node = 0; node < nodes; node++) {
      const slope =
        (a[node] as number) + 2 * (b[node] as number) + 2 * (c[node] as number) + (d[node] as number);
      const value = (x[node] as number) + (stepMs / 6) * slope;
      x[node] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares);
    if (length === 0) return -bound;
    for (let node = 0; node < nodes; node++) x[node] = (x[node] as number) / length;
    if (step >= SETTLING_STEPS) growth += Math.log(length);
  }
  return growth / (COUNTED_STEPS * stepMs);
}

/** A = -D + L as a dense matrix, row-major: row i is what acts on node i. */
export function systemMatrix(
  graph: SynapseGraph,
  couplings: Float64Array,
  leaks: Float64Array,
): Float64Array {
  const { nodes, sources, targets } = graph;
  const matrix = new Float64Array(nodes * nodes);
  for (let node = 0; node < nodes; node++) matrix[node * nodes + node] = -(leaks[node] as number);
  for (let edge = 0; edge < sources.length; edge++) {
    const place = (targets[edge] as number) * nodes + (sources[edge] as number);
    matrix[place] = (matrix[place] as number) + (couplings[edge] as number);
  }
  return matrix;
}
