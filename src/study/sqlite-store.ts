/**
 * The embedded store: one SQLite file, written ahead and flushed to the disk with every finished trial, readable by
 * others while a search writes.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import { SqliteRunner, sqliteQueries } from './node-sqlite-dialect.ts';
import {
  type FinishedTrial,
  type RecordedEnd,
  type StartedTrial,
  type Store,
  StudyError,
  type StudySpec,
  type StudySummary,
  type TrialQuery,
  type TrialRecord,
} from './store.ts';
import { APPLICATION_ID, CREATE_TABLES, SCHEMA_VERSION, type StoreSchema } from './store-schema.ts';
import { studyDifferences } from './study-difference.ts';
import type { JsonObject, JsonValue, TrialOutcome, TrialState } from './trial.ts';
import { readTrials, rowsOfOutcome } from './trial-rows.ts';

/** SQLite's result code of an insert whose primary key is there already (https://sqlite.org/rescode.html). */
const PRIMARY_KEY_TAKEN = 1555;

/** How long a writer waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 10_000;

export interface SqliteStoreOptions {
  /** Whether a missing file is made (the default), or refused because the caller only wants to read. */
  readonly create?: boolean;
}

/**
 * Opens a store in a SQLite file.
 *
 * @throws {StudyError} `bad-store` when the path is a directory, not a database, another program's database, made by
 *   a later version of Tacet, or can't be written to
 * @example
 * using store = openSqliteStore('tacet.db');
 * for (const { spec, counts } of store.studies()) console.log(spec.name, counts.complete);
 */
export function openSqliteStore(path: string, { create = true }: SqliteStoreOptions = {}): Store {
  checkPath(path, create);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    prepareTables(path, database);
    return new SqliteStore(path, database);
  } catch (error) {
    database?.close();
    throw explained(path, error);
  }
}

type StudyRow = StoreSchema['study'];

class SqliteStore implements Store {
  readonly location: string;
  readonly #database: DatabaseSync;
  readonly #runner: SqliteRunner;
  readonly #queries: Kysely<StoreSchema> = sqliteQueries<StoreSchema>();

  constructor(path: string, database: DatabaseSync) {
    this.location = path;
    this.#database = database;
    this.#runner = new SqliteRunner(database);
  }

  openStudy(spec: StudySpec): { readonly resumed: boolean } {
    return this.#write(true, () => {
      const row = this.#findRow(spec.name);
      if (row === undefined) {
        this.#runner.run(
          this.#queries.insertInto('study').values({
            // SQLite takes null for the next free id of an integer primary key.
            id: null as unknown as number,
            name: spec.name,
            recipe: spec.recipe,
            space: JSON.stringify(spec.space),
            settings: JSON.stringify(spec.settings),
            optimizer: JSON.stringify(spec.optimizer),
            seed: spec.seed,
            trials: spec.trials,
            created_at: Date.now(),
          }),
        );
        return { resumed: false };
      }
      this.#refuseOther(specOf(row), spec);
      this.#runner.run(
        this.#queries.updateTable('study').set({ trials: spec.trials }).where('id', '=', row.id),
      );
      return { resumed: true };
    });
  }

  studies(): readonly StudySummary[] {
    return this.#read(() =>
      this.#runner.all(this.#queries.selectFrom('study').selectAll().orderBy('id')).map((row) => {
        return this.#summary(row);
      }),
    );
  }

  study(name: string): StudySummary {
    return this.#read(() => this.#summary(this.#row(name)));
  }

  trials(name: string, query: TrialQuery = {}): readonly TrialRecord[] {
    return this.#read(() => readTrials(this.#runner, this.#queries, this.#row(name).id, query));
  }

  trial(name: string, number: number): TrialRecord {
    return this.#read(() => {
      const { id } = this.#row(name);
      const [trial] = readTrials(this.#runner, this.#queries, id, { history: true, number });
      if (trial === undefined) {
        const trials = this.#next(id, 'number');
        const remedy = trials === 0 ? 'it has none yet' : `give a number from 0 to ${trials - 1}`;
        throw new StudyError('unknown-trial', `study ${name} has no trial ${number}: ${remedy}`);
      }
      return trial;
    });
  }

  begin(name: string, trials: readonly StartedTrial[], optimizer: JsonValue): void {
    this.#write(false, () => {
      const study = this.#row(name).id;
      for (const trial of trials) this.#beginOne(name, study, trial);
      this.#saveOptimizer(study, optimizer);
    });
  }

  finish(name: string, finished: readonly FinishedTrial[], optimizer: JsonValue): readonly RecordedEnd[] {
    return this.#write(true, () => {
      const study = this.#row(name).id;
      const first = this.#next(study, 'finish_order');
      const ends = finished.map(({ number, outcome, finishedAt = Date.now() }, index) => {
        const end = { number, finishedAt, finishOrder: first + index };
        this.#finishOne(name, study, outcome, end);
        return end;
      });
      this.#saveOptimizer(study, optimizer);
      return ends;
    });
  }

  optimizer(name: string): JsonValue | undefined {
    return this.#read(() => {
      const query = this.#queries.selectFrom('optimizer_state').select('state');
      const row = this.#runner.first(query.where('study', '=', this.#row(name).id));
      return row === undefined ? undefined : (JSON.parse(row.state) as JsonValue);
    });
  }

  version(): number {
    return this.#read(() => Number(this.#database.prepare('pragma data_version').get()?.data_version));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #beginOne(name: string, study: number, trial: StartedTrial): void {
    const { number, values, seed, proposal, startedAt } = trial;
    try {
      this.#runner.insert(this.#queries, 'trial', [
        {
          study,
          number,
          state: 'running',
          values: JSON.stringify(values),
          seed,
          proposal: JSON.stringify(proposal),
          started_at: startedAt,
          finished_at: null,
          finish_order: null,
          objective: null,
          reason: null,
          seconds: null,
          device: null,
        },
      ]);
    } catch (error) {
      if (!(error instanceof Error && 'errcode' in error && error.errcode === PRIMARY_KEY_TAKEN)) throw error;
      throw new StudyError(
        'conflict',
        `trial ${number} of study ${name} was begun before: another process is searching in ${this.location}; let one finish, or give another --name`,
        { cause: error },
      );
    }
  }

  #finishOne(name: string, study: number, outcome: TrialOutcome, end: RecordedEnd): void {
    const { number } = end;
    const changed = this.#runner.run(
      this.#queries
        .updateTable('trial')
        .set({
          state: outcome.state,
          finished_at: end.finishedAt,
          finish_order: end.finishOrder,
          objective: outcome.objective ?? null,
          reason: outcome.reason ?? null,
          seconds: outcome.seconds,
          device: outcome.device,
        })
        .where('study', '=', study)
        .where('number', '=', number)
        .where('state', '=', 'running'),
    );
    if (changed === 0) {
      const query = this.#queries.selectFrom('trial').select('state').where('study', '=', study);
      const state = this.#runner.first(query.where('number', '=', number))?.state;
      throw new StudyError(
        'not-running',
        `trial ${number} of study ${name} ${state === undefined ? 'was never begun' : `is ${state}`}: an outcome is recorded once, for a trial that is running`,
      );
    }
    const rows = rowsOfOutcome(study, number, outcome);
    this.#runner.insert(this.#queries, 'trial_constraint', rows.trial_constraint);
    this.#runner.insert(this.#queries, 'accuracy', rows.accuracy);
    this.#runner.insert(this.#queries, 'phase', rows.phase);
    this.#runner.insert(this.#queries, 'layer', rows.layer);
    this.#runner.insert(this.#queries, 'chunk', rows.chunk);
  }

  #saveOptimizer(study: number, optimizer: JsonValue): void {
    const state = JSON.stringify(optimizer);
    this.#runner.run(
      this.#queries
        .insertInto('optimizer_state')
        .values({ study, state })
        .onConflict((conflict) => conflict.column('study').doUpdateSet({ state })),
    );
  }

  #findRow(name: string): StudyRow | undefined {
    return this.#runner.first(this.#queries.selectFrom('study').selectAll().where('name', '=', name));
  }

  #row(name: string): StudyRow {
    const row = this.#findRow(name);
    if (row !== undefined) return row;
    const names = this.#runner.all(this.#queries.selectFrom('study').select('name').orderBy('id'));
    const remedy =
      names.length === 0
        ? 'it has none; give another --db'
        : `it has ${names.map((study) => study.name).join(', ')}`;
    throw new StudyError('unknown-study', `there is no study ${name} in ${this.location}: ${remedy}`);
  }

  /** One more than the last position in an order of trials: that of their beginnings, or of their ends. */
  #next(study: number, order: 'number' | 'finish_order'): number {
    // One maximum a query: SQLite looks a single one up in an index, and reads the whole table for two.
    const query = this.#queries.selectFrom('trial').select(({ fn }) => fn.max(order).as('last'));
    return (this.#runner.first(query.where('study', '=', study))?.last ?? -1) + 1;
  }

  #summary(row: StudyRow): StudySummary {
    const counts: Record<TrialState, number> = { waiting: 0, running: 0, complete: 0, silent: 0, failed: 0 };
    const byState = this.#runner.all(
      this.#queries
        .selectFrom('trial')
        .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
        .where('study', '=', row.id)
        .groupBy('state'),
    );
    for (const { state, count } of byState) counts[state] = count;
    const best = this.#best(row.id);
    return {
      spec: specOf(row),
      createdAt: row.created_at,
      counts,
      ...(best === undefined ? {} : { best }),
    };
  }

  #best(study: number): TrialRecord | undefined {
    const row = this.#runner.first(
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
    return readTrials(this.#runner, this.#queries, study, { history: false, number: row.number })[0];
  }

  #refuseOther(stored: StudySpec, given: StudySpec): void {
    const [first, ...others] = studyDifferences(stored, given);
    if (first === undefined) return;
    const more = others.length === 0 ? '' : `, and differs in ${others.map(({ place }) => place).join(', ')}`;
    throw new StudyError(
      'conflict',
      `study ${stored.name} in ${this.location} has ${first.place} = ${first.stored}, not ${first.given}${more}: give another --name, or the same study to resume it`,
    );
  }

  #read<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw explained(this.location, error);
    }
  }

  #write<Result>(durable: boolean, work: () => Result): Result {
    return this.#read(() => this.#runner.transaction(durable, work));
  }
}

function specOf(row: StudyRow): StudySpec {
  const { name, recipe, seed, trials } = row;
  return {
    name,
    recipe,
    space: JSON.parse(row.space) as JsonObject,
    settings: JSON.parse(row.settings) as JsonObject,
    optimizer: JSON.parse(row.optimizer) as JsonObject,
    seed,
    trials,
  };
}

function checkPath(path: string, create: boolean): void {
  if (path === '') throw new StudyError('bad-store', 'the path of the store is empty: give a file with --db');
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory()) {
    throw new StudyError(
      'bad-store',
      `${path} is a directory: give a file with --db, such as ${path}/tacet.db`,
    );
  }
  if (there !== undefined) return;
  if (!create) {
    throw new StudyError(
      'bad-store',
      `there is no store ${path}: tacet search makes one; or give another --db`,
    );
  }
  if (!existsSync(dirname(path))) {
    throw new StudyError(
      'bad-store',
      `${path} can't be made, there is no directory ${dirname(path)}: make it, or give another --db`,
    );
  }
}

function prepareTables(path: string, database: DatabaseSync): void {
  const pragma = (name: string) => Number(Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0]);
  const state = () => ({ application: pragma('application_id'), version: pragma('user_version') });
  const isEmpty = () => database.prepare('select 1 from sqlite_schema limit 1').get() === undefined;
  const found = state();
  if (found.application === APPLICATION_ID) {
    if (found.version > SCHEMA_VERSION) {
      throw new StudyError(
        'bad-store',
        `${path} was written by a later version of Tacet (tables ${found.version}, this one knows ${SCHEMA_VERSION}): update tacet, or give another --db`,
      );
    }
    return;
  }
  if (!isEmpty()) {
    throw new StudyError('bad-store', `${path} is another program's database: give another --db`);
  }
  database.exec('pragma journal_mode = wal');
  database.exec('begin immediate');
  // Another process may have made the tables while this one waited.
  if (isEmpty()) {
    database.exec(CREATE_TABLES);
    database.exec(`pragma application_id = ${APPLICATION_ID}; pragma user_version = ${SCHEMA_VERSION}`);
  }
  database.exec('commit');
}

/** What to do about SQLite's result codes (https://sqlite.org/rescode.html), by primary code. */
const REMEDIES: Readonly<Record<number, string>> = {
  5: 'is locked by another process: wait for it, or give another --db',
  8: "can't be written to: change its permissions, or give another --db",
  10: "can't be read or written: look at the disk, or give another --db",
  11: 'is damaged: restore it from a copy, or give another --db',
  13: "can't grow, the disk is full: make room and run the same command again",
  14: "can't be opened or made: look at the permissions of its directory, or give another --db",
  26: 'is not a SQLite database: give another --db',
};

function explained(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error;
  const remedy = REMEDIES[Number(error.errcode) & 0xff] ?? 'refused a query: give another --db';
  return new StudyError('bad-store', `${path} ${remedy} (SQLite: ${error.message})`, { cause: error });
}
