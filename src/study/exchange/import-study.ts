/** Puts a study that came from elsewhere into a store, so that it can be looked at, and searched on. */
import { createOptimizer, type OptimizerName, type SearchSpace } from '../../search/index.ts';
import { proposalRecord } from '../search-history.ts';
import { type Store, StudyError, type StudySpec } from '../store.ts';
import type { Hyperparameters, JsonValue, TrialOutcome } from '../trial.ts';
import type { WholeStudy } from './json-lines.ts';

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
 * Writes a foreign study. Its optimizer knows all its trials as if it had proposed them itself, and begins with its trust
 * region whole: a search of this study is warm-started.
 *
 * @throws {StudyError} `conflict` when the store has a study of that name
 */
export function importForeign(store: Store, { spec, space, trials }: ForeignStudy): void {
  refuseTaken(store, spec.name);
  const fresh = createOptimizer(spec.optimizer.name as OptimizerName, space, {
    seed: spec.seed,
    constraints: trials[0]?.outcome.constraints.length ?? 0,
  }).save() as Readonly<Record<string, JsonValue>>;
  const started = trials.map(({ values, startedAt }, number) => ({
    number,
    values,
    seed: 0,
    proposal: proposalRecord({
      id: number,
      values,
      unit: Array.from(space.toUnit(values)),
      origin: 'imported',
    }),
    startedAt,
  }));
  const state = (told: number) => ({ ...fresh, asked: trials.length, told });
  store.openStudy(spec);
  store.begin(spec.name, started, state(0));
  const finished = trials.map(({ outcome, finishedAt }, number) => ({ number, outcome, finishedAt }));
  store.finish(spec.name, finished, state(trials.length));
}

/**
 * Writes a study that was exported as JSON lines: the same in everything.
 *
 * @throws {StudyError} `conflict` when the store has a study of that name
 */
export function importWhole(store: Store, { spec, trials, optimizer }: WholeStudy): void {
  refuseTaken(store, spec.name);
  store.openStudy(spec);
  store.begin(spec.name, trials, optimizer);
  const ended = trials
    .filter(({ finishOrder }) => finishOrder !== undefined)
    .sort((a, b) => (a.finishOrder as number) - (b.finishOrder as number));
  const finished = ended.flatMap(({ number, outcome, finishedAt }) =>
    outcome === undefined || finishedAt === undefined ? [] : [{ number, outcome, finishedAt }],
  );
  store.finish(spec.name, finished, optimizer);
}

function refuseTaken(store: Store, name: string): void {
  if (!store.studies().some(({ spec }) => spec.name === name)) return;
  throw new StudyError('conflict', `${store.location} has a study ${name}: give another --name`);
}
