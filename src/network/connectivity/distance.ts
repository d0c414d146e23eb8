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
const LEAF_SIZE = 32;
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
      const first = tree.firsts[node] as number;
      const size = tree.sizes[node] as number;
      const nearX = across.toSpan(x, tree.left[node] as number, tree.right[node] as number);
      const nearY = down.toSpan(y, tree.bottom[node] as number, tree.top[node] as number);
      const highest = probability(nearX * nearX + nearY * nearY);
      const rate = -Math.log1p(-highest);
      if (size > LEAF_SIZE && size * rate > MOST_CANDIDATES) {
        stack[depth++] = tree.seconds[node] as number;
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
 * at the median of the longer side, stand at node + 1 and `seconds[node]`.
 */
class Rectangles {
  readonly neurons: Uint32Array;
  readonly firsts: Uint32Array;
  readonly sizes: Uint32Array;
  readonly seconds: Uint32Array;
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly bottom: Float64Array;
  readonly top: Float64Array;
  #nodes = 0;

  constructor({ x, y }: Positions) {
    const count = x.length;
    // A node's halves have more than LEAF_SIZE / 2 neurons each.
    const most = Math.max(1, Math.ceil((4 * count) / LEAF_SIZE));
    this.neurons = Uint32Array.from({ length: count }, (_, i) => i);
    [this.firsts, this.sizes, this.seconds] = [0, 1, 2].map(() => new Uint32Array(most)) as [
      Uint32Array,
      Uint32Array,
      Uint32Array,
    ];
    [this.left, this.right, this.bottom, this.top] = [0, 1, 2, 3].map(() => new Float64Array(most)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    if (count > 0) this.#divide(0, count, x, y);
  }

  #divide(first: number, size: number, x: Float64Array, y: Float64Array): void {
    const node = this.#nodes++;
    const own = this.neurons.subarray(first, first + size);
    this.firsts[node] = first;
    this.sizes[node] = size;
    const [left, right] = bounds(own, x);
    const [bottom, top] = bounds(own, y);
    this.left[node] = left;
    this.right[node] = right;
    this.bottom[node] = bottom;
    this.top[node] = top;
    if (size <= LEAF_SIZE) return;
    const place = right - left >= top - bottom ? x : y;
    own.sort((a, b) => (place[a] as number) - (place[b] as number) || a - b);
    const half = size >> 1;
    this.#divide(first, half, x, y);
    this.seconds[node] = this.#nodes;
    this.#divide(first + half, size - half, x, y);
  }
}

function bounds(neurons: Uint32Array, place: Float64Array): readonly [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (const i of neurons) {
    low = Math.min(low, place[i] as number);
    high = Math.max(high, place[i] as number);
  }
  return [low, high];
}
