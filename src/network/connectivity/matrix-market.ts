/**
 * Matrix Market files (.mtx), as described by Boisvert, Pozo and Remington, "The Matrix Market exchange formats" (NIST,
 * 1996): coordinate or array; real, integer or pattern; general, symmetric or skew-symmetric.
 */
import { NetworkError } from '../errors.ts';
import type { MatrixEntries } from './given.ts';
import { readBytes } from './read-file.ts';

const NEWLINE = 10;
const SPACE = 32;
const PERCENT = 37;
const FORMATS = ['coordinate', 'array'];
const FIELDS = ['real', 'integer', 'pattern'];
const SYMMETRIES = ['general', 'symmetric', 'skew-symmetric'];

/** @throws {NetworkError} naming the line of what is wrong */
export function readMatrixMarket(path: string): MatrixEntries {
  return parseMatrixMarket(readBytes(path), path);
}

/** Reads the bytes of a file; `path` names it in errors. */
export function parseMatrixMarket(bytes: Buffer, path: string): MatrixEntries {
  const scanner = new Scanner(bytes, path);
  const header = scanner.line().trim().toLowerCase().split(/\s+/);
  const [banner, object, format = '', field = '', symmetry = ''] = header;
  if (banner !== '%%matrixmarket' || object !== 'matrix') {
    scanner.fail('does not begin with "%%MatrixMarket matrix": give a Matrix Market file');
  }
  oneOf(scanner, format, FORMATS);
  oneOf(scanner, field, format === 'array' ? FIELDS.slice(0, 2) : FIELDS);
  oneOf(scanner, symmetry, SYMMETRIES);
  scanner.skipComments();
  const rows = scanner.whole('the number of rows');
  const columns = scanner.whole('the number of columns');
  if (symmetry !== 'general' && rows !== columns) {
    scanner.fail(`has a ${symmetry} matrix of ${rows} x ${columns}: make it square`);
  }
  const entries = new Entries(rows, columns, field !== 'pattern', symmetry);
  if (format === 'coordinate') {
    const count = scanner.whole('the number of entries');
    for (let e = 0; e < count; e++) {
      const row = scanner.whole('a row', 1, rows) - 1;
      const column = scanner.whole('a column', 1, columns) - 1;
      entries.add(row, column, field === 'pattern' ? 1 : scanner.real());
    }
  } else {
    // Column by column; below the diagonal only, where the rest follows by symmetry.
    const skipped = { general: 0, symmetric: 0, 'skew-symmetric': 1 }[symmetry] as number;
    for (let column = 0; column < columns; column++) {
      const first = symmetry === 'general' ? 0 : column + skipped;
      for (let row = first; row < rows; row++) {
        const value = scanner.real();
        if (value !== 0) entries.add(row, column, value);
      }
    }
  }
  scanner.end();
  return entries.finish();
}

function oneOf(scanner: Scanner, word: string, known: readonly string[]): void {
  if (!known.includes(word)) {
    scanner.fail(
      `has ${word === '' ? 'too few words' : `"${word}"`} in its header: give ${known.join(', ')}`,
    );
  }
}

/** Entries as they come, and their mirror images in symmetric matrices. */
class Entries {
  readonly #rows: number;
  readonly #columns: number;
  readonly #mirror: number;
  #row = new Uint32Array(1024);
  #column = new Uint32Array(1024);
  #values: Float64Array<ArrayBuffer> | undefined;
  #used = 0;

  constructor(rows: number, columns: number, hasValues: boolean, symmetry: string) {
    this.#rows = rows;
    this.#columns = columns;
    this.#mirror = symmetry === 'general' ? 0 : symmetry === 'symmetric' ? 1 : -1;
    this.#values = hasValues ? new Float64Array(1024) : undefined;
  }

  add(row: number, column: number, value: number): void {
    this.#push(row, column, value);
    if (this.#mirror !== 0 && row !== column) this.#push(column, row, this.#mirror * value);
  }

  finish(): MatrixEntries {
    return {
      rows: this.#rows,
      columns: this.#columns,
      row: this.#row.subarray(0, this.#used),
      column: this.#column.subarray(0, this.#used),
      values: this.#values?.subarray(0, this.#used),
    };
  }

  #push(row: number, column: number, value: number): void {
    if (this.#used === this.#row.length) this.#grow();
    this.#row[this.#used] = row;
    this.#column[this.#used] = column;
    if (this.#values !== undefined) this.#values[this.#used] = value;
    this.#used += 1;
  }

  #grow(): void {
    const length = this.#used * 2;
    const [row, column, values] = [this.#row, this.#column, this.#values];
    this.#row = new Uint32Array(length);
    this.#row.set(row);
    this.#column = new Uint32Array(length);
    this.#column.set(column);
    if (values === undefined) return;
    this.#values = new Float64Array(length);
    this.#values.set(values);
  }
}

/** Words and numbers out of the bytes of a text, with the line where it stands. */
class Scanner {
  readonly #bytes: Buffer;
  readonly #path: string;
  #at = 0;
  #line = 1;

  constructor(bytes: Buffer, path: string) {
    this.#bytes = bytes;
    this.#path = path;
  }

  fail(what: string): never {
    throw new NetworkError(`${this.#path} line ${this.#line} ${what}`);
  }

  /** The rest of the line. */
  line(): string {
    const start = this.#at;
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] !== NEWLINE) this.#at++;
    const text = this.#bytes.toString('latin1', start, Math.min(this.#at, start + 200));
    return text;
  }

  /** Lines that begin with %. */
  skipComments(): void {
    for (;;) {
      this.#skipBlank();
      if (this.#bytes[this.#at] !== PERCENT) return;
      this.line();
    }
  }

  whole(what: string, least = 0, most = 2 ** 32 - 1): number {
    const word = this.#word(what);
    const value = Number(word);
    if (!Number.isInteger(value) || value < least || value > most) {
      this.fail(`has ${word} for ${what}: give a whole number from ${least} to ${most}`);
    }
    return value;
  }

  real(): number {
    const word = this.#word('a value');
    const value = Number(word);
    if (!Number.isFinite(value)) this.fail(`has ${word} for a value: give a finite number`);
    return value;
  }

  /** Nothing may follow. */
  end(): void {
    this.#skipBlank();
    if (this.#at < this.#bytes.length)
      this.fail('goes on after the last entry: mend the numbers in its size line');
  }

  #word(what: string): string {
    this.#skipBlank();
    if (this.#at === this.#bytes.length) this.fail(`ends where ${what} should be: mend the file`);
    const start = this.#at;
    while (this.#at < this.#bytes.length && (this.#bytes[this.#at] as number) > SPACE) this.#at++;
    return this.#bytes.toString('latin1', start, this.#at);
  }

  #skipBlank(): void {
    while (this.#at < this.#bytes.length) {
      const byte = this.#bytes[this.#at] as number;
      if (byte > SPACE) return;
      if (byte === NEWLINE) this.#line += 1;
      this.#at += 1;
    }
  }
}
