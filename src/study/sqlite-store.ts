/**
 * The embedded store: one SQLite file, written ahead and flushed to the disk with every finished trial, readable by
 * others while a search writes.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteRunner, sqliteQueries } from './node-sqlite-dialect.ts';
import {
  type Claim,
  type FinishedTrial,
  type LocalStore,
  type RecordedEnd,
  type StartedTrial,
  type StudyContents,
  StudyError,
  type StudySpec,
  type StudySummary,
  type TrialQuery,
  type TrialRecord,
} from './store.ts';
import { type Operation, runNow, type Step } from './store-operation.ts';
import { StoreOperations } from './store-operations.ts';
import { APPLICATION_ID, CREATE_TABLES, SCHEMA_VERSION, type StoreSchema } from './store-schema.ts';
import type { JsonValue } from './trial.ts';

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
export function openSqliteStore(path: string, { create = true }: SqliteStoreOptions = {}): LocalStore {
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

class SqliteStore implements LocalStore {
  readonly location: string;
  readonly #database: DatabaseSync;
  readonly #runner: SqliteRunner;
  readonly #queries = sqliteQueries<StoreSchema>();
  readonly #operations: StoreOperations;

  constructor(path: string, database: DatabaseSync) {
    this.location = path;
    this.#database = database;
    this.#runner = new SqliteRunner(database);
    this.#operations = new StoreOperations(this.#queries, path, isTaken);
  }

  openStudy(spec: StudySpec): { readonly resumed: boolean } {
    return this.#write(true, this.#operations.openStudy(spec));
  }

  studies(): readonly StudySummary[] {
    return this.#read(this.#operations.studies());
  }

  study(name: string): StudySummary {
    return this.#read(this.#operations.study(name));
  }

  trials(name: string, query: TrialQuery = {}): readonly TrialRecord[] {
    return this.#read(this.#operations.trials(name, query));
  }

  trial(name: string, number: number): TrialRecord {
    return this.#read(this.#operations.trial(name, number));
  }

  claim(name: string): Claim {
    this.study(name);
    return { lost: new AbortController().signal, [Symbol.asyncDispose]: async () => {} };
  }

  begin(name: string, trials: readonly StartedTrial[], optimizer: JsonValue): void {
    this.#write(false, this.#operations.begin(name, trials, optimizer));
  }

  finish(name: string, finished: readonly FinishedTrial[], optimizer: JsonValue): readonly RecordedEnd[] {
    return this.#write(true, this.#operations.finish(name, finished, optimizer));
  }

  optimizer(name: string): JsonValue | undefined {
    return this.#read(this.#operations.optimizer(name));
  }

  contents(name: string): StudyContents {
    return this.#read(this.#operations.contents(name));
  }

  restore(contents: StudyContents): void {
    this.#write(true, this.#operations.restore(contents));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
  }

  #read<Result>(operation: Operation<Result>): Result {
    try {
      return runNow(operation, (step) => this.#answer(step));
    } catch (error) {
      throw explained(this.location, error);
    }
  }

  #write<Result>(durable: boolean, operation: Operation<Result>): Result {
    try {
      return this.#runner.transaction(durable, () => runNow(operation, (step) => this.#answer(step)));
    } catch (error) {
      throw explained(this.location, error);
    }
  }

  #answer(step: Step): unknown {
    if (step.kind === 'rows') return this.#runner.all(step.query);
    if (step.kind === 'run') return this.#runner.run(step.query);
    if (step.kind === 'update') {
      return step.rows.reduce((changed, _, row) => changed + this.#runner.run(step.queryOf(row)), 0);
    }
    // The tables and columns of a step are those of the schema.
    return this.#runner.insert(this.#queries, step.table as 'trial', step.rows as never);
  }
}

/** Whether an insert was refused because its primary key is there. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === PRIMARY_KEY_TAKEN;
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
