/** Between a study's trials and its optimizer: what the store keeps of a proposal, and what the optimizer is told. */
import type { Outcome, Proposal, SearchHistory } from '../search/index.ts';
import type { TrialRecord } from './store.ts';
import type { Hyperparameters, JsonObject, JsonValue, TrialOutcome } from './trial.ts';

/** What is stored of a proposal besides its values; {@link historyOf} makes the proposal of it again. */
export function proposalRecord({ id, unit, origin, detail }: Proposal): JsonObject {
  return { id, unit, origin, detail: (detail ?? null) as JsonValue };
}

/** What the optimizer is told of a trial's outcome. */
export function outcomeOf(
  { values, proposal }: Pick<TrialRecord, 'values' | 'proposal'>,
  outcome: TrialOutcome,
): Outcome {
  return {
    id: (proposal as unknown as Proposal).id,
    values,
    status: outcome.state,
    ...(outcome.objective === undefined ? {} : { objective: outcome.objective }),
    constraints: outcome.constraints,
    cost: outcome.seconds,
  };
}

/** What the optimizer of a study asked and was told, from the study's trials. */
export function historyOf(trials: readonly TrialRecord[]): SearchHistory {
  const proposals = trials.map(({ proposal, values }): Proposal => {
    // The store gives back what `proposalRecord` made.
    const { id, unit, origin, detail } = proposal as unknown as Omit<Proposal, 'values'>;
    return { id, values: values as Hyperparameters, unit, origin, ...(detail ? { detail } : {}) };
  });
  const told = trials.filter(({ finishOrder }) => finishOrder !== undefined);
  return {
    proposals: proposals.sort((a, b) => a.id - b.id),
    outcomes: told
      .toSorted((a, b) => (a.finishOrder as number) - (b.finishOrder as number))
      .map((trial) => outcomeOf(trial, trial.outcome as TrialOutcome)),
  };
}
