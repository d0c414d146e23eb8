/** Noise of event cameras: events that nothing beside them explains. */
import { type CameraEvents, copyEvent, EventWriter } from './event-files.ts';

/**
 * Keeps an event where one of its four neighbours (left, right, above, below; not the pixel itself) had an event earlier
 * in the list and less than `withinUs` before it: the background activity filter of Delbruck (2008), as the recorded
 * experiments used it. What is dropped still vouches for later neighbours. One pass; the last time of each pixel is kept.
 *
 * The program of those experiments also keeps whatever falls into the first `withinUs` of its clock; here nothing is.
 *
 * @param events in the order of time
 * @param side rows and columns of the camera; events outside are dropped
 * @param withinUs us
 */
export function denoised(events: CameraEvents, side: number, withinUs: number): CameraEvents {
  const { x, y, timesUs } = events;
  // A frame of pixels around the field, which never have an event, saves asking for the edges.
  const width = side + 2;
  const last = new Float64Array(width * width).fill(Number.NEGATIVE_INFINITY);
  const kept = new EventWriter(timesUs.length);
  timesUs.forEach((time, event) => {
    const [column, row] = [x[event] as number, y[event] as number];
    if (column >= side || row >= side) return;
    const at = (row + 1) * width + column + 1;
    const latest = Math.max(
      last[at - 1] as number,
      last[at + 1] as number,
      last[at - width] as number,
      last[at + width] as number,
    );
    if (time - latest < withinUs) copyEvent(events, event, kept);
    last[at] = time;
  });
  return kept.done();
}
