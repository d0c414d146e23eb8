/**
 * Connections that depend on distance. Targets stand in a tree of rectangles; candidates are picked in a rectangle with
 * the highest probability that it can have for the source, and kept with the share of it that is theirs (thinning). A
 * rectangle that would give more than one candidate is taken apart first. That is exact, without a cut-off, and the
 * work grows with the connections, not with the pairs.
 */
import type { Draws } from '../../random/draws.ts';
import { ensure, requirePositive, requireProbability } from '../errors.ts';
import type { Positions } from '../positions.ts';
import { type Ends, type Rows, RowWriter } from './rows.ts';
import type { DistanceDependent } from './rules.ts';

/** Targets in a rectangle that is not taken apart any further. */
const LEAF_SIZE = 8;
/** Candidates that a rectangle may be expected to give before it is taken apart. */
const MOST_CANDIDATES = 1;

export interface Places {
  readonly sources: Positions | undefined;
  readonly targets: Positions | undefined;
}

export function connectByDistance(
  rule: DistanceDependent,
  ends: Ends,
  places: Places,
  draws: Draws,
  projection: number,
): Rows {
  const { place, selfShift } = ends;
  const { peak, width, wrap = false, selfConnections = false } = rule;
  requireProbability(peak, `${place}: peak`);
  requirePositive(width, `${place}: width`);
  const from = placed(places.sources, place, 'source');
  const to = placed(places.targets, place, 'target');
  ensure(
    !wrap || (from.width === to.width && from.height === to.height),
    () =>
      `${place} wraps sheets of ${from.width} x ${from.height} and ${to.width} x ${to.height}: make them equal`,
  );
  const probability = kernelOf(rule);
  const across = new Axis(to.width, wrap);
  const down = new Axis(to.height, wrap);
  const tree = new Rectangles(to);
  const rows = new RowWriter(ends, 1024);
  const stack = new Uint32Array(2 * Math.ceil(Math.log2(ends.targets + 2)) + 8);
  for (let source = 0; source < ends.sources; source++) {
    const x = from.x[source] as number;
    const y = from.y[source] as number;
    const self = selfConnections ? -1 : source + selfShift;
    draws.at(source, projection);
    // What is left of an exponential draw: candidates come at a rate, so one draw serves many rectangles.
    let ahead = draws.exponential();
    stack[0] = 0;
    for (let depth = ends.targets > 0 ? 1 : 0; depth > 0; ) {
      const node = stack[--depth] as number;
      const { first, size } = tree.span(node);
      const nearX = across.toSpan(x, tree.low(node, 0), tree.high(node, 0));
      const nearY = down.toSpan(y, tree.low(node, 1), tree.high(node, 1));
      const highest = probability(nearX * nearX + nearY * nearY);
      const rate = -Math.log1p(-highest);
      if (size > LEAF_SIZE && size * rate > MOST_CANDIDATES) {
        stack[depth++] = tree.second(node);
        stack[depth++] = node + 1;
        continue;
      }
      // A rate of infinity (a peak of 1) picks every target, and of 0 none.
      for (let candidate = 0; ; candidate++) {
        const left = candidate < size ? (size - candidate) * rate : 0;
        if (ahead >= left) {
          ahead -= left;
          break;
        }
        candidate += Math.min(size - candidate - 1, Math.floor(ahead / rate));
        const target = tree.neurons[first + candidate] as number;
        const dx = across.between(x, to.x[target] as number);
        const dy = down.between(y, to.y[target] as number);
        if (draws.unit() * highest < probability(dx * dx + dy * dy) && target !== self) rows.push(target);
        ahead = draws.exponential();
      }
    }
    rows.endRow(true);
  }
  return rows.finish();
}

/** Probability by the square of the distance. */
function kernelOf({ kernel, peak, width }: DistanceDependent): (squared: number) => number {
  if (kernel === 'gaussian') {
    const scale = -1 / (2 * width * width);
    return (squared) => peak * Math.exp(squared * scale);
  }
  return (squared) => peak * Math.exp(-Math.sqrt(squared) / width);
}

function placed(positions: Positions | undefined, place: string, side: string): Positions {
  ensure(
    positions !== undefined,
    () =>
      `${place} depends on distance, but its ${side} population has no positions: give it grid(...) or sheet(...)`,
  );
  return positions;
}

/** Distances along one side of the sheet. */
class Axis {
  readonly #length: number;
  readonly #wrap: boolean;

  constructor(length: number, wrap: boolean) {
    this.#length = length;
    this.#wrap = wrap;
  }

  between(a: number, b: number): number {
    const distance = Math.abs(a - b);
    return this.#wrap ? Math.min(distance, this.#length - distance) : distance;
  }

  /** To the nearest point between two others. */
  toSpan(a: number, low: number, high: number): number {
    if (a >= low && a <= high) return 0;
    return Math.min(this.between(a, low), this.between(a, high));
  }
}

/**
 * A binary tree of rectangles over places: each node has its neurons side by side in `neurons`, and its halves, split
 * at the median of the longer side, stand at node + 1 and `second(node)`.
 */
class Rectangles {
  readonly neurons: Uint32Array;
  readonly #spans: { readonly first: number; readonly size: number }[] = [];
  readonly #second: number[] = [];
  /** [node][axis][low, high] */
  readonly #bounds: number[] = [];

  constructor({ x, y }: Positions) {
    this.neurons = Uint32Array.from({ length: x.length }, (_, i) => i);
    if (x.length > 0) this.#divide(0, x.length, [x, y]);
  }

  span(node: number): { readonly first: number; readonly size: number } {
    return this.#spans[node] as { first: number; size: number };
  }

  second(node: number): number {
    return this.#second[node] as number;
  }

  low(node: number, axis: 0 | 1): number {
    return this.#bounds[4 * node + 2 * axis] as number;
  }

  high(node: number, axis: 0 | 1): number {
    return this.#bounds[4 * node + 2 * axis + 1] as number;
  }

  #divide(first: number, size: number, places: readonly [Float64Array, Float64Array]): void {
    const node = this.#spans.length;
    const own = this.neurons.subarray(first, first + size);
    this.#spans.push({ first, size });
    this.#second.push(0);
    for (const place of places) {
      let low = Infinity;
      let high = -Infinity;
      for (const i of own) {
        low = Math.min(low, place[i] as number);
        high = Math.max(high, place[i] as number);
      }
      this.#bounds.push(low, high);
    }
    if (size <= LEAF_SIZE) return;
    const wide = this.high(node, 0) - this.low(node, 0) >= this.high(node, 1) - this.low(node, 1);
    const place = places[wide ? 0 : 1];
    own.sort((a, b) => (place[a] as number) - (place[b] as number) || a - b);
    const half = size >> 1;
    this.#divide(first, half, places);
    this.#second[node] = this.#spans.length;
    this.#divide(first + half, size - half, places);
  }
}
