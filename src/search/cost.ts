/**
 * Cost-aware choice, after the asynchronous multi-fidelity search of Firmin, Boulet and Talbi (2024): a gain is divided
 * by the predicted cost to the power of an exponent that follows the share of the budget spent. Early and late in the
 * budget cheap trials are preferred; in the middle the cost hardly matters.
 */
import type { PathValues } from './surrogate.ts';

const GAMMA = 1.9;
const STEEPNESS = 1000;
const POWER = 12;

/** The exponent of the cost at a share (0 to 1) of the budget: about 0.9 at 5 %, 0 at 60 %, 1 from 90 % on. */
export function costExponent(share: number): number {
  const x = Math.min(1, Math.max(0, share));
  const late = x ** POWER;
  const temperature =
    (GAMMA * x * Math.exp(-Math.sqrt(STEEPNESS) * late)) / (x + Math.exp(-STEEPNESS * late));
  return 1 - Math.min(1, Math.max(0, temperature));
}

/**
 * Sample paths as the cost sees them. `costs` (positive, shape [points]) belong to the points; the values of path p at
 * point i stand at p * points + i, or at i where each point has one path. Gains over `best` are divided by the cost,
 * losses multiplied; so are violations.
 */
export function weighByCost(values: PathValues, costs: Float64Array, best: number): PathValues {
  const costOf = (i: number) => costs[i % costs.length] as number;
  return {
    objective: values.objective?.map((f, i) => {
      const gain = f - best;
      return gain > 0 ? gain / costOf(i) : gain * costOf(i);
    }),
    constraints: values.constraints.map((c) => c.map((v, i) => (v > 0 ? v * costOf(i) : v))),
  };
}
