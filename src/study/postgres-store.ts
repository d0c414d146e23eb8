/** The store of several machines: PostgreSQL, where one coordinator at a time runs a study, by a lease. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import {
  hasSchema,
  isTaken,
  openPostgres,
  type Postgres,
  type PostgresOptions,
  type Sql,
} from './postgres.ts';
import { CREATE_POSTGRES_TABLES, JSON_COLUMNS, POSTGRES_SCHEMA_VERSION, SCHEMA } from './postgres-schema.ts';
import {
  type Claim,
  type FinishedTrial,
  type RecordedEnd,
  type StartedTrial,
  type Store,
  type StudyContents,
  StudyError,
  type StudySpec,
  type StudySummary,
  type TrialQuery,
  type TrialRecord,
} from './store.ts';
import { type Operation, runAsync, type Step } from './store-operation.ts';
import { StoreOperations } from './store-operations.ts';
import type { StoreSchema } from './store-schema.ts';
import type { JsonValue } from './trial.ts';

/** How long a lease lasts after its holder was last heard of, and how often the holder renews it, ms. */
export interface LeaseTimes {
  readonly lastMs: number;
  readonly renewMs: number;
}

export const LEASE_TIMES: LeaseTimes = { lastMs: 15_000, renewMs: 4_000 };

/** What else is to be written in the transactions of a store. */
export interface StoreCompanion {
  begun(sql: Sql, study: number, trials: readonly StartedTrial[]): Promise<void>;
  finished(sql: Sql, study: number, finished: readonly FinishedTrial[]): Promise<void>;
}

export interface PostgresStoreOptions extends PostgresOptions {
  /** Whether missing tables are made (the default), or refused because the caller only wants to read. */
  readonly create?: boolean;
  readonly lease?: LeaseTimes;
}

/**
 * Opens a store in PostgreSQL (13 or later), in the schema `tacet` of the database that the address names.
 *
 * @throws {StudyError} `bad-store` when the address is malformed, the user or the password is refused, or the tables were
 *   made by a later version of Tacet; `offline` when the server can't be reached
 * @example
 * await using store = await openPostgresStore('postgres://me@db.example.org/searches?sslmode=verify-full');
 * for (const { spec, counts } of await store.studies()) console.log(spec.name, counts.complete);
 */
export async function openPostgresStore(
  url: string,
  options: PostgresStoreOptions = {},
): Promise<PostgresStore> {
  const { create = true, lease = LEASE_TIMES, ...connection } = options;
  const database = await openPostgres(url, connection);
  try {
    await prepareTables(database, create);
    return new PostgresStore(database, lease);
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

/** Makes a store over an open database whose tables are there; the store closes the database. */
export class PostgresStore implements Store {
  readonly location: string;
  readonly database: Postgres;
  /** What goes with this store's transactions; set by who runs a study with workers elsewhere. */
  companion: StoreCompanion | undefined;
  readonly #lease: LeaseTimes;
  readonly #operations: StoreOperations;
  /** Names this store as a holder of leases. */
  readonly #holder = randomUUID();

  constructor(database: Postgres, lease: LeaseTimes) {
    this.location = database.location;
    this.database = database;
    this.#lease = lease;
    this.#operations = new StoreOperations(postgresQueries(), database.location, isTaken);
  }

  async openStudy(spec: StudySpec): Promise<{ readonly resumed: boolean }> {
    return await this.#run(this.#operations.openStudy(spec));
  }

  async studies(): Promise<readonly StudySummary[]> {
    return await this.#run(this.#operations.studies());
  }

  async study(name: string): Promise<StudySummary> {
    return await this.#run(this.#operations.study(name));
  }

  /** The number under which the tables have a study. */
  async studyId(name: string): Promise<number> {
    return await this.#run(this.#operations.id(name));
  }

  async trials(name: string, query: TrialQuery = {}): Promise<readonly TrialRecord[]> {
    return await this.#run(this.#operations.trials(name, query));
  }

  async trial(name: string, number: number): Promise<TrialRecord> {
    return await this.#run(this.#operations.trial(name, number));
  }

  async begin(name: string, trials: readonly StartedTrial[], optimizer: JsonValue): Promise<void> {
    await this.database.transaction(async (sql) => {
      const study = await this.#checkLease(sql, name);
      await runOn(sql, this.#operations.begin(name, trials, optimizer));
      await this.companion?.begun(sql, study, trials);
    });
  }

  async finish(
    name: string,
    finished: readonly FinishedTrial[],
    optimizer: JsonValue,
  ): Promise<readonly RecordedEnd[]> {
    return await this.database.transaction(async (sql) => {
      const study = await this.#checkLease(sql, name);
      const ends = await runOn(sql, this.#operations.finish(name, finished, optimizer));
      await this.companion?.finished(sql, study, finished);
      return ends;
    });
  }

  async optimizer(name: string): Promise<JsonValue | undefined> {
    return await this.#run(this.#operations.optimizer(name));
  }

  async contents(name: string): Promise<StudyContents> {
    // All of it as it was at one moment.
    return await this.database.transaction(async (sql) => {
      await sql.query('set transaction isolation level repeatable read, read only');
      return await runOn(sql, this.#operations.contents(name));
    });
  }

  async restore(contents: StudyContents): Promise<void> {
    await this.#run(this.#operations.restore(contents));
  }

  async claim(name: string, waiting?: (who: string) => void): Promise<Claim> {
    const study = await this.studyId(name);
    let before: Holder | undefined;
    for (;;) {
      const holder = await this.#tryLease(study);
      if (holder === undefined) break;
      // The same lease with another end: its holder lives.
      if (before && (before.holder !== holder.holder || before.expiresAt !== holder.expiresAt)) {
        throw new StudyError(
          'conflict',
          `study ${name} in ${this.location} is run by ${holder.who}: let that end, or give another --name`,
        );
      }
      if (before === undefined) waiting?.(holder.who);
      before = holder;
      await sleep(Math.min(Math.max(holder.leftMs, 0) + 50, this.#lease.renewMs / 2));
    }
    return new Lease(this.database, study, this.#holder, this.#lease, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]();
  }

  async #run<Result>(operation: Operation<Result>): Promise<Result> {
    return await this.database.transaction((sql) => runOn(sql, operation));
  }

  /** Takes the lease if it is free, mine, or has run out; else says who has it. */
  async #tryLease(study: number): Promise<Holder | undefined> {
    return await this.database.transaction(async (sql) => {
      const taken = await sql.query(
        `insert into tacet.lease (study, holder, who, expires_at)
         values ($1, $2, $3, clock_timestamp() + $4 * interval '1 ms')
         on conflict (study) do update set holder = $2, who = $3, expires_at = excluded.expires_at
         where lease.holder = $2 or lease.expires_at < clock_timestamp()`,
        [study, this.#holder, `process ${process.pid} on ${hostname()}`, this.#lease.lastMs],
      );
      if ((taken.rowCount ?? 0) > 0) return undefined;
      const { rows } = await sql.query<Holder>(
        `select holder, who, expires_at::text as "expiresAt",
           (1000 * extract(epoch from expires_at - clock_timestamp()))::float8 as "leftMs"
         from tacet.lease where study = $1`,
        [study],
      );
      return rows[0] ?? { holder: '', who: 'somebody', expiresAt: '', leftMs: 0 };
    });
  }

  /** Holds the lease's row to the end of the transaction, so that nobody can take it in between. */
  async #checkLease(sql: Sql, name: string): Promise<number> {
    const id = await runOn(sql, this.#operations.id(name));
    const { rows } = await sql.query<{ holder: string; who: string; over: boolean }>(
      'select holder, who, expires_at < clock_timestamp() as over from tacet.lease where study = $1 for update',
      [id],
    );
    const [lease] = rows;
    if (lease && lease.holder !== this.#holder && !lease.over) throw lost(name, lease.who);
    return id;
  }
}

interface Holder {
  readonly holder: string;
  readonly who: string;
  readonly expiresAt: string;
  readonly leftMs: number;
}

/** A lease that is renewed until it is disposed of. */
class Lease implements Claim {
  readonly #database: Postgres;
  readonly #study: number;
  readonly #holder: string;
  readonly #times: LeaseTimes;
  readonly #name: string;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #renewing: Promise<void> = Promise.resolve();

  constructor(database: Postgres, study: number, holder: string, times: LeaseTimes, name: string) {
    this.#database = database;
    this.#study = study;
    this.#holder = holder;
    this.#times = times;
    this.#name = name;
    this.#timer = setInterval(() => {
      this.#renewing = this.#renew();
    }, times.renewMs);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    const release = 'delete from tacet.lease where study = $1 and holder = $2';
    // If it can't be given back now, it runs out.
    await this.#database.query(release, [this.#study, this.#holder]).catch(() => {});
  }

  /** A lease that ran out while nobody else wanted it is taken again. */
  async #renew(): Promise<void> {
    try {
      const { rowCount } = await this.#database.query(
        `update tacet.lease set expires_at = clock_timestamp() + $3 * interval '1 ms'
         where study = $1 and holder = $2`,
        [this.#study, this.#holder, this.#times.lastMs],
      );
      if (rowCount === 0) this.#lost.abort(lost(this.#name, 'somebody else'));
    } catch {
      // The database can't be reached: whoever writes next is told. The lease runs out meanwhile.
    }
  }
}

function lost(name: string, who: string): StudyError {
  return new StudyError(
    'conflict',
    `study ${name} is run by ${who} now: this run was not heard of for too long, and ends`,
  );
}

/** A query builder that compiles for PostgreSQL and never connects. */
function postgresQueries(): Kysely<StoreSchema> {
  return new Kysely<StoreSchema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new PostgresIntrospector(database),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }).withSchema(SCHEMA);
}

function runOn<Result>(sql: Sql, operation: Operation<Result>): Promise<Result> {
  return runAsync(operation, (step) => answer(sql, step));
}

async function answer(sql: Sql, step: Step): Promise<unknown> {
  if (step.kind === 'insert') return await insertRows(sql, step.table, step.rows);
  if (step.kind === 'update') return await updateRows(sql, step);
  const { sql: text, parameters }: CompiledQuery = step.query.compile();
  const { rows, rowCount } = await sql.query(text, parameters);
  return step.kind === 'rows' ? rows : (rowCount ?? 0);
}

/** Rows for one insert: its JSON is held in memory here and there. */
const ROWS_AT_ONCE = 5_000;

/** Inserts rows by one parameter, whatever their number: PostgreSQL takes them apart by the table's own columns. */
async function insertRows(sql: Sql, table: string, rows: readonly object[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
    .map((column) => `"${column}"`)
    .join(', ');
  const text = `insert into tacet."${table}" (${columns})
    select ${columns} from json_populate_recordset(null::tacet."${table}", $1)`;
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const part = rows.slice(from, from + ROWS_AT_ONCE);
    await sql.query(text, [`[${part.map(recordOf).join()}]`]);
  }
}

/** Updates rows by one parameter; gives how many there were. */
async function updateRows(
  sql: Sql,
  { table, rows, key, state }: Extract<Step, { kind: 'update' }>,
): Promise<number> {
  const columns = Object.keys(rows[0] ?? {}).filter((column) => !key.includes(column));
  const set = columns.map((column) => `"${column}" = given."${column}"`).join(', ');
  const same = key.map((column) => `kept."${column}" = given."${column}"`).join(' and ');
  const { rowCount } = await sql.query(
    `update tacet."${table}" as kept set ${set}
     from json_populate_recordset(null::tacet."${table}", $1) as given where ${same} and kept.state = $2`,
    [`[${rows.map(recordOf).join()}]`, state],
  );
  return rowCount ?? 0;
}

/** A row as `json_populate_recordset` takes it: its JSON in place, not as a text that holds JSON. */
function recordOf(row: object): string {
  const members = Object.entries(row).map(([column, value]) => {
    const isJson = JSON_COLUMNS.has(column) && typeof value === 'string';
    return `${JSON.stringify(column)}:${isJson ? value : JSON.stringify(scalarOf(value))}`;
  });
  return `{${members.join()}}`;
}

/** A number or a text; the numbers that JSON lacks as the text that PostgreSQL reads. */
function scalarOf(value: unknown): unknown {
  // PostgreSQL's text has no character 0.
  if (typeof value === 'string') return value.replaceAll('\0', '\ufffd');
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? String(value) : value;
}

/** Makes the tables, once, whoever comes first. */
async function prepareTables(database: Postgres, create: boolean): Promise<void> {
  const found = await versionOf(database);
  if (found === undefined && !create) {
    throw new StudyError(
      'bad-store',
      `${database.location} has no store: tacet search makes one; or give another --db`,
    );
  }
  if (found === undefined) {
    await database.transaction(async (sql) => {
      await sql.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', ['tacet tables']);
      if ((await versionOf(sql)) !== undefined) return;
      if (!(await hasSchema(sql, SCHEMA))) await sql.query(`create schema ${SCHEMA}`);
      await sql.query(CREATE_POSTGRES_TABLES);
    });
  } else if (found > POSTGRES_SCHEMA_VERSION) {
    throw new StudyError(
      'bad-store',
      `${database.location} was written by a later version of Tacet (tables ${found}, this one knows ${POSTGRES_SCHEMA_VERSION}): update tacet, or give another --db`,
    );
  }
}

async function versionOf(sql: Sql): Promise<number | undefined> {
  // Not by to_regclass: its cache does not know what another connection made while this one waited for it.
  const table = await sql.query(
    `select from pg_catalog.pg_tables where schemaname = 'tacet' and tablename = 'version'`,
  );
  if (table.rows.length === 0) return undefined;
  const { rows } = await sql.query<{ number: number }>('select number from tacet.version');
  return rows[0]?.number;
}
