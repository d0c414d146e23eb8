/** Where the neurons of a population are: for connections that depend on distance. Any unit of length. */
import { Draws } from '../random/draws.ts';
import { STREAMS, type Words2 } from '../random/philox.ts';
import { ensure, requirePositive, requireWhole } from './errors.ts';

/** Neurons on a rectangular lattice, row by row; neuron 0 at half a spacing from the corner. */
export interface Grid {
  readonly layout: 'grid';
  readonly columns: number;
  readonly rows: number;
  readonly spacing: number;
}

/** Neurons at random places in a rectangle. */
export interface Sheet {
  readonly layout: 'sheet';
  readonly width: number;
  readonly height: number;
}

export type Layout = Grid | Sheet;

/** Places of neurons in a rectangle from (0, 0) to (width, height). */
export interface Positions {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly width: number;
  readonly height: number;
}

/** A lattice of columns x rows neurons. */
export function grid(columns: number, rows: number, spacing = 1): Grid {
  return { layout: 'grid', columns, rows, spacing };
}

/** A rectangle in which each neuron is anywhere, equally likely. */
export function sheet(width: number, height: number): Sheet {
  return { layout: 'sheet', width, height };
}

/**
 * The places of `count` neurons; those of a sheet are drawn by the number of the population.
 *
 * @throws {NetworkError} for a grid of another size
 */
export function placeNeurons(
  layout: Layout,
  count: number,
  key: Words2,
  population: number,
  place: string,
): Positions {
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  if (layout.layout === 'grid') {
    const { columns, rows, spacing } = layout;
    requireWhole(columns, 1, `${place}: columns`);
    requireWhole(rows, 1, `${place}: rows`);
    requirePositive(spacing, `${place}: spacing`);
    ensure(
      columns * rows === count,
      () =>
        `${place}: a grid of ${columns} x ${rows} has ${columns * rows} places for ${count} neurons: make them equal`,
    );
    for (let i = 0; i < count; i++) {
      x[i] = ((i % columns) + 0.5) * spacing;
      y[i] = (Math.floor(i / columns) + 0.5) * spacing;
    }
    return { x, y, width: columns * spacing, height: rows * spacing };
  }
  const { width, height } = layout;
  requirePositive(width, `${place}: width`);
  requirePositive(height, `${place}: height`);
  const draws = new Draws(key, STREAMS.positions);
  for (let i = 0; i < count; i++) {
    draws.at(i, population);
    x[i] = width * draws.unit();
    y[i] = height * draws.unit();
  }
  return { x, y, width, height };
}
