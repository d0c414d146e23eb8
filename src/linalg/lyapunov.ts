/**
 * The Lyapunov equation A X + X Aᵀ + Q = 0 of a stable A in plain TypeScript: the squared Smith method, as the native
 * engine has it (`native/src/linalg/lyapunov.rs` states it).
 */
import { checkFinite, LinearAlgebraError } from './errors.ts';

/** X of a Lyapunov equation, with what remains of the equation. */
export interface LyapunovSolution {
  /** n x n, symmetric. */
  readonly x: Float64Array;
  /** |A X + X Aᵀ + Q| / (2 |A| |X| + |Q|) in the Frobenius norm. */
  readonly residual: number;
}

const MAX_STEPS = 40;
const REFINE_ABOVE = 1e-14;
const ACCEPT_BELOW = 1e-9;

/** @throws {LinearAlgebraError} `not-converged` when A is not stable */
export function stableLyapunov(a: Float64Array, n: number, q: Float64Array): LyapunovSolution {
  checkFinite('a', a, n);
  checkFinite('q', q, n);
  if (n === 0) return { x: new Float64Array(0), residual: 0 };
  const x = smith(a, n, q);
  let rest = remainder(a, n, x, q);
  const relative = () => norm(rest) / (2 * norm(a) * norm(x) + norm(q) || 1);
  if (relative() > REFINE_ABOVE) {
    addInto(x, smith(a, n, rest));
    rest = remainder(a, n, x, q);
  }
  const residual = relative();
  if (!(residual <= ACCEPT_BELOW)) throw notStable(n);
  return { x, residual };
}

function notStable(n: number): LinearAlgebraError {
  return new LinearAlgebraError(
    'not-converged',
    `the Lyapunov equation of a ${n} x ${n} matrix has no solution that can be found: make the matrix stable, all real parts of its eigenvalues well below 0`,
  );
}

function smith(a: Float64Array, n: number, q: Float64Array): Float64Array {
  const determinant = a.slice();
  const identity = (): Float64Array => {
    const one = new Float64Array(n * n);
    for (let i = 0; i < n; i++) one[i * n + i] = 1;
    return one;
  };
  const logarithm = eliminate(determinant, n, undefined);
  const p = Number.isFinite(logarithm) ? Math.exp(logarithm / n) : norm(a) || 1;
  const shifted = a.slice();
  for (let i = 0; i < n; i++) shifted[i * n + i] = (shifted[i * n + i] as number) - p;
  // (A - p)^-1 (A + p) = 1 + 2 p (A - p)^-1
  let power = identity();
  eliminate(shifted, n, power);
  const x = timesTransposed(times(power, q, n), power, n).map((value) => 2 * p * value);
  power = power.map((value, place) => 2 * p * value + (place % (n + 1) === 0 ? 1 : 0));
  for (let step = 0; step < MAX_STEPS; step++) {
    const term = timesTransposed(times(power, x, n), power, n);
    const [size, change] = [norm(x), norm(term)];
    if (!Number.isFinite(size + change)) break;
    addInto(x, term);
    if (change <= Number.EPSILON * size) return symmetrized(x, n);
    power = times(power, power, n);
  }
  throw notStable(n);
}

/**
 * Gaussian elimination with partial pivoting, in place: M becomes its triangle, B (n x n), where given, M^-1 B.
 *
 * @returns log |det M|
 */
function eliminate(m: Float64Array, n: number, b: Float64Array | undefined): number {
  let logarithm = 0;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) {
      if (Math.abs(m[i * n + k] as number) > Math.abs(m[pivot * n + k] as number)) pivot = i;
    }
    for (const matrix of b ? [m, b] : [m]) {
      if (pivot === k) continue;
      const row = matrix.slice(k * n, (k + 1) * n);
      matrix.copyWithin(k * n, pivot * n, (pivot + 1) * n);
      matrix.set(row, pivot * n);
    }
    const diagonal = m[k * n + k] as number;
    logarithm += Math.log(Math.abs(diagonal));
    if (diagonal === 0) continue;
    for (let i = k + 1; i < n; i++) {
      const factor = (m[i * n + k] as number) / diagonal;
      if (factor === 0) continue;
      for (let j = k; j < n; j++) m[i * n + j] = (m[i * n + j] as number) - factor * (m[k * n + j] as number);
      if (!b) continue;
      for (let j = 0; j < n; j++) b[i * n + j] = (b[i * n + j] as number) - factor * (b[k * n + j] as number);
    }
  }
  if (!b) return logarithm;
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) {
      const factor = m[i * n + k] as number;
      if (factor === 0) continue;
      for (let j = 0; j < n; j++) b[i * n + j] = (b[i * n + j] as number) - factor * (b[k * n + j] as number);
    }
    const diagonal = m[i * n + i] as number;
    for (let j = 0; j < n; j++) b[i * n + j] = (b[i * n + j] as number) / diagonal;
  }
  return logarithm;
}

/** A X + X Aᵀ + Q for symmetric X. */
function remainder(a: Float64Array, n: number, x: Float64Array, q: Float64Array): Float64Array {
  const product = times(a, x, n);
  return product.map((value, place) => {
    const mirrored = (place % n) * n + Math.floor(place / n);
    return value + (product[mirrored] as number) + (q[place] as number);
  });
}

function times(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const c = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k] as number;
      if (factor === 0) continue;
      for (let j = 0; j < n; j++) c[i * n + j] = (c[i * n + j] as number) + factor * (b[k * n + j] as number);
    }
  }
  return c;
}

function timesTransposed(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const c = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += (a[i * n + k] as number) * (b[j * n + k] as number);
      c[i * n + j] = sum;
    }
  }
  return c;
}

function symmetrized(x: Float64Array, n: number): Float64Array {
  return x.map((value, place) => (value + (x[(place % n) * n + Math.floor(place / n)] as number)) / 2);
}

function addInto(x: Float64Array, y: Float64Array): void {
  for (let place = 0; place < x.length; place++) x[place] = (x[place] as number) + (y[place] as number);
}

function norm(x: Float64Array): number {
  let squares = 0;
  for (const value of x) squares += value * value;
  return Math.sqrt(squares);
}
