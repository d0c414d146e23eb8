import { describe, expect, it } from 'vitest';
import type { Observation } from '../../src/search/history.ts';
import { RandomStream, SEARCH_STREAMS } from '../../src/search/random.ts';
import { Observed } from '../../src/search/surrogate.ts';

/** Points on a coarse grid, so that many are equally far from the centre. */
function observations(count: number): Observation[] {
  const random = new RandomStream(count, SEARCH_STREAMS.initial, 0);
  return Array.from({ length: count }, (_, id) => ({
    id,
    unit: Float64Array.from({ length: 3 }, () => random.integer(4) / 4),
    origin: 'random',
    status: 'complete',
    objective: id,
    constraints: [],
    cost: undefined,
    feasible: true,
    violation: 0,
  }));
}

describe('the points that a model holds', () => {
  const all = observations(200);
  const centre = Float64Array.of(0.25, 0.5, 0.75);
  const distance = ({ unit }: Observation) =>
    unit.reduce((sum, u, k) => sum + (u - (centre[k] as number)) ** 2, 0);

  it.each([1, 7, 60, 99, 100, 150])(
    'are the %i nearest of those that have the output, in their order',
    (limit) => {
      const observed = new Observed(all, centre);
      const places = Array.from({ length: 100 }, (_, i) => 2 * i + 1);
      const output = { places, y: Float64Array.from(places, (place) => place / 1000) };
      const { points, y } = observed.nearest(output, limit);
      const expected = places
        .map((place) => all[place] as Observation)
        .toSorted((a, b) => distance(a) - distance(b) || a.id - b.id)
        .slice(0, limit)
        .toSorted((a, b) => a.id - b.id);
      expect(points.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      expect(Array.from(y)).toEqual(expected.map(({ id }) => id / 1000));
    },
  );
});
