/**
 * Kysely over `node:sqlite`: Kysely writes the SQL and knows its types, `DatabaseSync` runs it.
 *
 * Kysely's own drivers are asynchronous; the store is not, and nothing here waits for a server. So queries are only
 * compiled by Kysely, and run at once on a statement kept from the last time the same SQL was run.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
  type Compilable,
  DummyDriver,
  type Insertable,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

/** A query builder that compiles for SQLite and never connects. */
export function sqliteQueries<Schema>(): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new SqliteIntrospector(database),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** How many statements are kept prepared; beyond that the oldest goes. */
const KEPT_STATEMENTS = 200;

/** Runs compiled queries on one connection. Errors are those of `node:sqlite`. */
export class SqliteRunner {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** SQL of inserts by table and columns. */
  readonly #inserts = new Map<string, string>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** All rows of a query. */
  all<Row>(query: Compilable<Row>): Row[] {
    const { sql, parameters } = query.compile();
    // Kysely has derived Row from this very SQL.
    return this.#prepare(sql).all(...(parameters as SQLInputValue[])) as Row[];
  }

  /** The first row of a query, if there is one. */
  first<Row>(query: Compilable<Row>): Row | undefined {
    const { sql, parameters } = query.compile();
    return this.#prepare(sql).get(...(parameters as SQLInputValue[])) as Row | undefined;
  }

  /** Runs a statement; gives the number of rows it changed. */
  run(query: Compilable): number {
    const { sql, parameters } = query.compile();
    return Number(this.#prepare(sql).run(...(parameters as SQLInputValue[])).changes);
  }

  /**
   * Inserts rows that all have the same columns in the same order. Kysely compiles the statement once for a table and its
   * columns: compiling takes ten times as long as inserting a row.
   */
  insert<Schema, Table extends keyof Schema & string>(
    queries: Kysely<Schema>,
    table: Table,
    rows: readonly Insertable<Schema[Table]>[],
  ): void {
    const [first] = rows;
    if (first === undefined) return;
    const key = `${table}(${Object.keys(first).join()})`;
    let sql = this.#inserts.get(key);
    if (sql === undefined) {
      sql = queries.insertInto(table).values(first).compile().sql;
      this.#inserts.set(key, sql);
    }
    const statement = this.#prepare(sql);
    for (const row of rows) statement.run(...(Object.values(row) as SQLInputValue[]));
  }

  /**
   * Runs `work` in one transaction that is written as a whole or not at all. With `durable` it is on the disk when
   * this returns; without, it is with the operating system, and on the disk together with the next durable one.
   */
  transaction<Result>(durable: boolean, work: () => Result): Result {
    this.#database.exec(`pragma synchronous = ${durable ? 'full' : 'normal'}; begin immediate`);
    try {
      const result = work();
      this.#database.exec('commit');
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback');
      throw error;
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      for (const oldest of this.#statements.keys()) {
        if (this.#statements.size < KEPT_STATEMENTS) break;
        this.#statements.delete(oldest);
      }
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
