/** Dense linear algebra in f64, as the optimizer and the dynamics use it. */
import type { LyapunovSolution } from './lyapunov.ts';

/** A = L L^T. */
export interface CholeskyFactor {
  /** L, n x n, zeros above the diagonal. */
  readonly factor: Float64Array;
  /** What had to be added to the diagonal; 0 for a matrix that is positive definite as given. */
  readonly jitter: number;
  /** log det A, jitter included. */
  readonly logDeterminant: number;
}

export interface SymmetricEigen {
  /** n eigenvalues, ascending. */
  readonly values: Float64Array;
  /** n x n, orthonormal: column k belongs to value k. Signs are arbitrary. */
  readonly vectors: Float64Array;
}

/** A = Q R, thin, with k = min(rows, columns). */
export interface QrFactors {
  /** rows x k, orthonormal columns. */
  readonly q: Float64Array;
  /** k x columns, upper triangular, diagonal not negative. */
  readonly r: Float64Array;
}

/** Complex numbers, structure of arrays. */
export interface ComplexVector {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

export interface CholeskyOptions {
  /**
   * The largest addition to the diagonal to be tried, as a share of the mean diagonal. 0: none. Default 1e-4.
   * Tried are 0, then 1e-10 of the mean diagonal, then ten times as much each time.
   */
  readonly maxJitter?: number;
}

export interface TriangularOptions {
  /** The matrix is upper triangular, not lower. */
  readonly upper?: boolean;
  /** Solve with the transpose of the matrix. */
  readonly transposed?: boolean;
}

/** A matrix as stored, and whether it enters a product transposed. */
export interface Operand {
  readonly values: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly transposed?: boolean;
}

/**
 * All matrices are row-major `Float64Array`s, which are never changed. Every function is asynchronous: the native
 * implementation computes on threads of its own, and works through its calls in order.
 *
 * Rejections are {@link LinearAlgebraError}s: `shape` for operands that don't fit, `not-finite` for NaN or infinity in
 * an operand (`matmul` lets them pass).
 */
export interface LinearAlgebra {
  readonly kind: 'native' | 'typescript';

  /**
   * Factors a symmetric n x n matrix, of which one triangle is read. Rejects with `not-positive-definite` when the
   * largest jitter doesn't help.
   *
   * @example
   * const { factor, logDeterminant } = await algebra.cholesky(Float64Array.of(4, 2, 2, 3), 2);
   */
  cholesky(a: Float64Array, n: number, options?: CholeskyOptions): Promise<CholeskyFactor>;

  /** X of T X = B for triangular T (n x n) and B (n x columns). Rejects with `singular` for a 0 on T's diagonal. */
  solveTriangular(
    t: Float64Array,
    n: number,
    b: Float64Array,
    columns: number,
    options?: TriangularOptions,
  ): Promise<Float64Array>;

  /** X of L L^T X = B for the factor of {@link LinearAlgebra.cholesky} and B (n x columns). */
  solveCholesky(factor: Float64Array, n: number, b: Float64Array, columns: number): Promise<Float64Array>;

  /** Eigenvalues and eigenvectors of a symmetric n x n matrix. Rejects with `not-converged` when they can't be found. */
  symmetricEigen(a: Float64Array, n: number): Promise<SymmetricEigen>;

  /** Thin QR factorization of a rows x columns matrix. */
  qr(a: Float64Array, rows: number, columns: number): Promise<QrFactors>;

  /** Eigenvalues of a general n x n matrix, by descending real part, then descending imaginary part. */
  eigenvalues(a: Float64Array, n: number): Promise<ComplexVector>;

  /**
   * X (m x n) of A X + X B = C, with A m x m and B n x n. Rejects with `singular` when an eigenvalue of A is the
   * negative of one of B (Bartels and Stewart, CACM 15, 1972).
   */
  sylvester(a: Float64Array, m: number, b: Float64Array, n: number, c: Float64Array): Promise<Float64Array>;

  /** X of the Lyapunov equation A X + X A^T = Q, all n x n. */
  lyapunov(a: Float64Array, n: number, q: Float64Array): Promise<Float64Array>;

  /**
   * X of A X + X A^T + Q = 0 for a stable A and a symmetric Q, both n x n: the covariance of dx = A x dt + noise of
   * covariance Q. For large matrices an order of magnitude faster than {@link LinearAlgebra.lyapunov}. Rejects with
   * `not-converged` when A is not stable.
   */
  stableLyapunov(a: Float64Array, n: number, q: Float64Array): Promise<LyapunovSolution>;

  /** The product of two matrices, either of them transposed. */
  matmul(a: Operand, b: Operand): Promise<Float64Array>;
}

/** The additions to the diagonal that {@link LinearAlgebra.cholesky} tries. */
export function jitters(a: Float64Array, n: number, options: CholeskyOptions = {}): number[] {
  let diagonal = 0;
  for (let i = 0; i < n; i++) diagonal += Math.abs(a[i * n + i] as number);
  // A matrix without a diagonal gets an absolute jitter.
  const scale = diagonal > 0 ? diagonal / n : 1;
  const tried = [0];
  // The small excess lets rounding not drop the last one.
  const most = (options.maxJitter ?? 1e-4) * (1 + 1e-9);
  for (let jitter = 1e-10; jitter <= most; jitter *= 10) tried.push(jitter * scale);
  return tried;
}

/** The transpose of a rows x columns matrix. */
export function transpose(a: Float64Array, rows: number, columns: number): Float64Array {
  const transposed = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) transposed[j * rows + i] = a[i * columns + j] as number;
  }
  return transposed;
}
