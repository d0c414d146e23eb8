/** A series of numbers in a file: text with a number a line or a column of a table, or an array saved by NumPy. */
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { parseNpy } from '../network/connectivity/npy.ts';
import type { Series } from './chaotic-series.ts';

/** A file that is no series: the place and the remedy. */
export class SeriesError extends Error {
  override readonly name = 'DataError';
  readonly code = 'bad-series';
}

/**
 * Reads one series.
 *
 * @param column of a .csv with a header: its name, or its number from 0; the last by default
 * @throws {SeriesError} for a file that can't be read, or a value that is no number
 */
export function readSeries(path: string, column?: string): Series {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new SeriesError(`${path} can't be read (${code}): give a file of numbers`, { cause });
  }
  const name = basename(path, extname(path));
  const values = /\.npy$/i.test(path)
    ? fromNumpy(bytes, path)
    : fromText(bytes.toString('utf8'), path, column);
  if (values.length < 100) {
    throw new SeriesError(`${path} has ${values.length} values: give a series of at least 100`);
  }
  return { name, values, components: 1, interval: 1, lyapunovTime: undefined };
}

function fromNumpy(bytes: Uint8Array, path: string): Float64Array {
  const { shape, values } = parseNpy(bytes, path);
  if (typeof values === 'string' || shape.filter((size) => size !== 1).length > 1) {
    throw new SeriesError(`${path} has the shape ${shape.join(' x ')}: give one series of numbers`);
  }
  return Float64Array.from(values);
}

function fromText(text: string, path: string, column: string | undefined): Float64Array {
  const lines = text.split(/\r?\n/).map((line) => line.split(/[,;\t]/).map((cell) => cell.trim()));
  const rows = lines
    .map((cells, line) => ({ cells, line: line + 1 }))
    .filter(({ cells }) => cells.some((c) => c));
  const head = rows[0]?.cells ?? [];
  const titled = head.some((cell) => Number.isNaN(Number(cell)));
  const named = column === undefined ? head.length - 1 : head.indexOf(column);
  const index = named >= 0 ? named : Number(column);
  if (!(Number.isInteger(index) && index >= 0 && index < head.length)) {
    const known = titled ? head.join(', ') : `0 to ${head.length - 1}`;
    throw new SeriesError(`${path} has no column ${JSON.stringify(column)}: give one of ${known}`);
  }
  return Float64Array.from(rows.slice(titled ? 1 : 0), ({ cells, line }) => {
    const cell = cells[index] ?? '';
    const value = Number(cell);
    if (cell === '' || !Number.isFinite(value)) {
      throw new SeriesError(
        `${path} line ${line}: ${JSON.stringify(cell)} is no number: mend or remove the line`,
      );
    }
    return value;
  });
}
