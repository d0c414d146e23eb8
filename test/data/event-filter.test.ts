import { expect, it } from 'vitest';
import { type CameraEvents, EventWriter } from '../../src/data/event-files.ts';
import { denoised } from '../../src/data/event-filter.ts';
import { Draws } from '../../src/random/draws.ts';

/** Events in the order of time, several at once among them. */
function randomEvents(count: number, side: number, seed: number): CameraEvents {
  const draws = new Draws([seed, 0], 98);
  const writer = new EventWriter(count);
  let time = 0;
  for (let event = 0; event < count; event++) {
    time += Math.floor(3 * draws.unit()) * 100;
    writer.add(
      Math.floor(draws.unit() * side),
      Math.floor(draws.unit() * side),
      Number(draws.unit() < 0.5),
      time,
    );
  }
  return writer.done();
}

/** By its definition: every event against all those before it. */
function plainly({ x, y, timesUs }: CameraEvents, withinUs: number): number[] {
  return [...timesUs.keys()].filter((event) => {
    for (let other = 0; other < event; other++) {
      const distance =
        Math.abs((x[event] as number) - (x[other] as number)) +
        Math.abs((y[event] as number) - (y[other] as number));
      const since = (timesUs[event] as number) - (timesUs[other] as number);
      if (distance === 1 && since < withinUs) return true;
    }
    return false;
  });
}

it.each([
  [1, 500],
  [2, 5000],
  [3, 100_000],
])('what has a neighbour is kept, as by every pair of events (seed %i, %i us)', (seed, withinUs) => {
  const events = randomEvents(800, 12, seed);
  const expected = plainly(events, withinUs);
  const found = denoised(events, 12, withinUs);
  expect(expected.length).toBeGreaterThan(0);
  expect(expected.length).toBeLessThan(800);
  expect([...found.timesUs]).toEqual(expected.map((event) => events.timesUs[event]));
  expect([...found.x]).toEqual(expected.map((event) => events.x[event]));
  expect([...found.y]).toEqual(expected.map((event) => events.y[event]));
  expect([...found.polarity]).toEqual(expected.map((event) => events.polarity[event]));
});

it('a neighbour is one of four, strictly within the time, not the pixel itself; what is outside is dropped', () => {
  const writer = new EventWriter(6);
  writer.add(3, 3, 1, 0);
  writer.add(3, 3, 1, 100);
  writer.add(4, 4, 1, 200);
  writer.add(4, 3, 0, 5099);
  writer.add(4, 2, 0, 10_099);
  writer.add(4, 5, 0, 201);
  const kept = (side: number) => [...denoised(writer.done(), side, 5000).timesUs];
  expect(kept(8)).toEqual([5099, 201]);
  expect(kept(4)).toEqual([]);
});
