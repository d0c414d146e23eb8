/** Synapses that are given one by one: in arrays, or as a matrix in a file. */
import { accumulate } from '../../kernels/offsets.ts';
import { ensure } from '../errors.ts';
import { readMatrixMarket } from './matrix-market.ts';
import { checkCount, type Ends, type Rows } from './rows.ts';
import type { FromFile, Given } from './rules.ts';
import { readScipySparse } from './scipy-sparse.ts';

/** A sparse matrix as a list of entries, in any order. */
export interface MatrixEntries {
  readonly rows: number;
  readonly columns: number;
  readonly row: Uint32Array;
  readonly column: Uint32Array;
  /** Undefined for a pattern: a matrix without values. */
  readonly values: Float64Array | undefined;
}

export function connectGiven(rule: Given, ends: Ends): Rows {
  const { sources, targets, weights, delaysMs } = rule;
  const { place } = ends;
  const lists = { targets, weights, delaysMs };
  for (const [name, list] of Object.entries(lists)) {
    ensure(
      list === undefined || list.length === sources.length,
      () => `${place}: ${name} is a list of ${list?.length}, sources of ${sources.length}: make them equal`,
    );
  }
  checkIndices(sources, ends.sources, `${place}: sources`);
  checkIndices(targets, ends.targets, `${place}: targets`);
  return sorted(sources, targets, weights, delaysMs, ends);
}

export function connectFromFile(rule: FromFile, ends: Ends): Rows {
  const { path, rows: side = 'sources' } = rule;
  const matrix = readMatrix(path);
  const [sources, targets] =
    side === 'sources' ? [matrix.rows, matrix.columns] : [matrix.columns, matrix.rows];
  ensure(
    sources === ends.sources && targets === ends.targets,
    () =>
      `${ends.place}: ${path} has ${matrix.rows} rows and ${matrix.columns} columns, so with rows as ${side} it connects ${sources} neurons with ${targets}, not ${ends.sources} with ${ends.targets}: give populations or slices of its size`,
  );
  return side === 'sources'
    ? sorted(matrix.row, matrix.column, matrix.values, undefined, ends)
    : sorted(matrix.column, matrix.row, matrix.values, undefined, ends);
}

/**
 * Reads a sparse matrix from a file, by its ending.
 *
 * @throws {NetworkError} for a file that can't be read, or of another kind
 */
export function readMatrix(path: string): MatrixEntries {
  if (/\.mtx$/i.test(path)) return readMatrixMarket(path);
  ensure(
    /\.npz$/i.test(path),
    () =>
      `${path} is no matrix that can be read: give a Matrix Market file (.mtx) or one saved by SciPy (.npz)`,
  );
  return readScipySparse(path);
}

function checkIndices(list: ArrayLike<number>, count: number, place: string): void {
  for (let i = 0; i < list.length; i++) {
    const value = list[i] as number;
    ensure(
      Number.isInteger(value) && value >= 0 && value < count,
      () => `${place}, entry ${i} is ${value}: give a neuron from 0 to ${count - 1}`,
    );
  }
}

/** Entries by source, and by target within a source: counting sort by target, then by source. Equal ones keep their order. */
function sorted(
  sources: ArrayLike<number>,
  targets: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
  delaysMs: ArrayLike<number> | undefined,
  ends: Ends,
): Rows {
  checkCount(sources.length, ends.place);
  const byTarget = orderBy(targets, ends.targets, undefined).order;
  const { order, offsets } = orderBy(sources, ends.sources, byTarget);
  const picked = (list: ArrayLike<number>) => Float64Array.from(order, (i) => list[i] as number);
  return {
    offsets,
    targets: order.map((i) => targets[i] as number),
    ...(weights === undefined ? {} : { weights: picked(weights) }),
    ...(delaysMs === undefined ? {} : { delaysMs: picked(delaysMs) }),
  };
}

/** Indices of a list ordered by their values, a counting sort; those of equal value in the order of `before`. */
function orderBy(list: ArrayLike<number>, count: number, before: Uint32Array | undefined) {
  const offsets = new Uint32Array(count + 1);
  for (let i = 0; i < list.length; i++) {
    const value = list[i] as number;
    offsets[value + 1] = (offsets[value + 1] as number) + 1;
  }
  accumulate(offsets);
  const cursor = offsets.slice();
  const order = new Uint32Array(list.length);
  for (let k = 0; k < list.length; k++) {
    const i = before === undefined ? k : (before[k] as number);
    const value = list[i] as number;
    const at = cursor[value] as number;
    order[at] = i;
    cursor[value] = at + 1;
  }
  return { order, offsets };
}
