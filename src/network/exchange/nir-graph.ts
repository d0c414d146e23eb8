/**
 * Networks in the Neuromorphic Intermediate Representation (Pedersen et al., Nature Communications 15, 8122, 2024) as
 * plain data: nodes with parameters, joined by edges.
 */

/** Numbers of a node, row by row. */
export interface NirArray {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

export interface NirNode {
  /** Such as `LIF`, `CubaLIF`, `Affine`, `Linear`, `Input`, `Output`. */
  readonly type: string;
  readonly parameters: Readonly<Record<string, NirArray>>;
}

export interface NirGraph {
  readonly nodes: Readonly<Record<string, NirNode>>;
  /** From a node to a node, by their names. */
  readonly edges: readonly (readonly [from: string, to: string])[];
}

export function nirVector(values: ArrayLike<number>): NirArray {
  return { shape: [values.length], values: Float64Array.from(values) };
}
