/** The order of trials in tables: feasible ones first, then by objective. */
import type { TrialRecord } from './store.ts';

/** Complete, with an objective and all constraints met (at most 0). */
export function isFeasible({ outcome }: TrialRecord): boolean {
  return (
    outcome?.state === 'complete' &&
    outcome.objective !== undefined &&
    // What is not a number is not met; in data that went through JSON it is null.
    outcome.constraints.every((constraint) => typeof constraint === 'number' && constraint <= 0)
  );
}

/** Negative when `a` comes before `b`: feasible, then the higher objective, then the lower number. */
export function compareTrials(a: TrialRecord, b: TrialRecord): number {
  const byFeasibility = Number(isFeasible(b)) - Number(isFeasible(a));
  if (byFeasibility !== 0) return byFeasibility;
  const objective = (trial: TrialRecord) => trial.outcome?.objective ?? Number.NEGATIVE_INFINITY;
  // The difference of two infinities is no order.
  if (objective(a) !== objective(b)) return objective(b) > objective(a) ? 1 : -1;
  return a.number - b.number;
}

/** The best trials that have an objective, best first. */
export function bestTrials(trials: readonly TrialRecord[], count: number): TrialRecord[] {
  return trials
    .filter((trial) => trial.outcome?.objective !== undefined)
    .sort(compareTrials)
    .slice(0, count);
}
