/** What every store does, whatever database is behind it; each operation belongs in one transaction. */
import type { Insertable, Kysely, Selectable } from 'kysely';
import {
  type FinishedTrial,
  type RecordedEnd,
  type StartedTrial,
  type StudyContents,
  StudyError,
  type StudySpec,
  type StudySummary,
  type TrialQuery,
  type TrialRecord,
} from './store.ts';
import { all, change, first, insert, type Operation, update } from './store-operation.ts';
import type { StoreSchema } from './store-schema.ts';
import { studyDifferences } from './study-difference.ts';
import type { JsonObject, JsonValue, TrialState } from './trial.ts';
import { readTrials, rowsOfOutcome } from './trial-rows.ts';

type StudyRow = Selectable<StoreSchema['study']>;
type TrialRow = Insertable<StoreSchema['trial']>;

export class StoreOperations {
  readonly #queries: Kysely<StoreSchema>;
  /** Where the store is, for messages. */
  readonly #location: string;
  /** Whether an error of the database says that a row of that key is there. */
  readonly #isTaken: (error: unknown) => boolean;
  readonly #ids = new Map<string, number>();

  constructor(queries: Kysely<StoreSchema>, location: string, isTaken: (error: unknown) => boolean) {
    this.#queries = queries;
    this.#location = location;
    this.#isTaken = isTaken;
  }

  *openStudy(spec: StudySpec): Operation<{ readonly resumed: boolean }> {
    const row = yield* this.#findRow(spec.name);
    if (row === undefined) {
      yield* insert('study', [rowOf(spec, Date.now())]);
      return { resumed: false };
    }
    this.#refuseOther(specOf(row), spec);
    const trials = { trials: spec.trials };
    yield* change(this.#queries.updateTable('study').set(trials).where('id', '=', row.id));
    return { resumed: true };
  }

  *studies(): Operation<readonly StudySummary[]> {
    const summaries: StudySummary[] = [];
    for (const row of yield* all(this.#queries.selectFrom('study').selectAll().orderBy('id'))) {
      summaries.push(yield* this.#summary(row));
    }
    return summaries;
  }

  *study(name: string): Operation<StudySummary> {
    return yield* this.#summary(yield* this.row(name));
  }

  *trials(name: string, query: TrialQuery): Operation<readonly TrialRecord[]> {
    return yield* readTrials(this.#queries, (yield* this.row(name)).id, query);
  }

  *trial(name: string, number: number): Operation<TrialRecord> {
    const { id } = yield* this.row(name);
    const [trial] = yield* readTrials(this.#queries, id, { history: true, number });
    if (trial === undefined) {
      const trials = yield* this.#next(id, 'number');
      const remedy = trials === 0 ? 'it has none yet' : `give a number from 0 to ${trials - 1}`;
      throw new StudyError('unknown-trial', `study ${name} has no trial ${number}: ${remedy}`);
    }
    return trial;
  }

  *begin(name: string, trials: readonly StartedTrial[], optimizer: JsonValue): Operation<void> {
    const id = yield* this.id(name);
    try {
      const rows = trials.map((trial) => trialRow(id, { ...trial, state: 'running' }));
      yield* insert('trial', rows);
    } catch (error) {
      if (!this.#isTaken(error)) throw error;
      const numbers = trials.map(({ number }) => number);
      const which = numbers.length === 1 ? `trial ${numbers[0]}` : `one of the trials ${numbers.join(', ')}`;
      throw new StudyError(
        'conflict',
        `${which} of study ${name} was begun before: another process is searching in ${this.#location}; let one finish, or give another --name`,
        { cause: error },
      );
    }
    yield* this.#saveOptimizer(id, optimizer);
  }

  *finish(
    name: string,
    finished: readonly FinishedTrial[],
    optimizer: JsonValue,
  ): Operation<readonly RecordedEnd[]> {
    const id = yield* this.id(name);
    const from = yield* this.#next(id, 'finish_order');
    const ends = finished.map(({ number }, index): RecordedEnd => {
      return { number, finishedAt: Date.now(), finishOrder: from + index };
    });
    yield* this.#finishTrials(name, id, finished, ends);
    yield* this.#insertOutcomes(id, finished);
    yield* this.#saveOptimizer(id, optimizer);
    return ends;
  }

  *optimizer(name: string): Operation<JsonValue | undefined> {
    return yield* this.#optimizerOf((yield* this.row(name)).id);
  }

  *contents(name: string): Operation<StudyContents> {
    const row = yield* this.row(name);
    const trials = yield* readTrials(this.#queries, row.id, { history: true });
    const optimizer = yield* this.#optimizerOf(row.id);
    return { spec: specOf(row), createdAt: row.created_at, trials, optimizer };
  }

  *restore({ spec, createdAt, trials, optimizer }: StudyContents): Operation<void> {
    if ((yield* this.#findRow(spec.name)) !== undefined) {
      throw new StudyError(
        'conflict',
        `${this.#location} has a study ${spec.name} already: nothing is written over; give another store`,
      );
    }
    yield* insert('study', [rowOf(spec, createdAt)]);
    const { id } = yield* this.row(spec.name);
    yield* insert(
      'trial',
      trials.map((trial) => trialRow(id, trial)),
    );
    yield* this.#insertOutcomes(
      id,
      trials.flatMap(({ number, outcome }) => (outcome === undefined ? [] : [{ number, outcome }])),
    );
    if (optimizer !== undefined) yield* this.#saveOptimizer(id, optimizer);
  }

  /**
   * The number under which the tables have a study; it never changes.
   *
   * @throws {StudyError} `unknown-study`
   */
  *id(name: string): Operation<number> {
    const known = this.#ids.get(name) ?? (yield* this.row(name)).id;
    this.#ids.set(name, known);
    return known;
  }

  /** @throws {StudyError} `unknown-study` */
  *row(name: string): Operation<StudyRow> {
    const row = yield* this.#findRow(name);
    if (row !== undefined) return row;
    const names = yield* all(this.#queries.selectFrom('study').select('name').orderBy('id'));
    const remedy =
      names.length === 0
        ? 'it has none; give another --db'
        : `it has ${names.map((study) => study.name).join(', ')}`;
    throw new StudyError('unknown-study', `there is no study ${name} in ${this.#location}: ${remedy}`);
  }

  *#findRow(name: string): Operation<StudyRow | undefined> {
    return yield* first(this.#queries.selectFrom('study').selectAll().where('name', '=', name));
  }

  *#finishTrials(
    name: string,
    study: number,
    finished: readonly FinishedTrial[],
    ends: readonly RecordedEnd[],
  ): Operation<void> {
    const rows = finished.map(({ number, outcome }, index) => ({
      study,
      number,
      state: outcome.state,
      finished_at: ends[index]?.finishedAt ?? null,
      finish_order: ends[index]?.finishOrder ?? null,
      objective: realOf(outcome.objective),
      reason: outcome.reason ?? null,
      seconds: realOf(outcome.seconds),
      device: outcome.device,
    }));
    const queryOf = (index: number) => {
      const { study: _, number, ...set } = rows[index] as (typeof rows)[number];
      const query = this.#queries.updateTable('trial').set(set).where('study', '=', study);
      return query.where('number', '=', number).where('state', '=', 'running');
    };
    const key = ['study', 'number'];
    const changed = yield* update({ table: 'trial', rows, key, state: 'running', queryOf });
    if (changed === finished.length) return;
    const numbers = finished.map(({ number }) => number);
    const query = this.#queries.selectFrom('trial').select(['number', 'state', 'finish_order']);
    const there = yield* all(query.where('study', '=', study).where('number', 'in', numbers));
    for (const [index, number] of numbers.entries()) {
      const trial = there.find((row) => row.number === number);
      if (trial?.finish_order === ends[index]?.finishOrder) continue;
      throw new StudyError(
        'not-running',
        `trial ${number} of study ${name} ${trial === undefined ? 'was never begun' : `is ${trial.state}`}: an outcome is recorded once, for a trial that is running`,
      );
    }
  }

  /** What belongs to outcomes besides the trials' own rows. */
  *#insertOutcomes(study: number, finished: readonly FinishedTrial[]): Operation<void> {
    const rows = finished.map(({ number, outcome }) => rowsOfOutcome(study, number, outcome));
    for (const table of ['trial_constraint', 'accuracy', 'phase', 'layer', 'chunk'] as const) {
      yield* insert(
        table,
        rows.flatMap((parts): readonly object[] => parts[table]),
      );
    }
  }

  *#optimizerOf(study: number): Operation<JsonValue | undefined> {
    const query = this.#queries.selectFrom('optimizer_state').select('state').where('study', '=', study);
    const row = yield* first(query);
    return row === undefined ? undefined : (JSON.parse(row.state) as JsonValue);
  }

  *#saveOptimizer(study: number, optimizer: JsonValue): Operation<void> {
    const state = JSON.stringify(optimizer);
    yield* change(
      this.#queries
        .insertInto('optimizer_state')
        .values({ study, state })
        .onConflict((conflict) => conflict.column('study').doUpdateSet({ state })),
    );
  }

  /** One more than the last position in an order of trials: that of their beginnings, or of their ends. */
  *#next(study: number, order: 'number' | 'finish_order'): Operation<number> {
    // One maximum a query: SQLite looks a single one up in an index, and reads the whole table for two.
    const query = this.#queries.selectFrom('trial').select(({ fn }) => fn.max(order).as('last'));
    return ((yield* first(query.where('study', '=', study)))?.last ?? -1) + 1;
  }

  *#summary(row: StudyRow): Operation<StudySummary> {
    const counts: Record<TrialState, number> = { waiting: 0, running: 0, complete: 0, silent: 0, failed: 0 };
    const byState = yield* all(
      this.#queries
        .selectFrom('trial')
        .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
        .where('study', '=', row.id)
        .groupBy('state'),
    );
    for (const { state, count } of byState) counts[state] = count;
    const best = yield* this.#best(row.id);
    return {
      spec: specOf(row),
      createdAt: row.created_at,
      counts,
      ...(best === undefined ? {} : { best }),
    };
  }

  *#best(study: number): Operation<TrialRecord | undefined> {
    const row = yield* first(
      this.#queries
        .selectFrom('trial')
        .select('number')
        .where('study', '=', study)
        .where('state', '=', 'complete')
        .where('objective', 'is not', null)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('trial_constraint')
                .select('position')
                .whereRef('trial_constraint.study', '=', 'trial.study')
                .whereRef('trial_constraint.trial', '=', 'trial.number')
                // A constraint that is not a number is not met.
                .where(({ or, eb }) => or([eb('graded', '>', 0), eb('graded', 'is', null)])),
            ),
          ),
        )
        .orderBy('objective', 'desc')
        .orderBy('number')
        .limit(1),
    );
    if (row === undefined) return undefined;
    return (yield* readTrials(this.#queries, study, { history: false, number: row.number }))[0];
  }

  #refuseOther(stored: StudySpec, given: StudySpec): void {
    const [difference, ...others] = studyDifferences(stored, given);
    if (difference === undefined) return;
    const more = others.length === 0 ? '' : `, and differs in ${others.map(({ place }) => place).join(', ')}`;
    throw new StudyError(
      'conflict',
      `study ${stored.name} in ${this.#location} has ${difference.place} = ${difference.stored}, not ${difference.given}${more}: give another --name, or go on with the stored one as it is: tacet search ${stored.name}`,
    );
  }
}

function rowOf({ name, recipe, space, settings, optimizer, seed, trials }: StudySpec, createdAt: number) {
  return {
    name,
    recipe,
    space: JSON.stringify(space),
    settings: JSON.stringify(settings),
    optimizer: JSON.stringify(optimizer),
    seed,
    trials,
    created_at: createdAt,
  } satisfies Insertable<StoreSchema['study']>;
}

function specOf({ name, recipe, space, settings, optimizer, seed, trials }: StudyRow): StudySpec {
  return {
    name,
    recipe,
    space: JSON.parse(space) as JsonObject,
    settings: JSON.parse(settings) as JsonObject,
    optimizer: JSON.parse(optimizer) as JsonObject,
    seed,
    trials,
  };
}

function trialRow(study: number, trial: TrialRecord): TrialRow {
  const { number, state, values, seed, proposal, startedAt, finishedAt, finishOrder, outcome } = trial;
  return {
    study,
    number,
    state,
    values: JSON.stringify(values),
    seed,
    proposal: JSON.stringify(proposal),
    started_at: startedAt,
    finished_at: finishedAt ?? null,
    finish_order: finishOrder ?? null,
    objective: realOf(outcome?.objective),
    reason: outcome?.reason ?? null,
    seconds: realOf(outcome?.seconds),
    device: outcome?.device ?? null,
  };
}

/** SQL has no NaN: null stands for one. */
function realOf(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
