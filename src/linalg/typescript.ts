/**
 * Linear algebra in plain TypeScript, for machines without the native engine: right and simple, an order of magnitude
 * slower. General eigenvalues and Sylvester equations are not here.
 */
import { cholesky, solveLower, solveLowerTransposed } from './cholesky.ts';
import { checkFinite, checkProduct, checkShape, LinearAlgebraError } from './errors.ts';
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

import { type LyapunovSolution, stableLyapunov } from './lyapunov.ts';

/** Sweeps of Jacobi rotations; quadratic convergence needs six to ten. */
const MAX_SWEEPS = 60;

export class TypeScriptLinearAlgebra implements LinearAlgebra {
  readonly kind = 'typescript';

  async cholesky(a: Float64Array, n: number, options?: CholeskyOptions): Promise<CholeskyFactor> {
    checkShape('a', a, n, n);
    checkFinite('a', a, n);
    const tried = jitters(a, n, options);
    for (const jitter of tried) {
      const factor = factorCholesky(a, n, jitter);
      if (!factor) continue;
      let logDeterminant = 0;
      for (let i = 0; i < n; i++) logDeterminant += 2 * Math.log(factor[i * n + i] as number);
      return { factor, jitter, logDeterminant };
    }
    throw new LinearAlgebraError(
      'not-positive-definite',
      `the ${n} x ${n} matrix is not positive definite, even with ${tried.at(-1)} added to its diagonal`,
    );
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
    checkFinite('b', b, columns);
    checkTriangle(t, n, upper);
    const x = Float64Array.from(b);
    const lower = upper ? transpose(t, n, n) : t;
    if (upper === transposed) solveLower(lower, n, x, columns);
    else solveLowerTransposed(lower, n, x, columns);
    return x;
  }

  async solveCholesky(
    factor: Float64Array,
    n: number,
    b: Float64Array,
    columns: number,
  ): Promise<Float64Array> {
    checkShape('factor', factor, n, n);
    const half = await this.solveTriangular(factor, n, b, columns);
    return this.solveTriangular(factor, n, half, columns, { transposed: true });
  }

  async symmetricEigen(a: Float64Array, n: number): Promise<SymmetricEigen> {
    checkShape('a', a, n, n);
    checkFinite('a', a, n);
    return jacobi(a, n);
  }

  async qr(a: Float64Array, rows: number, columns: number): Promise<QrFactors> {
    checkShape('a', a, rows, columns);
    checkFinite('a', a, columns);
    return householder(a, rows, columns);
  }

  async eigenvalues(a: Float64Array, n: number): Promise<ComplexVector> {
    checkShape('a', a, n, n);
    throw nativeOnly('eigenvalues of a general matrix');
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
    throw nativeOnly('the Sylvester equation');
  }

  async lyapunov(a: Float64Array, n: number, q: Float64Array): Promise<Float64Array> {
    return this.sylvester(a, n, a, n, q);
  }

  async stableLyapunov(a: Float64Array, n: number, q: Float64Array): Promise<LyapunovSolution> {
    checkShape('a', a, n, n);
    checkShape('q', q, n, n);
    return stableLyapunov(a, n, q);
  }

  async matmul(a: Operand, b: Operand): Promise<Float64Array> {
    const left = a.transposed ? transpose(a.values, a.rows, a.columns) : a.values;
    const right = b.transposed ? transpose(b.values, b.rows, b.columns) : b.values;
    const { rows, inner, columns } = checkProduct(a, b);
    const product = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      const row = product.subarray(i * columns, (i + 1) * columns);
      for (let k = 0; k < inner; k++) addScaled(row, left[i * inner + k] as number, right, k * columns);
    }
    return product;
  }
}

function nativeOnly(what: string): LinearAlgebraError {
  return new LinearAlgebraError(
    'native-missing',
    `${what} needs the native engine, which is not built here: see "tacet devices" for how to get it`,
  );
}

/** row += factor * values[offset ...] */
function addScaled(row: Float64Array, factor: number, values: Float64Array, offset: number): void {
  for (let j = 0; j < row.length; j++) {
    row[j] = (row[j] as number) + factor * (values[offset + j] as number);
  }
}

/** The factor, zeros above the diagonal; undefined when a pivot is not positive. */
function factorCholesky(a: Float64Array, n: number, jitter: number): Float64Array | undefined {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    // The upper triangle is read, as the native engine does.
    for (let j = 0; j < i; j++) l[i * n + j] = a[j * n + i] as number;
    l[i * n + i] = (a[i * n + i] as number) + jitter;
  }
  return cholesky(l, n) ? l : undefined;
}

function checkTriangle(t: Float64Array, n: number, upper: boolean): void {
  for (let i = 0; i < n; i++) {
    const [from, to] = upper ? [i, n] : [0, i + 1];
    for (let j = from; j < to; j++) {
      const value = t[i * n + j] as number;
      if (Number.isFinite(value)) continue;
      throw new LinearAlgebraError(
        'not-finite',
        `the triangular matrix holds ${value} at row ${i}, column ${j}; the values must be finite`,
      );
    }
    if (t[i * n + i] === 0) {
      throw new LinearAlgebraError(
        'singular',
        `the triangular matrix is singular: its diagonal is 0 at row ${i}`,
      );
    }
  }
}

/** Cyclic Jacobi rotations (Golub and Van Loan, "Matrix computations", 8.5). */
function jacobi(given: Float64Array, n: number): SymmetricEigen {
  const a = new Float64Array(n * n);
  let norm = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      // The lower triangle is read, as the native engine does.
      const value = (i >= j ? given[i * n + j] : given[j * n + i]) as number;
      a[i * n + j] = value;
      norm = Math.hypot(norm, value);
    }
  }
  // Row k of `rows` becomes eigenvector k: rotations of rows are contiguous.
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) rows[i * n + i] = 1;
  for (let sweep = 0; !(offDiagonal(a, n) <= Number.EPSILON * norm); sweep++) {
    if (sweep === MAX_SWEEPS) {
      throw new LinearAlgebraError(
        'not-converged',
        `the symmetric eigendecomposition of a ${n} x ${n} matrix did not converge; scale the matrix`,
      );
    }
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) rotate(a, rows, n, p, q);
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort(
    (i, j) => (a[i * n + i] as number) - (a[j * n + j] as number),
  );
  const values = Float64Array.from(order, (i) => a[i * n + i] as number);
  const vectors = new Float64Array(n * n);
  for (const [k, i] of order.entries()) {
    for (let j = 0; j < n; j++) vectors[j * n + k] = rows[i * n + j] as number;
  }
  return { values, vectors };
}

function offDiagonal(a: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) sum += (a[i * n + j] as number) ** 2;
  }
  return Math.sqrt(sum);
}

/** Annihilates a[p, q]. */
function rotate(a: Float64Array, rows: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q] as number;
  if (apq === 0) return;
  const tau = ((a[q * n + q] as number) - (a[p * n + p] as number)) / (2 * apq);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.hypot(1, tau));
  const c = 1 / Math.hypot(1, t);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const [x, y] = [a[k * n + p] as number, a[k * n + q] as number];
    a[k * n + p] = c * x - s * y;
    a[k * n + q] = s * x + c * y;
  }
  for (const matrix of [a, rows]) {
    for (let k = 0; k < n; k++) {
      const [x, y] = [matrix[p * n + k] as number, matrix[q * n + k] as number];
      matrix[p * n + k] = c * x - s * y;
      matrix[q * n + k] = s * x + c * y;
    }
  }
  // Zero by construction; rounding would leave a floor above which the sum of squares can't sink.
  a[p * n + q] = 0;
  a[q * n + p] = 0;
}

/** Householder reflections (Golub and Van Loan, 5.2), with the signs turned so that R's diagonal is not negative. */
function householder(a: Float64Array, rows: number, columns: number): QrFactors {
  const k = Math.min(rows, columns);
  const work = Float64Array.from(a);
  const reflectors: Float64Array[] = [];
  for (let j = 0; j < k; j++) {
    const v = new Float64Array(rows);
    let norm = 0;
    for (let i = j; i < rows; i++) {
      v[i] = work[i * columns + j] as number;
      norm = Math.hypot(norm, v[i] as number);
    }
    v[j] = (v[j] as number) + ((v[j] as number) >= 0 ? norm : -norm);
    reflect(work, columns, v, j);
    reflectors.push(v);
  }
  const q = new Float64Array(rows * k);
  for (let j = 0; j < k; j++) q[j * k + j] = 1;
  for (let j = k - 1; j >= 0; j--) reflect(q, k, reflectors[j] as Float64Array, j);
  const r = new Float64Array(k * columns);
  for (let i = 0; i < k; i++) {
    const sign = (work[i * columns + i] as number) < 0 ? -1 : 1;
    for (let j = i; j < columns; j++) r[i * columns + j] = sign * (work[i * columns + j] as number);
    for (let row = 0; row < rows; row++) q[row * k + i] = sign * (q[row * k + i] as number);
  }
  return { q, r };
}

/** matrix <- (I - 2 v v^T / v^T v) matrix; v is zero before `first`. */
function reflect(matrix: Float64Array, columns: number, v: Float64Array, first: number): void {
  let length = 0;
  for (let i = first; i < v.length; i++) length += (v[i] as number) ** 2;
  if (length === 0) return;
  const sums = new Float64Array(columns);
  for (let i = first; i < v.length; i++) addScaled(sums, v[i] as number, matrix, i * columns);
  for (let i = first; i < v.length; i++) {
    const row = matrix.subarray(i * columns, (i + 1) * columns);
    addScaled(row, (-2 * (v[i] as number)) / length, sums, 0);
  }
}
