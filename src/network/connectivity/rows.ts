/** Who connects to whom, as rows of targets, one row for each source. */
import { accumulate } from '../../kernels/offsets.ts';
import { NetworkError } from '../errors.ts';

/** More synapses than this do not fit the 32-bit offsets of a row. */
const MAX_SYNAPSES = 2 ** 32 - 1;

/** Synapses by source. Targets ascend within a row; a target may come more than once. */
export interface Rows {
  /** [sources + 1]: where each row begins; the last entry is the number of synapses. */
  readonly offsets: Uint32Array<ArrayBuffer>;
  readonly targets: Uint32Array<ArrayBuffer>;
  /** A weight for each synapse, where the rule brings them. */
  readonly weights?: Float64Array<ArrayBuffer>;
  /** A delay (ms) for each synapse, where the rule brings them. */
  readonly delaysMs?: Float64Array<ArrayBuffer>;
}

/** What is connected. */
export interface Ends {
  readonly sources: number;
  readonly targets: number;
  /** Source j and target j + selfShift are the same neuron, where there is such a target. */
  readonly selfShift: number;
  /** Names the projection in errors. */
  readonly place: string;
}

/** Appends rows one after the other; grows as it must. */
export class RowWriter {
  readonly #offsets: Uint32Array<ArrayBuffer>;
  readonly #place: string;
  #targets: Uint32Array<ArrayBuffer>;
  #rows = 0;
  #used = 0;

  /** @param expected how many synapses there will probably be */
  constructor(ends: Ends, expected: number) {
    this.#offsets = new Uint32Array(ends.sources + 1);
    this.#place = ends.place;
    this.#targets = this.#allocate(Math.ceil(expected));
  }

  push(target: number): void {
    if (this.#used === this.#targets.length) this.#grow();
    this.#targets[this.#used++] = target;
  }

  /** Ends a row. With `sort`, its targets are brought into order first. */
  endRow(sort = false): void {
    const first = this.#offsets[this.#rows] as number;
    if (sort) this.#targets.subarray(first, this.#used).sort();
    this.#offsets[++this.#rows] = this.#used;
  }

  finish(): Rows {
    return { offsets: this.#offsets, targets: this.#targets.subarray(0, this.#used) };
  }

  #grow(): void {
    const larger = this.#allocate(Math.ceil(this.#used * 1.3) + 1024);
    larger.set(this.#targets);
    this.#targets = larger;
  }

  #allocate(count: number): Uint32Array<ArrayBuffer> {
    checkCount(count, this.#place);
    return new Uint32Array(count);
  }
}

/** @throws {NetworkError} for more synapses than can be addressed */
export function checkCount(count: number, place: string): void {
  if (count > MAX_SYNAPSES) {
    throw new NetworkError(
      `${place} has ${count} synapses: lower the number of neurons or connections to ${MAX_SYNAPSES} synapses at most`,
    );
  }
}

/** Rows of targets out of columns of sources, both as in {@link Rows}: the same synapses seen from the other side. */
export function transposed(
  columns: { readonly offsets: Uint32Array; readonly sources: Uint32Array },
  sources: number,
): Rows {
  const offsets = new Uint32Array(sources + 1);
  for (let s = 0; s < columns.sources.length; s++) {
    const source = columns.sources[s] as number;
    offsets[source + 1] = (offsets[source + 1] as number) + 1;
  }
  accumulate(offsets);
  const cursor = offsets.slice(0, sources);
  const targets = new Uint32Array(columns.sources.length);
  const count = columns.offsets.length - 1;
  // Targets are visited in ascending order, so each row comes out in order.
  for (let target = 0; target < count; target++) {
    const end = columns.offsets[target + 1] as number;
    for (let s = columns.offsets[target] as number; s < end; s++) {
      const source = columns.sources[s] as number;
      const place = cursor[source] as number;
      targets[place] = target;
      cursor[source] = place + 1;
    }
  }
  return { offsets, targets };
}
