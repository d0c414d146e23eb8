/** Connections to PostgreSQL: opening, transactions, and what to say when something is wrong. */
import pg from 'pg';
import { StudyError } from './store.ts';

/** Runs SQL with parameters, on a connection of its own or in a transaction. */
export interface Sql {
  query<Row extends object>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }>;
}

/** A database, reached by connections that are made as they are needed and again after they are lost. */
export interface Postgres extends Sql, AsyncDisposable {
  /** Host and database, without user, password and options. */
  readonly location: string;
  /** Runs `work` in one transaction that is written as a whole or not at all; it is durable on return. */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
  /**
   * Calls `heard` with each notification on a channel, and with `undefined` each time that listening has begun anew, for
   * what may have been missed. Ends when it is disposed of.
   */
  listen(channel: string, heard: (payload: string | undefined) => void): AsyncDisposable;
}

export interface PostgresOptions {
  /** Connections at the most. */
  readonly connections?: number;
  /** How long a connection or a query may take before the connection counts as lost, ms. */
  readonly timeoutMs?: number;
}

const DEFAULTS = { connections: 4, timeoutMs: 15_000 };
/** Pause before a lost connection for notifications is made again, ms. */
const LISTEN_AGAIN_MS = 500;
/** How often a connection for notifications is tried, ms: a cut link is silent otherwise. */
const LISTEN_CHECK_MS = 5_000;

/** Whether a text names a PostgreSQL database rather than a file. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//i.test(text);
}

/** Host and database of a connection string: what may be shown, logged and stored. */
export function locationOf(url: string): string {
  const { host, port, database } = configOf(url);
  return `postgres://${host ?? 'localhost'}${port ? `:${port}` : ''}/${database ?? ''}`;
}

/**
 * Opens a database. Everything that a connection string can say is taken: TLS (`sslmode=verify-full`, `sslrootcert`),
 * passwords (or `PGPASSWORD`, `PGPASSFILE`), several parameters. It is kept in memory only.
 *
 * @throws {StudyError} `bad-store` when it can't be reached or refuses the user
 */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<Postgres> {
  const database = new PooledPostgres(url, { ...DEFAULTS, ...options });
  try {
    await database.query('select 1');
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  return database;
}

/** Whether a schema is there. To make one takes a right on the database, also where `if not exists` would make none. */
export async function hasSchema(sql: Sql, name: string): Promise<boolean> {
  const { rows } = await sql.query('select from pg_catalog.pg_namespace where nspname = $1', [name]);
  return rows.length > 0;
}

class PooledPostgres implements Postgres {
  readonly location: string;
  readonly #config: pg.ClientConfig;
  readonly #pool: pg.Pool;

  constructor(url: string, { connections, timeoutMs }: Required<PostgresOptions>) {
    this.location = locationOf(url);
    this.#config = {
      connectionString: url,
      connectionTimeoutMillis: timeoutMs,
      // Both: the server's ends a query that takes long, ours one whose answer never comes.
      statement_timeout: timeoutMs,
      query_timeout: timeoutMs + 1_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      application_name: 'tacet',
      types: { getTypeParser: parserOf },
    };
    this.#pool = new pg.Pool({ ...this.#config, max: connections, idleTimeoutMillis: 30_000 });
    // An idle connection that is lost: the pool makes another one when it needs it.
    this.#pool.on('error', () => {});
  }

  async query<Row extends object>(text: string, values: readonly unknown[] = []) {
    return await this.#use((client) => client.query<Row>({ text, values: [...values] }));
  }

  async transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    return await this.#use(async (client) => {
      await client.query('begin');
      const sql: Sql = { query: (text, values = []) => client.query({ text, values: [...values] }) };
      try {
        const result = await work(sql);
        await client.query('commit');
        return result;
      } catch (error) {
        // A connection that is lost has rolled back by itself.
        await client.query('rollback').catch(() => {});
        throw error;
      }
    });
  }

  listen(channel: string, heard: (payload: string | undefined) => void): AsyncDisposable {
    return new Listener(this.#config, channel, heard);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end();
  }

  async #use<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw explained(this.location, error, true);
    }
    let failure: unknown;
    // Emitted while a connection is in use, beside the rejection of its query.
    const lost = (error: Error): void => {
      failure = error;
    };
    client.on('error', lost);
    try {
      return await work(client);
    } catch (error) {
      failure ??= isAnswer(error) ? undefined : error;
      throw explained(this.location, error);
    } finally {
      client.off('error', lost);
      // One on which a query got no answer is not used again.
      client.release(failure !== undefined);
    }
  }
}

/** A connection that listens for as long as it lives, and is made again when it is lost. */
class Listener implements AsyncDisposable {
  readonly #config: pg.ClientConfig;
  readonly #channel: string;
  readonly #heard: (payload: string | undefined) => void;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(config: pg.ClientConfig, channel: string, heard: (payload: string | undefined) => void) {
    this.#config = { ...config, query_timeout: LISTEN_CHECK_MS };
    this.#channel = channel;
    this.#heard = heard;
    void this.#begin();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    this.#drop();
  }

  async #begin(): Promise<void> {
    const client = new pg.Client(this.#config);
    this.#client = client;
    const again = (): void => {
      if (this.#client !== client) return;
      this.#drop();
      if (!this.#over) this.#timer = setTimeout(() => void this.#begin(), LISTEN_AGAIN_MS);
    };
    client.on('error', again);
    client.on('end', again);
    client.on('notification', ({ payload }) => this.#heard(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(this.#channel)}`);
      if (this.#client !== client) return;
      this.#heard(undefined);
      this.#timer = setInterval(() => {
        client.query('select 1').catch(again);
      }, LISTEN_CHECK_MS);
    } catch {
      again();
    }
  }

  #drop(): void {
    clearInterval(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    client?.end().catch(() => {});
  }
}

const INT8 = 20;
const NUMERIC = 1700;
const JSON_TEXT = 114;

/** Whole numbers as numbers (all of ours are safe integers), JSON as the text that it is; the rest as `pg` has it. */
function parserOf(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (oid === INT8 || oid === NUMERIC) return Number;
  if (oid === JSON_TEXT) return (text) => text;
  return pg.types.getTypeParser(oid, format as 'text') as (text: string) => unknown;
}

function configOf(url: string): pg.Client {
  try {
    return new pg.Client({ connectionString: url });
  } catch {
    // The error's message would repeat the address, password and all.
    throw new StudyError(
      'bad-store',
      'the address of the database is malformed: give --db postgres://user@host:5432/database, special characters of the password as %XX',
    );
  }
}

/** PostgreSQL's code of an insert whose key is there already (its documentation, appendix A). */
const UNIQUE_VIOLATION = '23505';

/** Whether an insert was refused because its key is there. */
export function isTaken(error: unknown): boolean {
  const cause = error instanceof StudyError ? error.cause : error;
  return codeOf(cause) === UNIQUE_VIOLATION;
}

/** Whether there are no tables yet: no study was ever searched in this database. */
export function isMissingTable(error: unknown): boolean {
  const code = codeOf(error instanceof StudyError ? error.cause : error);
  return code === '42P01' || code === '3F000';
}

/**
 * Whether an error only says that the database can't be reached now: it will be the same again when it is back. That a
 * transaction was written is not known then.
 */
export function isOffline(error: unknown): boolean {
  return error instanceof StudyError && error.code === 'offline';
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** Whether a query was answered, be it by an error. */
function isAnswer(error: unknown): boolean {
  if (error instanceof StudyError) return true;
  return error instanceof pg.DatabaseError && !isGoingDown(error.code ?? '');
}

/** Classes 08 (connection), 53 (resources), 57P (shut down, starting up), 25P03 (idle in a transaction for too long). */
function isGoingDown(code: string): boolean {
  return /^(08|53|57P|25P0[34])/.test(code);
}

/** What to do about PostgreSQL's codes (its documentation, appendix A). */
const REMEDIES: Readonly<Record<string, string>> = {
  '28P01': 'refuses the password: set it in the address, in PGPASSWORD or in a password file',
  '28000': "refuses the user: look at the server's pg_hba.conf, or at sslmode in the address",
  '3D000': 'does not have that database: make it (createdb), or give another --db',
  '42501':
    'refuses this user a right: see the roles in docs/cluster.md; the first to open the store has to be its owner',
  '42P01': 'lacks a table of ours: open it once as its owner',
  '25006': 'is read-only: give the address of the primary server',
  '57014': 'took too long for a query: look at its load',
};

function explained(location: string, error: unknown, connecting = false): unknown {
  if (error instanceof StudyError || !(error instanceof Error)) return error;
  const code = codeOf(error) ?? '';
  const remedy = REMEDIES[code];
  if (remedy !== undefined) {
    return new StudyError('bad-store', `${location} ${remedy} (PostgreSQL: ${error.message})`, {
      cause: error,
    });
  }
  if (connecting || !isAnswer(error)) {
    const reason = error.message === '' ? code : error.message;
    return new StudyError(
      'offline',
      `${location} can't be reached: look at its address, its server and the network (${reason})`,
      { cause: error },
    );
  }
  return new StudyError('bad-store', `${location} refused a query (PostgreSQL: ${error.message})`, {
    cause: error,
  });
}
