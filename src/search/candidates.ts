/** Candidate points in a trust region: Sobol points of which only some coordinates leave the centre. */
import type { RandomStream } from './random.ts';
import type { Box } from './region.ts';
import { SobolSequence } from './sobol.ts';
import type { SearchSpace } from './space.ts';

/** Expected number of coordinates that leave the centre, in many dimensions (TuRBO). */
const EXPECTED_MOVES = 20;

/** Candidates for one proposal, unless the settings say otherwise: TuRBO's number. */
export function candidateCount(dimensions: number): number {
  return Math.min(5000, Math.max(2000, 200 * dimensions));
}

/**
 * `count` snapped candidates, shape [count, dimensions]: the first `global` of them anywhere in the cube, the rest in a
 * box. Each coordinate of those leaves the centre with a probability drawn for the candidate, at most min(1, 20/d) and
 * smaller ones more often; at least one always does. Steps along few axes are what lets some thousand points search a
 * region of ten dimensions (`docs/optimizer.md`).
 */
export function candidatesInBox(
  space: SearchSpace,
  box: Box,
  count: number,
  global: number,
  random: RandomStream,
  scramble: { readonly seed: number; readonly index: number },
): Float64Array {
  const d = space.dimensions;
  const { categorical } = space;
  const units = new SobolSequence(d, scramble).points(0, count);
  for (let i = 0; i < global; i++) space.snap(units.subarray(i * d, (i + 1) * d));
  for (let i = global; i < count; i++) {
    const unit = units.subarray(i * d, (i + 1) * d);
    const probability = Math.min(1, EXPECTED_MOVES / d) * random.uniform() ** 2;
    const always = random.integer(d);
    for (let j = 0; j < d; j++) {
      const moves = random.uniform() < probability || j === always;
      if (!moves) {
        unit[j] = box.centre[j] as number;
      } else if (!categorical[j]) {
        const low = box.lower[j] as number;
        unit[j] = low + ((box.upper[j] as number) - low) * (unit[j] as number);
      }
    }
    space.snap(unit);
  }
  return units;
}

/** `count` snapped points around each of several points, within `share` of the box's sides, in or out of the box. */
export function pointsAround(
  space: SearchSpace,
  box: Box,
  points: readonly Float64Array[],
  share: number,
  count: number,
  random: RandomStream,
): Float64Array {
  const d = space.dimensions;
  const { categorical } = space;
  const out = new Float64Array(points.length * count * d);
  for (const [p, point] of points.entries()) {
    for (let i = 0; i < count; i++) {
      const at = (p * count + i) * d;
      const unit = out.subarray(at, at + d);
      unit.set(point);
      const probability = random.uniform();
      const always = random.integer(d);
      for (let j = 0; j < d; j++) {
        if (categorical[j] || (random.uniform() >= probability && j !== always)) continue;
        const side = (box.upper[j] as number) - (box.lower[j] as number);
        unit[j] = (point[j] as number) + share * side * (random.uniform() - 0.5);
      }
      space.snap(unit);
    }
  }
  return out;
}
