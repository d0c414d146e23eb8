/**
 * Connections that depend on distance. Targets are sorted into cells; in a cell, candidates are picked with the
 * highest probability that the cell can have for the source, and kept with the share of it that is theirs (thinning).
 * That is exact, without a cut-off, and the work grows with the connections and the cells, not with the pairs.
 */
import type { Draws } from '../../random/draws.ts';
import { ensure, requirePositive, requireProbability } from '../errors.ts';
import type { Positions } from '../positions.ts';
import { type Ends, type Rows, RowWriter } from './rows.ts';
import type { DistanceDependent } from './rules.ts';

/** Targets in a cell, about. */
const CELL_SIZE = 16;

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
  const cells = new Cells(to);
  const rows = new RowWriter(ends, 1024);
  for (let source = 0; source < ends.sources; source++) {
    const x = from.x[source] as number;
    const y = from.y[source] as number;
    const self = selfConnections ? -1 : source + selfShift;
    draws.at(source, projection);
    // What is left of an exponential draw: candidates come at a rate, cell after cell, so one draw serves many cells.
    let ahead = draws.exponential();
    for (let cell = 0; cell < cells.count; cell++) {
      const first = cells.starts[cell] as number;
      const size = (cells.starts[cell + 1] as number) - first;
      if (size === 0) continue;
      const column = cell % cells.columns;
      const row = (cell - column) / cells.columns;
      const nearX = across.toSpan(x, column * cells.width, (column + 1) * cells.width);
      const nearY = down.toSpan(y, row * cells.height, (row + 1) * cells.height);
      const highest = probability(nearX * nearX + nearY * nearY);
      const rate = -Math.log1p(-highest);
      // A rate of infinity (a peak of 1) picks every target, and of 0 none.
      let candidate = 0;
      for (;;) {
        const left = (size - candidate) * rate;
        if (ahead >= left) {
          ahead -= left;
          break;
        }
        candidate += rate === Infinity ? 0 : Math.floor(ahead / rate);
        if (candidate >= size) break;
        const target = cells.neurons[first + candidate] as number;
        const dx = across.between(x, to.x[target] as number);
        const dy = down.between(y, to.y[target] as number);
        if (draws.unit() * highest < probability(dx * dx + dy * dy) && target !== self) rows.push(target);
        ahead = draws.exponential();
        candidate += 1;
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

/** Neurons sorted into the cells of a lattice, row by row. */
class Cells {
  readonly columns: number;
  readonly count: number;
  readonly width: number;
  readonly height: number;
  /** [count + 1]: where each cell begins in `neurons`. */
  readonly starts: Uint32Array;
  readonly neurons: Uint32Array;

  constructor({ x, y, width, height }: Positions) {
    const wanted = Math.max(1, x.length / CELL_SIZE);
    this.columns = Math.max(1, Math.round(Math.sqrt((wanted * width) / height)));
    const rows = Math.max(1, Math.round(wanted / this.columns));
    this.count = this.columns * rows;
    this.width = width / this.columns;
    this.height = height / rows;
    const cellOf = (i: number): number => {
      const column = Math.min(this.columns - 1, Math.floor((x[i] as number) / this.width));
      const row = Math.min(rows - 1, Math.floor((y[i] as number) / this.height));
      return row * this.columns + column;
    };
    this.starts = new Uint32Array(this.count + 1);
    for (let i = 0; i < x.length; i++) {
      const cell = cellOf(i);
      this.starts[cell + 1] = (this.starts[cell + 1] as number) + 1;
    }
    for (let c = 0; c < this.count; c++) {
      this.starts[c + 1] = (this.starts[c + 1] as number) + (this.starts[c] as number);
    }
    const cursor = this.starts.slice();
    this.neurons = new Uint32Array(x.length);
    for (let i = 0; i < x.length; i++) {
      const cell = cellOf(i);
      const at = cursor[cell] as number;
      this.neurons[at] = i;
      cursor[cell] = at + 1;
    }
  }
}
