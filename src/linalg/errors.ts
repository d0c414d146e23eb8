import type { Operand } from './linear-algebra.ts';

/** Why a piece of linear algebra could not be done. */
export type LinearAlgebraErrorCode =
  | 'shape'
  | 'not-finite'
  | 'not-positive-definite'
  | 'singular'
  | 'not-converged'
  | 'native-missing'
  | 'internal';

/** A failure of {@link LinearAlgebra}: what was wrong with which operand, and what to do. */
export class LinearAlgebraError extends Error {
  override readonly name = 'LinearAlgebraError';
  readonly code: LinearAlgebraErrorCode;

  constructor(code: LinearAlgebraErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** @throws {LinearAlgebraError} `shape` unless `values` holds rows x columns numbers and both are whole */
export function checkShape(name: string, values: Float64Array, rows: number, columns: number): void {
  for (const size of [rows, columns]) {
    if (!(Number.isInteger(size) && size >= 0)) {
      throw new LinearAlgebraError('shape', `${name} can't be ${rows} x ${columns}: sizes are whole numbers`);
    }
  }
  if (values.length !== rows * columns) {
    throw new LinearAlgebraError(
      'shape',
      `${name} has ${values.length} values, but is to be ${rows} x ${columns} (${rows * columns})`,
    );
  }
}

/** @throws {LinearAlgebraError} `not-finite` naming the first value that is NaN or infinite */
export function checkFinite(name: string, values: Float64Array, columns: number): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  const row = Math.floor(index / columns);
  throw new LinearAlgebraError(
    'not-finite',
    `${name} holds ${values[index]} at row ${row}, column ${index % columns}; the values must be finite`,
  );
}

/**
 * The sizes of a product.
 *
 * @throws {LinearAlgebraError} `shape` when an operand is not as large as it says, or the inner sizes differ
 */
export function checkProduct(a: Operand, b: Operand): { rows: number; inner: number; columns: number } {
  checkShape('a', a.values, a.rows, a.columns);
  checkShape('b', b.values, b.rows, b.columns);
  const [rows, inner] = a.transposed ? [a.columns, a.rows] : [a.rows, a.columns];
  const [innerOfB, columns] = b.transposed ? [b.columns, b.rows] : [b.rows, b.columns];
  if (inner !== innerOfB) {
    throw new LinearAlgebraError('shape', `the inner sizes of the product differ: ${inner} and ${innerOfB}`);
  }
  return { rows, inner, columns };
}
