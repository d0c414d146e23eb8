/** The synapses of networks by target. */
import { accumulate } from './offsets.ts';
import { type CompiledNetwork, classOf, synapseWord, targetOf } from './recurrent-network.ts';

/** Synapses by source: those of `source` are at `rows[source * parts]` to `rows[(source + 1) * parts]`. */
interface BySource {
  readonly rows: Uint32Array;
  readonly parts: number;
  readonly words: Uint32Array;
}

/**
 * Puts synapses in the order of their targets; those of one target stay in the order of their sources.
 *
 * @param starts [neurons + 1], zeros; becomes where the synapses on each neuron begin
 * @param includes whether a synapse takes part
 * @param put is told the entry that a synapse has in that order, its place and its source
 */
export function sortByTarget(
  starts: Uint32Array,
  { rows, parts, words }: BySource,
  includes: (word: number) => boolean,
  put: (entry: number, place: number, source: number) => void,
): void {
  for (const word of words) {
    if (includes(word)) starts[targetOf(word) + 1] = (starts[targetOf(word) + 1] as number) + 1;
  }
  accumulate(starts);
  const next = starts.slice();
  for (let source = 0; source * parts + 1 < rows.length; source++) {
    const end = rows[(source + 1) * parts] as number;
    for (let place = rows[source * parts] as number; place < end; place++) {
      const word = words[place] as number;
      if (!includes(word)) continue;
      const entry = next[targetOf(word)] as number;
      next[targetOf(word)] = entry + 1;
      put(entry, place, source);
    }
  }
}

/** What the kernel `recurrent_gather` reads. */
export interface PackedColumns {
  /** For each network [neuron] and the end: where the synapses on each neuron begin. */
  readonly columns: Uint32Array<ArrayBuffer>;
  /** [synapse]: source and class. */
  readonly inputs: Uint32Array<ArrayBuffer>;
  /** [synapse]: its place among the synapses by source; empty unless some have weights of their own. */
  readonly places: Uint32Array<ArrayBuffer>;
}

/** The columns of networks whose rows are whole. */
export function packColumns(networks: readonly CompiledNetwork[]): PackedColumns {
  const synapseCount = networks.reduce((sum, { synapses }) => sum + synapses.words.length, 0);
  const weighted = networks.some(({ synapses }) => synapses.weights !== undefined);
  const packed = {
    columns: new Uint32Array(networks.reduce((sum, { neurons }) => sum + neurons + 1, 0)),
    inputs: new Uint32Array(synapseCount),
    places: new Uint32Array(weighted ? synapseCount : 0),
  };
  let first = 0;
  let base = 0;
  for (const { neurons, synapses } of networks) {
    const { rows, words } = synapses;
    const starts = packed.columns.subarray(first, first + neurons + 1);
    sortByTarget(
      starts,
      { rows, parts: 1, words },
      () => true,
      (entry, place, source) => {
        packed.inputs[base + entry] = synapseWord(source, classOf(words[place] as number));
        if (weighted) packed.places[base + entry] = place;
      },
    );
    first += neurons + 1;
    base += words.length;
  }
  return packed;
}
