/** Orthonormal tangent vectors in double precision, and how often they have to be made so. */

import { Draws } from '../random/draws.ts';
import { keyOf, STREAMS } from '../random/philox.ts';

/** A vector that keeps less than this share of its length beside the others is a direction that was lost. */
const LOST = 1e-14;

/**
 * Orthonormalizes the columns of X (rows x k, row-major) in place: classical Gram-Schmidt with reorthogonalization,
 * "twice is enough" (Giraud, Langou, Rozloznik and van den Eshof 2005). Writes the logarithms of the diagonal of R.
 *
 * A column that depends on those before it has logarithm -Infinity, and is replaced by a unit vector across them, so
 * that the vectors stay a basis.
 *
 * @param logs [k]
 */
export function orthonormalize(x: Float64Array, rows: number, k: number, logs: Float64Array): void {
  const overlaps = new Float64Array(k);
  for (let j = 0; j < k; j++) {
    const before = norm(x, rows, k, j);
    let after = before;
    for (let pass = 0; pass < 2; pass++) after = project(x, rows, k, j, overlaps);
    const lost = !(after > LOST * before);
    logs[j] = lost ? (Number.isFinite(before) ? -Infinity : Number.NaN) : Math.log(after);
    for (let axis = j; lost && Number.isFinite(before); axis++) {
      for (let row = 0; row < rows; row++) x[row * k + j] = row === axis % rows ? 1 : 0;
      project(x, rows, k, j, overlaps);
      after = project(x, rows, k, j, overlaps);
      if (after > 1e-3 / rows) break;
    }
    for (let row = 0; row < rows; row++) x[row * k + j] = (x[row * k + j] as number) / after;
  }
}

/** Takes from column j its components along the columns before. Returns the length that is left. */
function project(x: Float64Array, rows: number, k: number, j: number, overlaps: Float64Array): number {
  overlaps.fill(0, 0, j);
  for (let row = 0; row < rows; row++) {
    const at = row * k;
    const value = x[at + j] as number;
    if (value === 0) continue;
    for (let i = 0; i < j; i++) overlaps[i] = (overlaps[i] as number) + (x[at + i] as number) * value;
  }
  let squares = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * k;
    let value = x[at + j] as number;
    for (let i = 0; i < j; i++) value -= (overlaps[i] as number) * (x[at + i] as number);
    x[at + j] = value;
    squares += value * value;
  }
  return Math.sqrt(squares);
}

function norm(x: Float64Array, rows: number, k: number, j: number): number {
  let squares = 0;
  for (let row = 0; row < rows; row++) squares += (x[row * k + j] as number) ** 2;
  return Math.sqrt(squares);
}

/** Random orthonormal columns, rows x k, row-major: the same for the same seed. */
export function randomOrthonormal(rows: number, k: number, seed: number): Float64Array {
  const draws = new Draws(keyOf(seed), STREAMS.tangentVectors);
  const x = new Float64Array(rows * k);
  for (let row = 0; row < rows; row++) {
    draws.at(row, 0);
    for (let i = 0; i < k; i++) x[row * k + i] = draws.normal();
  }
  orthonormalize(x, rows, k, new Float64Array(k));
  return x;
}

/** So many intervals in a row must have been well below the limit before the interval is doubled. */
const PATIENCE = 8;

/**
 * Steps between two orthonormalizations: given, or found from the condition of the vectors, the spread of the logarithms
 * of R's diagonal. What R's smallest entries lose is the condition times the precision. It grows during the transient
 * only; a spread beyond the limit halves it at any time.
 */
export class Interval {
  steps: number;
  readonly #adapts: boolean;
  readonly #spread: number;
  #most: number;
  #calm = 0;

  /**
   * @param given steps; undefined to find them
   * @param condition the limit
   * @param most steps at the most
   */
  constructor(given: number | undefined, condition: number, most: number) {
    this.#adapts = given === undefined;
    this.steps = given ?? 1;
    this.#spread = Math.log(condition);
    this.#most = Math.max(1, most);
  }

  /** Learns from the growth over one interval. A direction lost in a single step is lost by its Jacobian, and no sign. */
  learn(logs: ArrayLike<number>, settling: boolean): void {
    if (!this.#adapts) return;
    let [low, high, lost] = [Infinity, -Infinity, 0];
    for (let i = 0; i < logs.length; i++) {
      const value = logs[i] as number;
      if (value === -Infinity) lost++;
      else {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    const spread = Math.max(0, high - low);
    if (spread > this.#spread || (lost > 0 && settling && this.steps > 1)) {
      this.steps = Math.max(1, this.steps >> 1);
      this.#most = this.steps;
      this.#calm = 0;
    } else if (settling && 2 * spread < 0.8 * this.#spread && ++this.#calm === PATIENCE) {
      this.steps = Math.min(this.#most, 2 * this.steps);
      this.#calm = 0;
    }
  }
}
