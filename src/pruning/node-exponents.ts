/**
 * From a Lyapunov spectrum to an exponent for each node. The spectrum is ordered by size and belongs to no node; the
 * paper doesn't say how it gets there.
 */
import { ensure } from './errors.ts';

/** A Lyapunov spectrum with the share that each node has in it, however it was computed. */
export interface NodeSpectrum {
  /** k exponents, descending, 1/ms. */
  readonly exponents: Float64Array;
  /**
   * [node][k]: time average of the squared component of the k-th orthonormal tangent vector at the node; not negative.
   * With all exponents each row sums to 1.
   */
  readonly participation: Float64Array;
  /** [node]: the node's local rate of expansion, 1/ms, where it is known. */
  readonly expansion?: Float64Array;
}

/**
 * - `projection`: the mean of the exponents by the node's share in each; the default
 * - `expansion`: the time average of log |row of the Jacobian|, over the time step
 * - `index`: the i-th exponent for node i, an arbitrary assignment that serves as a control
 */
export type ExponentAssignment = 'projection' | 'expansion' | 'index';

/**
 * An exponent for each node, 1/ms. Projection: lambda_i = sum over k of p_ik lambda_k / sum over k of p_ik.
 *
 * @throws {PruningError} for arrays that don't belong together, and where the spectrum lacks what the assignment takes
 */
export function nodeExponents(
  spectrum: NodeSpectrum,
  nodes: number,
  assignment: ExponentAssignment = 'projection',
): Float64Array {
  const { exponents, participation, expansion } = spectrum;
  const count = exponents.length;
  ensure(count > 0, () => 'the spectrum has no exponents: give at least one');
  switch (assignment) {
    case 'projection': {
      ensure(
        participation.length === nodes * count,
        () =>
          `participation has ${participation.length} values: give ${nodes} x ${count}, nodes by exponents`,
      );
      return Float64Array.from({ length: nodes }, (_, node) => {
        let [sum, total] = [0, 0];
        for (let k = 0; k < count; k++) {
          const share = participation[node * count + k] as number;
          sum += share * (exponents[k] as number);
          total += share;
        }
        // A node that no vector touched takes the slowest of what is known.
        return total > 0 ? sum / total : (exponents[count - 1] as number);
      });
    }
    case 'expansion':
      ensure(
        expansion?.length === nodes,
        () => 'this spectrum has no local rates of expansion: choose the assignment projection',
      );
      return Float64Array.from(expansion);
    case 'index':
      return Float64Array.from({ length: nodes }, (_, node) => {
        return exponents[Math.min(count - 1, Math.floor((node * count) / nodes))] as number;
      });
  }
}
