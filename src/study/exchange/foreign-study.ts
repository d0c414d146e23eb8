/** A study of another program as a store takes it, so that it can be looked at, and searched on. */
import { createOptimizer, type OptimizerName, type SearchSpace } from '../../search/index.ts';
import { proposalRecord } from '../search-history.ts';
import type { StudyContents, StudySpec, TrialRecord } from '../store.ts';
import type { Hyperparameters, JsonValue, TrialOutcome } from '../trial.ts';

/** A trial of another program. */
export interface ForeignTrial {
  readonly values: Hyperparameters;
  readonly outcome: TrialOutcome;
  /** Unix time, ms. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** A study of another program, and what of it could not come along. */
export interface ForeignStudy {
  readonly spec: StudySpec;
  readonly space: SearchSpace;
  /** In the order in which they ended. */
  readonly trials: readonly ForeignTrial[];
  /** What was left out and why, a sentence each. */
  readonly leftOut: readonly string[];
}

/**
 * What a store is to hold of a foreign study. Its optimizer knows all its trials as if it had proposed them itself, and
 * begins with its trust region whole: a search of this study is warm-started.
 */
export function contentsOf({ spec, space, trials }: ForeignStudy): StudyContents {
  const fresh = createOptimizer(spec.optimizer.name as OptimizerName, space, {
    seed: spec.seed,
    constraints: trials[0]?.outcome.constraints.length ?? 0,
  }).save() as Readonly<Record<string, JsonValue>>;
  const records = trials.map(({ values, outcome, startedAt, finishedAt }, number): TrialRecord => {
    const unit = Array.from(space.toUnit(values));
    const proposal = proposalRecord({ id: number, values, unit, origin: 'imported' });
    const ended = { startedAt, finishedAt, finishOrder: number };
    return { number, state: outcome.state, values, seed: 0, proposal, ...ended, outcome };
  });
  const createdAt = trials.reduce((first, { startedAt }) => Math.min(first, startedAt), Date.now());
  const optimizer = { ...fresh, asked: trials.length, told: trials.length };
  return { spec, createdAt, trials: records, optimizer };
}
