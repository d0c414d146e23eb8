/**
 * Cholesky factors and triangular solves in plain TypeScript, in place: row-major f64, lower triangles. Synchronous, for
 * {@link TypeScriptLinearAlgebra} and for threads that do nothing else.
 */

/** Columns that are finished before the rows below them are updated: they stay in the first-level cache. */
const BLOCK = 48;

/** Replaces the lower triangle of `a` (shape [n, n]) by its Cholesky factor; false if it has none in f64. */
export function cholesky(a: Float64Array, n: number): boolean {
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(n, start + BLOCK);
    for (let i = start; i < n; i++) {
      const ri = i * n;
      const last = Math.min(i + 1, end);
      for (let j = start; j < last; j++) {
        const rj = j * n;
        let s = a[ri + j] as number;
        for (let k = start; k < j; k++) s -= (a[ri + k] as number) * (a[rj + k] as number);
        if (i === j) {
          if (!(s > 0)) return false;
          a[ri + j] = Math.sqrt(s);
        } else {
          a[ri + j] = s / (a[rj + j] as number);
        }
      }
    }
    // The trailing triangle, four columns at a time.
    for (let i = end; i < n; i++) {
      const ri = i * n;
      let j = end;
      for (; j + 3 <= i; j += 4) {
        const r0 = j * n;
        const r1 = r0 + n;
        const r2 = r1 + n;
        const r3 = r2 + n;
        let s0 = 0;
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        for (let k = start; k < end; k++) {
          const v = a[ri + k] as number;
          s0 += v * (a[r0 + k] as number);
          s1 += v * (a[r1 + k] as number);
          s2 += v * (a[r2 + k] as number);
          s3 += v * (a[r3 + k] as number);
        }
        a[ri + j] = (a[ri + j] as number) - s0;
        a[ri + j + 1] = (a[ri + j + 1] as number) - s1;
        a[ri + j + 2] = (a[ri + j + 2] as number) - s2;
        a[ri + j + 3] = (a[ri + j + 3] as number) - s3;
      }
      for (; j <= i; j++) {
        const rj = j * n;
        let s = 0;
        for (let k = start; k < end; k++) s += (a[ri + k] as number) * (a[rj + k] as number);
        a[ri + j] = (a[ri + j] as number) - s;
      }
    }
  }
  return true;
}

/** Solves L X = B in place, B of shape [n, columns]. */
export function solveLower(l: Float64Array, n: number, b: Float64Array, columns = 1): void {
  for (let i = 0; i < n; i++) {
    const row = i * columns;
    for (let k = 0; k < i; k++) subtractScaled(b, row, l[i * n + k] as number, k * columns, columns);
    const pivot = l[i * n + i] as number;
    for (let j = row; j < row + columns; j++) b[j] = (b[j] as number) / pivot;
  }
}

/** Solves Lᵀ X = B in place, B of shape [n, columns]. */
export function solveLowerTransposed(l: Float64Array, n: number, b: Float64Array, columns = 1): void {
  for (let i = n - 1; i >= 0; i--) {
    const row = i * columns;
    const pivot = l[i * n + i] as number;
    for (let j = row; j < row + columns; j++) b[j] = (b[j] as number) / pivot;
    for (let k = 0; k < i; k++) subtractScaled(b, k * columns, l[i * n + k] as number, row, columns);
  }
}

/** Takes `factor` times the row at `from` off the row at `to`. */
function subtractScaled(b: Float64Array, to: number, factor: number, from: number, columns: number): void {
  for (let j = 0; j < columns; j++) {
    b[to + j] = (b[to + j] as number) - factor * (b[from + j] as number);
  }
}

/** The lower triangle of (L Lᵀ)⁻¹, shape [n, n]. */
export function invertFromFactor(l: Float64Array, n: number): Float64Array {
  // Row i of `m` is row i of L⁻ᵀ, so that both steps walk along rows.
  const m = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const ri = i * n;
    m[ri + i] = 1 / (l[ri + i] as number);
    for (let j = i + 1; j < n; j++) {
      const rj = j * n;
      let s = 0;
      for (let k = i; k < j; k++) s -= (l[rj + k] as number) * (m[ri + k] as number);
      m[ri + j] = s / (l[rj + j] as number);
    }
  }
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const ri = i * n;
    for (let j = 0; j <= i; j++) {
      const rj = j * n;
      let s = 0;
      for (let k = i; k < n; k++) s += (m[ri + k] as number) * (m[rj + k] as number);
      inverse[ri + j] = s;
    }
  }
  return inverse;
}
