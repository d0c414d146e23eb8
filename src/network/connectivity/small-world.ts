/** Directed small worlds on a ring, after Watts and Strogatz, "Collective dynamics of small-world networks" (1998). */
import type { Draws } from '../../random/draws.ts';
import { partStart } from '../distributions.ts';
import { ensure, requireProbability, requireWhole } from '../errors.ts';
import { type Ends, type Rows, RowWriter } from './rows.ts';
import type { ClusteredSmallWorld, SmallWorld } from './rules.ts';

/** The draws of a projection's clusters among themselves stand after those of any neuron. */
const CLUSTER_DRAWS = 2 ** 31;

export function connectSmallWorld(rule: SmallWorld, ends: Ends, draws: Draws, projection: number): Rows {
  const { sources, place } = ends;
  checkRing(ends);
  checkDegree(rule.degree, rule.rewire, sources, place, 'degree');
  const rows = new RowWriter(ends, sources * rule.degree);
  const ring = new Ring(sources, rule.degree, rule.rewire);
  for (let source = 0; source < sources; source++) {
    for (const target of ring.targetsOf(source, draws.at(source, projection))) rows.push(target);
    rows.endRow(true);
  }
  return rows.finish();
}

export function connectClusters(
  rule: ClusteredSmallWorld,
  ends: Ends,
  draws: Draws,
  projection: number,
): Rows {
  const { sources, place } = ends;
  const { clusters, degree, rewire, clusterDegree = 2, betweenDegree } = rule;
  checkRing(ends);
  requireWhole(clusters, 1, `${place}: clusters`);
  requireWhole(betweenDegree, 0, `${place}: betweenDegree`);
  ensure(
    clusters <= sources,
    () => `${place}: clusters is ${clusters}: give at most ${sources}, the number of neurons`,
  );
  const smallest = Math.floor(sources / clusters);
  checkDegree(degree, rewire, smallest, place, 'degree');
  ensure(
    betweenDegree <= smallest,
    () => `${place}: betweenDegree is ${betweenDegree}: give at most ${smallest}, the size of a cluster`,
  );
  if (betweenDegree > 0) checkDegree(clusterDegree, rewire, clusters, place, 'clusterDegree');
  const between = betweenDegree > 0 ? clusterDegree * betweenDegree : 0;
  const rows = new RowWriter(ends, sources * (degree + between));
  const ringOfClusters = new Ring(clusters, betweenDegree > 0 ? clusterDegree : 0, rewire);
  const chosen = new Uint32Array(sources);
  let mark = 0;
  for (let cluster = 0; cluster < clusters; cluster++) {
    const first = partStart(sources, clusters, cluster);
    const size = partStart(sources, clusters, cluster + 1) - first;
    const ring = new Ring(size, degree, rewire);
    const others = [...ringOfClusters.targetsOf(cluster, draws.at(CLUSTER_DRAWS + cluster, projection))];
    for (let i = 0; i < size; i++) {
      draws.at(first + i, projection);
      for (const target of ring.targetsOf(i, draws)) rows.push(first + target);
      mark += 1;
      for (const other of others) {
        const start = partStart(sources, clusters, other);
        const count = partStart(sources, clusters, other + 1) - start;
        for (let k = 0; k < betweenDegree; ) {
          const target = start + draws.below(count);
          if (chosen[target] === mark) continue;
          chosen[target] = mark;
          rows.push(target);
          k++;
        }
      }
      rows.endRow(true);
    }
  }
  return rows.finish();
}

/** Nodes on a ring, each with connections to its neighbours, some of them rewired. */
class Ring {
  readonly #nodes: number;
  readonly #rewire: number;
  readonly #targets: Uint32Array;
  /** Whether a node is the target of the node at hand: the node's number, plus 1. */
  readonly #marked: Uint32Array;

  constructor(nodes: number, degree: number, rewire: number) {
    this.#nodes = nodes;
    this.#rewire = rewire;
    this.#targets = new Uint32Array(degree);
    this.#marked = new Uint32Array(nodes);
  }

  /** The targets of a node, in no order. They are overwritten by the next call. */
  targetsOf(node: number, draws: Draws): Uint32Array {
    const nodes = this.#nodes;
    const marked = this.#marked;
    const targets = this.#targets;
    const mark = node + 1;
    const half = targets.length / 2;
    for (let k = 0; k < half; k++) {
      targets[2 * k] = (node + k + 1) % nodes;
      targets[2 * k + 1] = (node - k - 1 + nodes) % nodes;
    }
    for (const target of targets) marked[target] = mark;
    for (let k = 0; k < targets.length; k++) {
      if (draws.unit() >= this.#rewire) continue;
      let target: number;
      do target = draws.below(nodes);
      while (target === node || marked[target] === mark);
      marked[targets[k] as number] = 0;
      marked[target] = mark;
      targets[k] = target;
    }
    return targets;
  }
}

function checkRing({ sources, targets, selfShift, place }: Ends): void {
  ensure(
    sources === targets && selfShift === 0,
    () => `${place} is a small world between two populations: give the same neurons as sources and targets`,
  );
}

function checkDegree(degree: number, rewire: number, nodes: number, place: string, name: string): void {
  requireWhole(degree, 0, `${place}: ${name}`);
  requireProbability(rewire, `${place}: rewire`);
  ensure(degree % 2 === 0, () => `${place}: ${name} is ${degree}: give an even number, half on each side`);
  const most = rewire > 0 ? nodes - 2 : nodes - 1;
  ensure(
    degree <= Math.max(0, most),
    () => `${place}: ${name} is ${degree} on a ring of ${nodes}: give at most ${Math.max(0, most)}`,
  );
}
