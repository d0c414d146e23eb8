/** Runs in figures: the best feasible value, the first feasible evaluation, medians and quartiles over seeds. */
import type { Run, TracePoint } from './plan.ts';

export function bestAt(trace: readonly TracePoint[], count = trace.length): number {
  let best = Number.POSITIVE_INFINITY;
  for (const { f, feasible } of trace.slice(0, count)) if (feasible) best = Math.min(best, f);
  return best;
}

function firstFeasible(trace: readonly TracePoint[]): number {
  const index = trace.findIndex(({ feasible }) => feasible);
  return index < 0 ? Number.POSITIVE_INFINITY : index + 1;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low === high ? low : low + (at - Math.floor(at)) * (high - low);
}

export interface Cell {
  readonly seeds: number;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly firstFeasible: number;
  readonly seconds: number;
}

export function cellOf(runs: readonly Run[], count?: number): Cell | undefined {
  if (runs.length === 0) return undefined;
  const finals = runs.map(({ trace }) => bestAt(trace, count));
  return {
    seeds: runs.length,
    median: quantile(finals, 0.5),
    low: quantile(finals, 0.25),
    high: quantile(finals, 0.75),
    firstFeasible: quantile(
      runs.map(({ trace }) => firstFeasible(trace)),
      0.5,
    ),
    seconds: quantile(
      runs.map(({ seconds }) => seconds),
      0.5,
    ),
  };
}
