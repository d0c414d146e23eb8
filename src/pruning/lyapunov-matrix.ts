/**
 * The Lyapunov matrix: for each synapse a mean of the exponents of its neighbourhood, N(i, j), the neighbours of its two
 * ends. The paper takes the harmonic mean, |N| / sum of 1 / lambda, which has no meaning for signed numbers near 0 (and a
 * spiking flow always has an exponent of 0): the magnitudes are floored here, or one of the alternatives is taken.
 */
import { ensure } from './errors.ts';
import { checkValues, incoming, outgoing, type SynapseGraph } from './synapse-graph.ts';

/**
 * - `floored-harmonic`: harmonic mean of max(|lambda|, floor); the default
 * - `shifted-harmonic`: harmonic mean of lambda - (smallest lambda) + floor, which keeps the order of signed exponents
 * - `arithmetic`: mean of |lambda|, a control
 * - `uniform`: the mean of |lambda| over all nodes, the same for all synapses: no exponents, a control
 */
export type LyapunovMean = 'floored-harmonic' | 'shifted-harmonic' | 'arithmetic' | 'uniform';

export interface LyapunovMatrixOptions {
  readonly mean?: LyapunovMean;
  /** As a share of the median of |lambda|; 0.05 by default. */
  readonly floor?: number;
  /**
   * `exponents` as in the paper: synapses differ by their neighbourhoods and signs alone. `weights`: times |w| over the
   * mean of |w|. The first by default.
   */
  readonly magnitude?: 'exponents' | 'weights';
}

/**
 * l of each edge, 1/ms, with the sign of its weight.
 *
 * @param exponents [node], 1/ms
 */
export function lyapunovMatrix(
  graph: SynapseGraph,
  exponents: Float64Array,
  options: LyapunovMatrixOptions = {},
): Float64Array {
  const { mean = 'floored-harmonic', floor = 0.05, magnitude = 'exponents' } = options;
  const { nodes, sources, targets, weights } = graph;
  checkValues('exponent', exponents, nodes);
  ensure(floor > 0 && floor <= 1, () => `floor is ${floor}: give a share above 0, up to 1`);
  const [addend, finish] = meanOf(mean, exponents, floor);
  const terms = exponents.map(addend);
  const [out, into] = [outgoing(graph), incoming(graph)];
  const marked = new Int32Array(nodes).fill(-1);
  const values = new Float64Array(sources.length);
  const everywhere = terms.reduce((sum, term) => sum + term, 0);
  for (let edge = 0; edge < sources.length; edge++) {
    let sum = 0;
    let count = 0;
    if (mean === 'uniform') {
      [sum, count] = [everywhere, nodes];
    } else {
      for (const end of [sources[edge] as number, targets[edge] as number]) {
        for (const { offsets, neighbours } of [out, into]) {
          for (let k = offsets[end] as number; k < (offsets[end + 1] as number); k++) {
            const neighbour = neighbours[k] as number;
            if (marked[neighbour] === edge) continue;
            marked[neighbour] = edge;
            sum += terms[neighbour] as number;
            count += 1;
          }
        }
      }
    }
    values[edge] = Math.sign(weights[edge] as number) * finish(sum, count);
  }
  if (magnitude === 'weights') {
    const typical = weights.reduce((sum, weight) => sum + Math.abs(weight), 0) / Math.max(1, weights.length);
    return values.map((value, edge) => (value * Math.abs(weights[edge] as number)) / (typical || 1));
  }
  return values;
}

/** What is added up over a neighbourhood, and what the sum then means. */
function meanOf(
  mean: LyapunovMean,
  exponents: Float64Array,
  floor: number,
): [(exponent: number) => number, (sum: number, count: number) => number] {
  const least = Math.max(floor * median(exponents.map(Math.abs)), Number.MIN_VALUE);
  const harmonic = (sum: number, count: number) => count / sum;
  switch (mean) {
    case 'floored-harmonic':
      return [(exponent) => 1 / Math.max(Math.abs(exponent), least), harmonic];
    case 'shifted-harmonic': {
      const lowest = exponents.reduce((a, b) => Math.min(a, b), Infinity);
      return [(exponent) => 1 / (exponent - lowest + least), harmonic];
    }
    case 'arithmetic':
    case 'uniform':
      return [Math.abs, (sum, count) => sum / count];
  }
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
