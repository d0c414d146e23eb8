/** The linear algebra of the native engine (faer), on threads of its own. */
import type { Addon, NativeLinearAlgebraHandle } from '../device/native/addon.ts';
import { checkProduct, checkShape, LinearAlgebraError, type LinearAlgebraErrorCode } from './errors.ts';
import {
  type CholeskyFactor,
  type CholeskyOptions,
  type ComplexVector,
  jitters,
  type LinearAlgebra,
  type Operand,
  type QrFactors,
  type SymmetricEigen,
  type TriangularOptions,
  transpose,
} from './linear-algebra.ts';

import type { LyapunovSolution } from './lyapunov.ts';

const CODES: ReadonlySet<string> = new Set<LinearAlgebraErrorCode>([
  'shape',
  'not-finite',
  'not-positive-definite',
  'singular',
  'not-converged',
]);

export class NativeLinearAlgebra implements LinearAlgebra {
  readonly kind = 'native';
  readonly #handle: NativeLinearAlgebraHandle;

  /** @param threads 0: one for each processor */
  constructor(addon: Addon, threads = 0) {
    this.#handle = new addon.LinearAlgebra(threads);
  }

  async cholesky(a: Float64Array, n: number, options?: CholeskyOptions): Promise<CholeskyFactor> {
    checkShape('a', a, n, n);
    return translated(this.#handle.cholesky(a, n, jitters(a, n, options)));
  }

  async solveTriangular(
    t: Float64Array,
    n: number,
    b: Float64Array,
    columns: number,
    { upper = false, transposed = false }: TriangularOptions = {},
  ): Promise<Float64Array> {
    checkShape('t', t, n, n);
    checkShape('b', b, n, columns);
    return translated(this.#handle.solveTriangular(t, n, b, columns, upper, transposed));
  }

  async solveCholesky(
    factor: Float64Array,
    n: number,
    b: Float64Array,
    columns: number,
  ): Promise<Float64Array> {
    checkShape('factor', factor, n, n);
    checkShape('b', b, n, columns);
    return translated(this.#handle.solveCholesky(factor, n, b, columns));
  }

  async symmetricEigen(a: Float64Array, n: number): Promise<SymmetricEigen> {
    checkShape('a', a, n, n);
    return translated(this.#handle.symmetricEigen(a, n));
  }

  async qr(a: Float64Array, rows: number, columns: number): Promise<QrFactors> {
    checkShape('a', a, rows, columns);
    return translated(this.#handle.qr(a, rows, columns));
  }

  async eigenvalues(a: Float64Array, n: number): Promise<ComplexVector> {
    checkShape('a', a, n, n);
    return translated(this.#handle.eigenvalues(a, n));
  }

  async sylvester(
    a: Float64Array,
    m: number,
    b: Float64Array,
    n: number,
    c: Float64Array,
  ): Promise<Float64Array> {
    checkShape('a', a, m, m);
    checkShape('b', b, n, n);
    checkShape('c', c, m, n);
    return translated(this.#handle.sylvester(a, m, b, n, c));
  }

  async lyapunov(a: Float64Array, n: number, q: Float64Array): Promise<Float64Array> {
    checkShape('a', a, n, n);
    return this.sylvester(a, n, transpose(a, n, n), n, q);
  }

  async stableLyapunov(a: Float64Array, n: number, q: Float64Array): Promise<LyapunovSolution> {
    checkShape('a', a, n, n);
    checkShape('q', q, n, n);
    return translated(this.#handle.stableLyapunov(a, n, q));
  }

  async matmul(a: Operand, b: Operand): Promise<Float64Array> {
    checkProduct(a, b);
    const { transposed: aTransposed = false } = a;
    const { transposed: bTransposed = false } = b;
    return translated(
      this.#handle.matmul(a.values, a.rows, a.columns, aTransposed, b.values, b.rows, b.columns, bTransposed),
    );
  }
}

/** The addon's errors read `code: message`. */
async function translated<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const [, code = '', message = text] = /^([a-z-]+): (.*)$/s.exec(text) ?? [];
    const known = CODES.has(code) ? (code as LinearAlgebraErrorCode) : 'internal';
    throw new LinearAlgebraError(known, message, { cause });
  }
}
