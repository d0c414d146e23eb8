/** Rows of synapses, by source, cut into parts of their targets. */
import { type CompiledNetwork, targetOf } from './recurrent-network.ts';

export interface CutRows {
  /** [neurons * parts + 1]: where the synapses of each source on each part begin. */
  readonly rows: Uint32Array;
  /** [synapse]: its place in the cut rows; undefined where rows are whole. */
  readonly places: Uint32Array | undefined;
}

/** Groups the synapses of each row by the part of their targets; within a part the order stays. */
export function cutRows(
  { synapses, neurons }: CompiledNetwork,
  { parts, partNeurons }: { readonly parts: number; readonly partNeurons: number },
): CutRows {
  const { rows, words } = synapses;
  if (parts === 1) return { rows, places: undefined };
  const cut = new Uint32Array(neurons * parts + 1);
  const places = new Uint32Array(words.length);
  const next = new Uint32Array(parts);
  const partOf = (place: number) => Math.floor(targetOf(words[place] as number) / partNeurons);
  for (let source = 0; source < neurons; source++) {
    const [begin, end] = [rows[source] as number, rows[source + 1] as number];
    next.fill(0);
    for (let place = begin; place < end; place++) {
      const part = partOf(place);
      next[part] = (next[part] as number) + 1;
    }
    let at = begin;
    for (let part = 0; part < parts; part++) {
      cut[source * parts + part] = at;
      const count = next[part] as number;
      next[part] = at;
      at += count;
    }
    for (let place = begin; place < end; place++) {
      const part = partOf(place);
      places[place] = next[part] as number;
      next[part] = (next[part] as number) + 1;
    }
  }
  cut[neurons * parts] = words.length;
  return { rows: cut, places };
}
