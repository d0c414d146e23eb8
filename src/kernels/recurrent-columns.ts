/** The synapses of networks by target, for the kernel `recurrent_gather`. */
import { type CompiledNetwork, classOf, synapseWord, targetOf } from './recurrent-network.ts';

export interface PackedColumns {
  /** For each network [neuron] and the end: where the synapses on each neuron begin. */
  readonly columns: Uint32Array<ArrayBuffer>;
  /** [synapse]: source and class. */
  readonly inputs: Uint32Array<ArrayBuffer>;
  /** [synapse]: its place among the synapses by source; empty unless some have weights of their own. */
  readonly places: Uint32Array<ArrayBuffer>;
}

/** Transposes rows that are not cut into parts. Within a column synapses are in the order of their sources. */
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
    const columns = packed.columns.subarray(first, first + neurons + 1);
    for (const word of words) columns[targetOf(word) + 1] = (columns[targetOf(word) + 1] as number) + 1;
    for (let neuron = 0; neuron < neurons; neuron++) {
      columns[neuron + 1] = (columns[neuron + 1] as number) + (columns[neuron] as number);
    }
    const next = columns.slice();
    for (let source = 0; source < neurons; source++) {
      for (let place = rows[source] as number; place < (rows[source + 1] as number); place++) {
        const word = words[place] as number;
        const at = next[targetOf(word)] as number;
        next[targetOf(word)] = at + 1;
        packed.inputs[base + at] = synapseWord(source, classOf(word));
        if (weighted) packed.places[base + at] = place;
      }
    }
    first += neurons + 1;
    base += words.length;
  }
  return packed;
}
