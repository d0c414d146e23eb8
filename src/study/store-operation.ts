/**
 * Operations of a store as generators of queries: written once, run at once on a database that answers at once, and
 * with awaits on one that does not.
 */
import type { Compilable } from 'kysely';

/** A query for which an operation waits. */
export type Step =
  /** Answered with its rows. */
  | { readonly kind: 'rows'; readonly query: Compilable }
  /** Answered with the number of rows that it changed. */
  | { readonly kind: 'run'; readonly query: Compilable }
  /** Rows that all have the same columns in the same order: these of the table are set where key and state agree. */
  | {
      readonly kind: 'update';
      readonly table: string;
      readonly rows: readonly object[];
      readonly key: readonly string[];
      readonly state: string;
      /** The same for one row. */
      readonly queryOf: (row: number) => Compilable;
    }
  /** Rows that all have the same columns in the same order. */
  | { readonly kind: 'insert'; readonly table: string; readonly rows: readonly object[] };

/** An operation: yields queries, takes their answers, returns its result. */
export type Operation<Result> = Generator<Step, Result, unknown>;

export function* all<Row>(query: Compilable<Row>): Operation<Row[]> {
  // Kysely has derived Row from this very SQL.
  return (yield { kind: 'rows', query }) as Row[];
}

export function* first<Row>(query: Compilable<Row>): Operation<Row | undefined> {
  return (yield* all(query))[0];
}

/** Gives the number of rows that were changed. */
export function* change(query: Compilable): Operation<number> {
  return (yield { kind: 'run', query }) as number;
}

/** Gives the number of rows that were changed. */
export function* update(step: Omit<Extract<Step, { kind: 'update' }>, 'kind'>): Operation<number> {
  return (yield { kind: 'update', ...step }) as number;
}

export function* insert(table: string, rows: readonly object[]): Operation<void> {
  if (rows.length > 0) yield { kind: 'insert', table, rows };
}

/** Runs an operation where queries are answered at once. Errors of queries are thrown into the operation. */
export function runNow<Result>(operation: Operation<Result>, answer: (step: Step) => unknown): Result {
  let turn = operation.next();
  while (!turn.done) {
    let given: unknown;
    try {
      given = answer(turn.value);
    } catch (error) {
      turn = operation.throw(error);
      continue;
    }
    turn = operation.next(given);
  }
  return turn.value;
}

/** Runs an operation where queries are answered later. */
export async function runAsync<Result>(
  operation: Operation<Result>,
  answer: (step: Step) => Promise<unknown>,
): Promise<Result> {
  let turn = operation.next();
  while (!turn.done) {
    let given: unknown;
    try {
      given = await answer(turn.value);
    } catch (error) {
      turn = operation.throw(error);
      continue;
    }
    turn = operation.next(given);
  }
  return turn.value;
}
