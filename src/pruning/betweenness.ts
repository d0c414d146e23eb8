/**
 * Betweenness centrality (Brandes, "A faster algorithm for betweenness centrality", 2001): for each node the sum, over
 * ordered pairs of other nodes, of the share of the shortest paths between them that pass through it. Not normalized.
 */
import { DeviceError } from '../device/device.ts';
import { loadAddon } from '../device/native/addon.ts';
import { checkValues, outgoing, type SynapseGraph } from './synapse-graph.ts';

/**
 * The betweenness of each node: on all threads of the native engine, or in TypeScript where it isn't built.
 *
 * @param lengths [edge], above 0: 1 / |w| for paths along strong synapses. Absent: all the same.
 */
export async function betweenness(graph: SynapseGraph, lengths?: Float64Array): Promise<Float64Array> {
  const { offsets, neighbours, edges } = outgoing(graph);
  if (lengths) checkValues('length', lengths, neighbours.length);
  const ordered = lengths && Float64Array.from(edges, (edge) => lengths[edge] as number);
  try {
    return await new (loadAddon().Graphs)(0).betweenness(offsets, neighbours, ordered);
  } catch (failure) {
    if (!(failure instanceof DeviceError)) throw failure;
    return betweennessInTypeScript(graph, lengths);
  }
}

/** The same, plainly. */
export function betweennessInTypeScript(graph: SynapseGraph, lengths?: Float64Array): Float64Array {
  const { nodes } = graph;
  const { offsets, neighbours, edges } = outgoing(graph);
  const lengthOf = (place: number): number => lengths?.[edges[place] as number] ?? 1;
  const sums = new Float64Array(nodes);
  for (let source = 0; source < nodes; source++) {
    const distance = new Float64Array(nodes).fill(Infinity);
    const paths = new Float64Array(nodes);
    distance[source] = 0;
    paths[source] = 1;
    const order: number[] = [];
    const done = new Uint8Array(nodes);
    const queue = new NearestFirst();
    queue.push(0, source);
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      if (done[node]) continue;
      done[node] = 1;
      order.push(node);
      for (let place = offsets[node] as number; place < (offsets[node + 1] as number); place++) {
        const next = neighbours[place] as number;
        const reached = (distance[node] as number) + lengthOf(place);
        if (reached < (distance[next] as number)) {
          distance[next] = reached;
          paths[next] = paths[node] as number;
          queue.push(reached, next);
        } else if (reached === distance[next]) {
          paths[next] = (paths[next] as number) + (paths[node] as number);
        }
      }
    }
    // Dependencies of the source, from the farthest node back.
    const dependency = new Float64Array(nodes);
    for (const node of order.reverse()) {
      let own = 0;
      for (let place = offsets[node] as number; place < (offsets[node + 1] as number); place++) {
        const next = neighbours[place] as number;
        if (distance[next] !== (distance[node] as number) + lengthOf(place)) continue;
        own += ((paths[node] as number) / (paths[next] as number)) * (1 + (dependency[next] as number));
      }
      dependency[node] = own;
      if (node !== source) sums[node] = (sums[node] as number) + own;
    }
  }
  return sums;
}

/** A binary heap of nodes by distance. */
class NearestFirst {
  readonly #entries: { readonly distance: number; readonly node: number }[] = [];

  push(distance: number, node: number): void {
    const entries = this.#entries;
    let at = entries.length;
    entries.push({ distance, node });
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#distance(parent) <= distance) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): number | undefined {
    const entries = this.#entries;
    const nearest = entries[0]?.node;
    const last = entries.pop();
    if (entries.length === 0 || last === undefined) return nearest;
    entries[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = this.#distance(left + 1) < this.#distance(left) ? left + 1 : left;
      if (this.#distance(child) >= this.#distance(at)) return nearest;
      this.#swap(at, child);
      at = child;
    }
  }

  #distance(at: number): number {
    return this.#entries[at]?.distance ?? Infinity;
  }

  #swap(a: number, b: number): void {
    const entries = this.#entries;
    const kept = entries[a] as (typeof entries)[number];
    entries[a] = entries[b] as (typeof entries)[number];
    entries[b] = kept;
  }
}
