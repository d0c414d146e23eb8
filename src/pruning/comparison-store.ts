/**
 * Where a comparison is kept: a file of JSON lines, the first of which says what is compared. A record is on the disk before
 * anybody hears of it, and a comparison goes on where it stood.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import type { ComparisonRecord, ComparisonSpec, Variant } from './comparison.ts';
import { PruningError } from './errors.ts';

export class ComparisonStore {
  readonly file: string;
  readonly #records: ComparisonRecord[] = [];

  /**
   * Makes the file, or finds what is in it. More seeds, methods or densities than before are no other comparison.
   *
   * @throws {PruningError} when the file is of another comparison, naming what differs, or none at all
   */
  constructor(file: string, spec: ComparisonSpec) {
    this.file = file;
    const { methods: _, densities: __, seeds: ___, ...kept } = spec;
    if (!existsSync(file)) {
      this.#append({ kind: 'comparison', ...kept });
      return;
    }
    const text = readFileSync(file, 'utf8');
    // A line that a crash cut off was never told to anybody.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole));
    const [head, ...records] = whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line, index) => this.#parse(line, index + 1));
    const { kind, ...known } = (head ?? {}) as { kind?: string } & Record<string, unknown>;
    if (kind !== 'comparison') {
      throw new PruningError(`${file} is no comparison: give another --results`);
    }
    for (const [name, value] of Object.entries(kept)) {
      const [before, now] = [known[name], value].map((one) => JSON.stringify(one));
      if (before === now) continue;
      throw new PruningError(
        `${file} holds a comparison with ${name} ${before}, not ${now}: give another --results, or the same ${name}`,
      );
    }
    for (const record of records) this.#records.push(record as ComparisonRecord);
  }

  get records(): readonly ComparisonRecord[] {
    return this.#records;
  }

  has({ method, density }: Variant, seed: number): boolean {
    return this.#records.some(
      (record) => record.method === method && record.density === density && record.seed === seed,
    );
  }

  add(records: readonly ComparisonRecord[]): void {
    for (const record of records) this.#append(record);
    this.#records.push(...records);
  }

  #append(value: object): void {
    const handle = openSync(this.file, 'a');
    try {
      writeSync(handle, `${JSON.stringify(value)}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }

  #parse(line: string, number: number): unknown {
    try {
      return JSON.parse(line);
    } catch (cause) {
      throw new PruningError(`${this.file} line ${number} is no JSON: give another --results`, { cause });
    }
  }
}
