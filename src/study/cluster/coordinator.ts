/**
 * The coordinator of a study whose trials run on workers elsewhere: asks the optimizer, keeps a few trials waiting in the
 * queue for the slots that there are, and records what workers deliver.
 *
 * It keeps nothing that the database has not: after any error of the connection it opens the study anew from there, as a
 * coordinator does that was started anew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OptimizerSummary } from '../../search/index.ts';
import type { EndedTrial } from '../messages.ts';
import { isOffline } from '../postgres.ts';
import type { PostgresStore } from '../postgres-store.ts';
import { recipeOf } from '../recipes.ts';
import type { TrialSupply } from '../run.ts';
import { failedOutcome } from '../slots.ts';
import type { Claim, StudySpec, TrialRecord } from '../store.ts';
import { studySpace } from '../study-space.ts';
import { openStudyTrials } from '../study-trials.ts';
import { Bell } from './bell.ts';
import { fingerprintOf, publishFingerprint } from './fingerprint.ts';
import { presentWorkers, WORKERS_CHANGED, type WorkerPresence } from './presence.ts';
import {
  type DeadTrial,
  HEARTBEAT_SECONDS,
  MOST_RETRIES,
  outcomesChannel,
  TrialQueue,
} from './trial-queue.ts';

export type CoordinationEvent =
  /** The workers that serve the study have changed. */
  | { readonly kind: 'workers'; readonly workers: readonly WorkerPresence[] }
  /** Trials were put into the queue. */
  | { readonly kind: 'begun'; readonly trials: readonly TrialRecord[] }
  | { readonly kind: 'outcome'; readonly trial: TrialRecord; readonly optimizer?: OptimizerSummary }
  /** Somebody else has run the study, and may have been killed: soon it is known whether that one lives. */
  | { readonly kind: 'waiting'; readonly who: string }
  /** The database can't be reached; it is tried again until it can. */
  | { readonly kind: 'offline'; readonly reason: string }
  | { readonly kind: 'online' };

export interface CoordinationOptions {
  /** Ends the coordination. Workers finish what they hold; their outcomes wait in the database. */
  readonly stop?: AbortSignal;
  readonly onEvent?: (event: CoordinationEvent) => void;
}

/** Outcomes that are recorded in one transaction, at the most. */
const MOST_AT_ONCE = 500;
/** How long a turn waits for notifications, which may be lost, ms. */
const TURN_MS = 1_000;
const WORKERS_MS = 1_000;
const SUPERVISE_MS = 2_000;
/** Trials that end within this time have successors waiting in the queue, seconds. */
const AHEAD_SECONDS = 1;
/** So many trials wait in the queue for each slot besides: one that ends surely finds the next. */
const AHEAD_SHARE = 1 / 8;
/** Pause before a database that can't be reached is tried again, ms. */
const AGAIN_MS = 500;

/**
 * Coordinates a study until it has all its trials, or until it is stopped.
 *
 * @returns whether all trials have ended
 * @throws {StudyError} `conflict` when somebody else coordinates the study, or it differs from the stored one; `mismatch`
 *   when it was begun with other data
 */
export async function coordinate(
  spec: StudySpec,
  store: PostgresStore,
  options: CoordinationOptions = {},
): Promise<boolean> {
  await store.openStudy(spec);
  const study = await store.studyId(spec.name);
  await using claim = await store.claim(spec.name, (who) => options.onEvent?.({ kind: 'waiting', who }));
  // Workers come as soon as they see what the study is run with: there is a queue by then.
  await (await TrialQueue.open(store.database, study, { owner: true }))[Symbol.asyncDispose]();
  await publishFingerprint(store.database, study, spec.name, fingerprintOf(spec));
  for (let offline = false; ; ) {
    try {
      await using coordination = await Coordination.open(spec, store, study, claim, options);
      if (offline) options.onEvent?.({ kind: 'online' });
      offline = false;
      return await coordination.run();
    } catch (error) {
      if (!isOffline(error)) throw error;
      if (options.stop?.aborted) return false;
      if (!offline) options.onEvent?.({ kind: 'offline', reason: (error as Error).message });
      offline = true;
      await sleep(AGAIN_MS);
    }
  }
}

class Coordination implements AsyncDisposable {
  readonly #store: PostgresStore;
  readonly #study: number;
  readonly #claim: Claim;
  readonly #queue: TrialQueue;
  readonly #trials: TrialSupply;
  readonly #options: CoordinationOptions;
  readonly #news = new Bell();
  readonly #listener: AsyncDisposable;
  readonly #ring = () => this.#news.ring();
  /** Trials in the queue or claimed, with what is known of each. */
  readonly #open = new Set<number>();
  /** Dead letters that are claimed by this coordinator until they are recorded. */
  readonly #dead = new Map<number, DeadTrial>();
  /** When this connection began: claims are not ended before workers had the time to say that they live. */
  readonly #since = performance.now();
  #workers: readonly WorkerPresence[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;
  #supervisedAt = performance.now();
  /** Ends of trials per second, smoothed over some seconds. */
  #rate = 0;
  #ratedAt = performance.now();

  private constructor(
    store: PostgresStore,
    study: number,
    claim: Claim,
    queue: TrialQueue,
    trials: TrialSupply,
    options: CoordinationOptions,
  ) {
    this.#store = store;
    this.#study = study;
    this.#claim = claim;
    this.#queue = queue;
    this.#trials = trials;
    this.#options = options;
    this.#listener = store.database.listen(outcomesChannel(study), (payload) => {
      if (payload === WORKERS_CHANGED) this.#lookedAt = Number.NEGATIVE_INFINITY;
      this.#ring();
    });
    options.stop?.addEventListener('abort', this.#ring);
    store.companion = {
      begun: (sql, _, begun) => queue.send(sql, begun),
      finished: async (sql, _, finished) => {
        const numbers = finished.map(({ number }) => number);
        await queue.forget(sql, numbers, [...this.#dead.values()]);
      },
    };
  }

  static async open(
    spec: StudySpec,
    store: PostgresStore,
    study: number,
    claim: Claim,
    options: CoordinationOptions,
  ): Promise<Coordination> {
    const queue = await TrialQueue.open(store.database, study, { owner: true });
    try {
      const constraints = recipeOf(spec.recipe).constraints.length;
      const trials = await openStudyTrials(spec, store, studySpace(spec), constraints);
      const coordination = new Coordination(store, study, claim, queue, trials, options);
      await coordination.#sendInterrupted();
      return coordination;
    } catch (error) {
      await queue[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.stop?.removeEventListener('abort', this.#ring);
    this.#store.companion = undefined;
    await this.#listener[Symbol.asyncDispose]();
    await this.#queue[Symbol.asyncDispose]();
  }

  async run(): Promise<boolean> {
    while (this.#trials.left > 0) {
      this.#claim.lost.throwIfAborted();
      const more = await this.#record();
      if (this.#trials.left === 0) break;
      if (this.#options.stop?.aborted) return false;
      await this.#look();
      await this.#propose();
      await this.#supervise();
      if (!more) await this.#news.wait(TURN_MS);
    }
    return true;
  }

  /** Trials that were under way when the last coordinator ended, and whose outcomes are not here: in the queue or put there. */
  async #sendInterrupted(): Promise<void> {
    const { interrupted } = this.#trials;
    for (const { number } of interrupted) this.#open.add(number);
    await this.#store.database.transaction(async (sql) => {
      const { rows } = await sql.query<{ trial: number }>(
        'select trial from tacet.delivery where study = $1',
        [this.#study],
      );
      const delivered = new Set(rows.map(({ trial }) => trial));
      await this.#queue.send(
        sql,
        interrupted.filter(({ number }) => !delivered.has(number)),
      );
    });
    if (interrupted.length > 0) this.#options.onEvent?.({ kind: 'begun', trials: interrupted });
  }

  /** Records what has been delivered; says whether there may be more. */
  async #record(): Promise<boolean> {
    const deliveries = await this.#queue.deliveries(MOST_AT_ONCE);
    const ended = [...deliveries, ...this.#failed()].filter(({ number }) => this.#open.has(number));
    this.#measure(ended.length);
    if (ended.length === 0) return false;
    for (const trial of await this.#trials.settle(ended)) {
      this.#open.delete(trial.number);
      this.#dead.delete(trial.number);
      this.#options.onEvent?.({ kind: 'outcome', trial, ...this.#trials.about() });
    }
    return deliveries.length === MOST_AT_ONCE;
  }

  /** Trials that were given up, as outcomes. */
  #failed(): EndedTrial[] {
    const reason = new Error(
      `its worker went away ${MOST_RETRIES + 1} times while it ran: see the workers' logs; it may be what ends them`,
    );
    return [...this.#dead.keys()].map((number) => ({ number, outcome: failedOutcome(reason, '') }));
  }

  #measure(ended: number): void {
    const now = performance.now();
    const seconds = (now - this.#ratedAt) / 1000;
    this.#ratedAt = now;
    const weight = Math.exp(-seconds / 3);
    this.#rate = seconds > 0 ? weight * this.#rate + ((1 - weight) * ended) / seconds : this.#rate;
  }

  async #look(): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < WORKERS_MS) return;
    this.#lookedAt = now;
    const workers = await presentWorkers(this.#store.database, this.#study);
    const changed = JSON.stringify(workers) !== JSON.stringify(this.#workers);
    this.#workers = workers;
    if (changed) this.#options.onEvent?.({ kind: 'workers', workers });
  }

  async #propose(): Promise<void> {
    const slots = this.#workers.reduce((sum, worker) => sum + worker.slots, 0);
    if (slots === 0) return;
    const ahead = Math.ceil(Math.max(slots * AHEAD_SHARE, this.#rate * AHEAD_SECONDS));
    const demand = Math.min(slots + ahead - this.#open.size, this.#trials.unproposed);
    if (demand <= 0) return;
    const trials = await this.#trials.propose(demand);
    for (const { number } of trials) this.#open.add(number);
    if (trials.length > 0) this.#options.onEvent?.({ kind: 'begun', trials });
  }

  async #supervise(): Promise<void> {
    const now = performance.now();
    if (now - this.#supervisedAt < SUPERVISE_MS) return;
    this.#supervisedAt = now;
    // While the database was away no worker could say that it lived.
    if (now - this.#since > 1000 * HEARTBEAT_SECONDS) await this.#queue.supervise();
    for (const dead of await this.#queue.dead()) {
      this.#dead.set(dead.number, dead);
      this.#news.ring();
    }
  }
}
