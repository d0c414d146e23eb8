/** Sparse matrices saved by SciPy (`scipy.sparse.save_npz`): CSR, CSC or COO, compressed or not. */
import { unzipSync } from 'fflate';
import { ensure, NetworkError } from '../errors.ts';
import type { MatrixEntries } from './given.ts';
import { type NumpyArray, parseNpy } from './npy.ts';
import { readBytes } from './read-file.ts';

/** @throws {NetworkError} for a file that holds something else */
export function readScipySparse(path: string): MatrixEntries {
  const members = unzipped(path);
  const member = (name: string): NumpyArray => {
    const bytes = members[`${name}.npy`];
    ensure(
      bytes !== undefined,
      () =>
        `${path} has no array "${name}" (it has ${Object.keys(members).join(', ') || 'none'}): save it with scipy.sparse.save_npz`,
    );
    return parseNpy(bytes, `${path}, array "${name}"`);
  };
  const numbers = (name: string): Float64Array => {
    const { values } = member(name);
    ensure(values instanceof Float64Array, () => `${path}, array "${name}" is a text: give numbers`);
    return values;
  };
  const [rows = 0, columns = 0] = numbers('shape');
  const format = 'format.npy' in members ? member('format').values : guessFormat(members);
  const data = numbers('data');
  if (format === 'coo') {
    const row = indices(numbers('row'), data.length, rows, path, 'row');
    const column = indices(numbers('col'), data.length, columns, path, 'col');
    return { rows, columns, row, column, values: finite(data, path) };
  }
  ensure(
    format === 'csr' || format === 'csc',
    () => `${path} is a sparse matrix of format "${format}": save it as csr, csc or coo`,
  );
  const [major, minor] = format === 'csr' ? [rows, columns] : [columns, rows];
  const inner = indices(numbers('indices'), data.length, minor, path, 'indices');
  const outer = expanded(numbers('indptr'), major, data.length, path);
  const [row, column] = format === 'csr' ? [outer, inner] : [inner, outer];
  return { rows, columns, row, column, values: finite(data, path) };
}

/** Files without a format: CSR where there are pointers to rows, as far as one can tell. */
function guessFormat(members: Readonly<Record<string, Uint8Array>>): string {
  return 'indptr.npy' in members ? 'csr' : 'coo';
}

function unzipped(path: string): Record<string, Uint8Array> {
  try {
    return unzipSync(readBytes(path));
  } catch (cause) {
    if (cause instanceof NetworkError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NetworkError(`${path} is no zip file that can be read (${reason}): save it again with SciPy`, {
      cause,
    });
  }
}

function indices(
  values: Float64Array,
  count: number,
  below: number,
  path: string,
  name: string,
): Uint32Array {
  ensure(
    values.length === count,
    () => `${path}: "${name}" has ${values.length} entries and "data" ${count}: save the matrix again`,
  );
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    ensure(
      Number.isInteger(value) && value >= 0 && value < below,
      () => `${path}: "${name}", entry ${i} is ${value}: save a matrix whose indices are below ${below}`,
    );
  }
  return Uint32Array.from(values);
}

/** The row of each entry, out of the pointers to where rows begin. */
function expanded(pointers: Float64Array, rows: number, entries: number, path: string): Uint32Array {
  const bad = (): never => {
    throw new NetworkError(
      `${path}: "indptr" does not go from 0 to ${entries} in ${rows} steps: save the matrix again`,
    );
  };
  if (pointers.length !== rows + 1 || pointers[0] !== 0 || pointers[rows] !== entries) bad();
  const out = new Uint32Array(entries);
  for (let row = 0; row < rows; row++) {
    const from = pointers[row] as number;
    const to = pointers[row + 1] as number;
    if (!(from <= to && to <= entries)) bad();
    out.fill(row, from, to);
  }
  return out;
}

function finite(values: Float64Array, path: string): Float64Array {
  for (let i = 0; i < values.length; i++) {
    ensure(
      Number.isFinite(values[i]),
      () => `${path}: "data", entry ${i} is ${values[i]}: give finite numbers`,
    );
  }
  return values;
}
