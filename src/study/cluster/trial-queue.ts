/**
 * The queue of a study's trials, carried by pg-boss: claims with heartbeats, trials whose worker went away handed out
 * again, dead letters after too many times, and outcomes that count only from who holds the claim.
 */
import { createHash } from 'node:crypto';
import { type Db, PgBoss } from 'pg-boss';
import type { EndedTrial, TrialOrder } from '../messages.ts';
import { hasSchema, type Postgres, type Sql } from '../postgres.ts';
import { QUEUE_SCHEMA } from '../postgres-schema.ts';
import type { TrialOutcome } from '../trial.ts';
import { outcomeOfText, outcomeText } from './outcome-json.ts';

/** A worker that is not heard of for so long has lost its claims, seconds; pg-boss takes no less than 10. */
export const HEARTBEAT_SECONDS = 15;
/** How often a trial is handed out again after its worker went away before it is given up. */
export const MOST_RETRIES = 5;
/** From so many times on, a trial may be what brings its workers down. */
export const SUSPECT_RETRIES = 3;
/** No trial takes as long as this; a claim is given up by its heartbeat, long before. */
const LONGEST_TRIAL_SECONDS = 23 * 3600;
const A_YEAR_SECONDS = 365 * 86_400;

/** A trial that this process may run. */
export interface ClaimedTrial {
  readonly order: TrialOrder;
  readonly job: string;
  /** How often it was handed out before: names the claim, which is over once it is handed out again. */
  readonly retryCount: number;
}

/** A trial that was given up. */
export interface DeadTrial {
  readonly number: number;
  readonly job: string;
}

/** Channels on which workers hear of trials, and coordinators of outcomes. */
export function trialsChannel(study: number): string {
  return `tacet_trials_${study}`;
}
export function outcomesChannel(study: number): string {
  return `tacet_outcomes_${study}`;
}

export class TrialQueue implements AsyncDisposable {
  readonly #database: Postgres;
  readonly #boss: PgBoss;
  readonly #study: number;
  readonly #queue: string;
  readonly #dead: string;

  private constructor(database: Postgres, boss: PgBoss, study: number) {
    this.#database = database;
    this.#boss = boss;
    this.#study = study;
    this.#queue = `study-${study}`;
    this.#dead = `study-${study}-dead`;
  }

  /**
   * Opens the queue of a study.
   *
   * @param owner whether this process makes the queue where it is not there: the coordinator's part
   */
  static async open(database: Postgres, study: number, { owner }: { readonly owner: boolean }) {
    const boss = new PgBoss({
      db: onSql(database),
      schema: QUEUE_SCHEMA,
      migrate: owner,
      createSchema: owner && !(await hasSchema(database, QUEUE_SCHEMA)),
      // Both by `supervise` below, when the coordinator finds it right.
      supervise: false,
      schedule: false,
      monitorIntervalSeconds: 1,
      monitorVacuum: false,
    });
    // What a call can't do, it rejects with.
    boss.on('error', () => {});
    await boss.start();
    const queue = new TrialQueue(database, boss, study);
    if (owner) await queue.#make();
    return queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#boss.stop({ graceful: false, close: false });
  }

  /**
   * Puts trials into the queue, in a transaction of the caller's. A trial that is in the queue already, claimed or not,
   * is not put there twice: its job's id follows from the study and the trial.
   */
  async send(sql: Sql, trials: readonly TrialOrder[]): Promise<void> {
    if (trials.length === 0) return;
    const jobs = trials.map(({ number, values, seed }) => {
      // Trials of low numbers go first: others may have to wait for them.
      return { id: jobId(this.#study, number), data: { number, values, seed }, priority: -number };
    });
    await this.#boss.insert(this.#queue, jobs, { db: onSql(sql) });
    await sql.query('select pg_notify($1, $2)', [trialsChannel(this.#study), String(trials.length)]);
  }

  /** Claims at most `count` trials for this process. */
  async claim(count: number): Promise<ClaimedTrial[]> {
    const jobs = await this.#boss.fetch<TrialOrder>(this.#queue, { batchSize: count });
    return jobs
      .map(({ id, data, retryCount }) => ({ order: data, job: id, retryCount }))
      .sort((a, b) => a.order.number - b.order.number);
  }

  /** Says that the holder of these claims lives; gives the jobs whose claims it still has. */
  async touch(claims: readonly ClaimedTrial[]): Promise<ReadonlySet<string>> {
    if (claims.length === 0) return new Set();
    return settledOf(await this.#boss.touch(this.#queue, claims.map(attemptOf)));
  }

  /** Gives trials back that this process will not run: others get them at once, and it counts for nothing. */
  async release(claims: readonly ClaimedTrial[]): Promise<void> {
    if (claims.length === 0) return;
    await this.#database.transaction(async (sql) => {
      const db = onSql(sql);
      const given = settledOf(await this.#boss.cancel(this.#queue, claims.map(attemptOf), { db }));
      if (given.size > 0) await this.#boss.resume(this.#queue, [...given], { db });
      // pg-boss counts a claim of what was started before as one more try; this one was not.
      await sql.query(
        `update ${QUEUE_SCHEMA}.job set started_on = null
         where name = $1 and id = any($2::uuid[]) and state = 'created'`,
        [this.#queue, [...given]],
      );
      await sql.query('select pg_notify($1, $2)', [trialsChannel(this.#study), String(given.size)]);
    });
  }

  /**
   * Delivers outcomes to the coordinator: in one transaction with the end of their jobs, and only of those whose claim
   * this process still has. What was delivered before, by a call whose answer was lost, is not delivered again.
   *
   * @returns the jobs whose outcomes were taken
   */
  async deliver(
    ended: readonly { readonly claim: ClaimedTrial; readonly outcome: TrialOutcome }[],
  ): Promise<ReadonlySet<string>> {
    if (ended.length === 0) return new Set();
    return await this.#database.transaction(async (sql) => {
      const attempts = ended.map(({ claim }) => attemptOf(claim));
      const taken = settledOf(await this.#boss.complete(this.#queue, attempts, null, { db: onSql(sql) }));
      const rows = ended.filter(({ claim }) => taken.has(claim.job));
      await sql.query(
        `insert into tacet.delivery (study, trial, outcome)
         select $1, number, outcome::json from unnest($2::int[], $3::text[]) as ended (number, outcome)
         on conflict do nothing`,
        [
          this.#study,
          rows.map(({ claim }) => claim.order.number),
          rows.map(({ outcome }) => outcomeText(outcome)),
        ],
      );
      await sql.query('select pg_notify($1, $2)', [outcomesChannel(this.#study), String(rows.length)]);
      return taken;
    });
  }

  /** Outcomes that were delivered and not recorded yet, oldest first. */
  async deliveries(limit: number): Promise<EndedTrial[]> {
    const { rows } = await this.#database.query<{ trial: number; outcome: string }>(
      'select trial, outcome from tacet.delivery where study = $1 order by delivered_at, trial limit $2',
      [this.#study, limit],
    );
    return rows.map(({ trial, outcome }) => ({ number: trial, outcome: outcomeOfText(outcome) }));
  }

  /** Trials that were given up; each is told once to each coordinator, until it is recorded. */
  async dead(): Promise<DeadTrial[]> {
    const jobs = await this.#boss.fetch<TrialOrder>(this.#dead, { batchSize: 100 });
    return jobs.map(({ id, data }) => ({ number: data.number, job: id }));
  }

  /** Takes away what was kept for trials that are being recorded, in the transaction that records them. */
  async forget(sql: Sql, numbers: readonly number[], dead: readonly DeadTrial[]): Promise<void> {
    await sql.query('delete from tacet.delivery where study = $1 and trial = any($2::int[])', [
      this.#study,
      numbers,
    ]);
    const jobs = dead.filter(({ number }) => numbers.includes(number)).map(({ job }) => job);
    if (jobs.length > 0) await this.#boss.complete(this.#dead, jobs, null, { db: onSql(sql) });
  }

  /** Hands out again what was claimed by workers that have gone silent. */
  async supervise(): Promise<void> {
    for (const queue of [this.#queue, this.#dead]) await this.#boss.supervise(queue, { reindex: false });
  }

  async #make(): Promise<void> {
    const kept = { expireInSeconds: LONGEST_TRIAL_SECONDS, retentionSeconds: A_YEAR_SECONDS };
    // A dead letter waits until it is recorded, whatever becomes of the coordinators that read it.
    await this.#boss.createQueue(this.#dead, { ...kept, retryLimit: 1_000_000, heartbeatSeconds: 30 });
    await this.#boss.createQueue(this.#queue, {
      ...kept,
      deadLetter: this.#dead,
      retryLimit: MOST_RETRIES,
      heartbeatSeconds: HEARTBEAT_SECONDS,
    });
  }
}

/** pg-boss over our connections: `database` for each statement, or a transaction. */
function onSql(sql: Sql): Db {
  return { executeSql: (text, values) => sql.query(text, values) };
}

function attemptOf({ job, retryCount }: ClaimedTrial): { id: string; retryCount: number } {
  return { id: job, retryCount };
}

/** The jobs that a call has changed. pg-boss answers with them, but its types (12.35) leave the answer empty. */
function settledOf(answer: unknown): ReadonlySet<string> {
  const { settled } = answer as { readonly settled?: readonly string[] | null };
  return new Set(settled ?? []);
}

/** A UUID that follows from the study and the trial. */
function jobId(study: number, trial: number): string {
  const hash = createHash('sha256').update(`tacet study ${study} trial ${trial}`).digest('hex');
  const groups = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return [...groups, hash.slice(20, 32)].join('-');
}
