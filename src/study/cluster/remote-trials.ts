/**
 * A worker's side of a study's queue: claims as many trials as there are free slots, keeps outcomes until the coordinator's
 * database has them, and says all the while that the trials it holds are held.
 */
import type { EndedTrial } from '../messages.ts';
import { isOffline, type Postgres } from '../postgres.ts';
import type { TrialSupply } from '../run.ts';
import type { TrialRecord } from '../store.ts';
import type { TrialOutcome } from '../trial.ts';
import { Bell } from './bell.ts';
import {
  type ClaimedTrial,
  HEARTBEAT_SECONDS,
  SUSPECT_RETRIES,
  type TrialQueue,
  trialsChannel,
} from './trial-queue.ts';

/** How long to wait for a notification of new trials, which may be lost, ms. */
const POLL_MS = 1_000;
/** Pause before a database that can't be reached is tried again, ms: from the first to the longest. */
const AGAIN_MS = { first: 250, longest: 5_000 };
/**
 * About a launch, seconds. A trial that falls silent leaves its slot unforeseen: if the next one is not here by the next
 * launch, the slot is empty for the whole of it.
 */
const LAUNCH_SECONDS = 0.25;
const TOUCH_MS = (1000 * HEARTBEAT_SECONDS) / 4;
/** Outcomes that are delivered in one transaction, at the most. */
const MOST_AT_ONCE = 200;

/** What a worker has to say of its connection and its claims. */
export type RemoteEvent =
  | { readonly kind: 'offline'; readonly reason: string }
  | { readonly kind: 'online' }
  /** Outcomes were not taken: these trials had been handed to others, because this worker was silent for too long. */
  | { readonly kind: 'refused'; readonly trials: readonly number[] };

export class RemoteTrials implements TrialSupply, AsyncDisposable {
  readonly interrupted = [];
  readonly #queue: TrialQueue;
  readonly #tell: (event: RemoteEvent) => void;
  readonly #fail: (error: unknown) => void;
  readonly #listener: AsyncDisposable;
  readonly #touches: NodeJS.Timeout;
  /** Claimed trials by number, from their claim to the delivery of their outcome. */
  readonly #held = new Map<number, ClaimedTrial>();
  /** Claimed, and not handed to a slot yet. */
  #buffer: ClaimedTrial[] = [];
  #outbox: { readonly claim: ClaimedTrial; readonly outcome: TrialOutcome }[] = [];
  readonly #hungry = new Bell();
  readonly #toDeliver = new Bell();
  #wake: () => void = () => {};
  /** Free slots that found no trial when they last asked. */
  #unmet = 0;
  /** How long a claim takes, and trials that end per second: what ends meanwhile is claimed ahead. */
  #claimSeconds = 0;
  #rate = 0;
  #ratedAt = performance.now();
  #closed = false;
  #ended = false;
  #offline = false;
  #lastTrialAt = performance.now();
  readonly #claiming: Promise<void>;
  readonly #delivering: Promise<void>;

  /** @param fail told of an error that is no loss of the connection: nothing goes on after it */
  constructor(
    database: Postgres,
    study: number,
    queue: TrialQueue,
    tell: (event: RemoteEvent) => void,
    fail: (error: unknown) => void,
  ) {
    this.#queue = queue;
    this.#tell = tell;
    this.#fail = fail;
    this.#listener = database.listen(trialsChannel(study), () => this.#hungry.ring());
    this.#touches = setInterval(() => void this.#touch(), TOUCH_MS);
    this.#claiming = this.#claimTrials();
    this.#delivering = this.#deliverOutcomes();
  }

  /** Never 0 until it is closed: there may always be more. */
  get left(): number {
    if (!this.#closed) return Number.POSITIVE_INFINITY;
    const ended = new Set(this.#outbox.map(({ claim }) => claim.order.number));
    return [...this.#held.keys()].filter((number) => !ended.has(number)).length;
  }

  get unproposed(): number {
    return this.#closed ? this.#buffer.length : Number.POSITIVE_INFINITY;
  }

  /** How long this worker has had nothing to do, ms. */
  get idleMs(): number {
    return this.#held.size > 0 ? 0 : performance.now() - this.#lastTrialAt;
  }

  listen(wake: () => void): void {
    this.#wake = wake;
  }

  async propose(count: number): Promise<readonly TrialRecord[]> {
    const taken = this.#buffer.splice(0, count);
    this.#unmet = count - taken.length;
    this.#hungry.ring();
    return taken.map(({ order }) => ({ ...order, state: 'running', proposal: null, startedAt: Date.now() }));
  }

  /** Outcomes are safe once they are delivered; until then this process keeps them, and the study has them run again. */
  async settle(ended: readonly EndedTrial[]): Promise<readonly TrialRecord[]> {
    this.#measure(ended.length);
    return ended.map(({ number, outcome }) => {
      const claim = this.#held.get(number);
      if (claim === undefined) throw new Error(`trial ${number} ended, but is not held`);
      this.#outbox.push({ claim, outcome });
      this.#toDeliver.ring();
      return { ...claim.order, state: outcome.state, proposal: null, startedAt: Date.now(), outcome };
    });
  }

  about() {
    return {};
  }

  /** Claims nothing more; what is held is run to its end. */
  close(): void {
    this.#closed = true;
    this.#hungry.ring();
    this.#wake();
  }

  /** Delivers what has ended, and gives back what has not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#hungry.ring();
    await this.#claiming;
    this.#ended = true;
    this.#toDeliver.ring();
    await this.#delivering;
    clearInterval(this.#touches);
    await this.#listener[Symbol.asyncDispose]();
    // If they can't be given back now, others get them once the heartbeat is missed.
    await this.#queue.release([...this.#held.values()]).catch(() => {});
  }

  async #claimTrials(): Promise<void> {
    while (!this.#closed) {
      // None where trials are long: one that waits here while another worker is free would end late.
      const ahead = Math.round(2 * this.#rate * (this.#claimSeconds + LAUNCH_SECONDS));
      const wanted = this.#unmet + ahead - this.#buffer.length;
      if (wanted <= 0) {
        await this.#hungry.wait(POLL_MS);
        continue;
      }
      const began = performance.now();
      const claimed = await this.#whenOnline(
        () => this.#queue.claim(wanted),
        () => this.#closed,
      );
      if (claimed === undefined) return;
      const seconds = (performance.now() - began) / 1000;
      this.#claimSeconds += 0.2 * (seconds - this.#claimSeconds);
      await this.#take(claimed);
      if (claimed.length < wanted) await this.#hungry.wait(POLL_MS);
    }
  }

  /**
   * Keeps what was claimed, but of the trials whose workers went away again and again at most one at a time: should one of
   * them be the reason, the others are not with it.
   */
  async #take(claimed: readonly ClaimedTrial[]): Promise<void> {
    let hasSuspect = [...this.#held.values()].some(isSuspect);
    const back: ClaimedTrial[] = [];
    for (const claim of claimed) {
      if (this.#held.has(claim.order.number)) {
        // This worker was silent for too long, and has it all the same: it goes on, under the new claim.
        this.#held.set(claim.order.number, claim);
        continue;
      }
      if (isSuspect(claim) && hasSuspect) {
        back.push(claim);
        continue;
      }
      hasSuspect ||= isSuspect(claim);
      this.#held.set(claim.order.number, claim);
      this.#buffer.push(claim);
      this.#unmet = Math.max(0, this.#unmet - 1);
    }
    if (back.length < claimed.length) this.#wake();
    if (back.length > 0) await this.#queue.release(back).catch(() => {});
  }

  async #deliverOutcomes(): Promise<void> {
    for (;;) {
      if (this.#outbox.length === 0) {
        if (this.#ended) return;
        await this.#toDeliver.wait(POLL_MS);
        continue;
      }
      const batch = this.#outbox.slice(0, MOST_AT_ONCE);
      const taken = await this.#whenOnline(
        () => this.#queue.deliver(batch),
        () => false,
      );
      if (taken === undefined) return;
      this.#outbox = this.#outbox.slice(batch.length);
      const refused: number[] = [];
      for (const { claim, outcome } of batch) {
        const { number } = claim.order;
        const newest = this.#held.get(number);
        if (taken.has(claim.job) || newest === claim) this.#held.delete(number);
        // Claimed anew by this worker meanwhile, it is delivered once more.
        else if (newest) this.#outbox.push({ claim: newest, outcome });
        if (!taken.has(claim.job) && newest === claim) refused.push(number);
      }
      this.#lastTrialAt = performance.now();
      if (refused.length > 0) this.#tell({ kind: 'refused', trials: refused });
      this.#wake();
    }
  }

  async #touch(): Promise<void> {
    const claims = [...this.#held.values()];
    try {
      const kept = await this.#queue.touch(claims);
      this.#buffer = this.#buffer.filter((claim) => {
        const isLost = claims.includes(claim) && !kept.has(claim.job);
        if (isLost) this.#held.delete(claim.order.number);
        return !isLost;
      });
    } catch (error) {
      if (!isOffline(error)) this.#fail(error);
    }
  }

  /** Repeats work until the database can be reached, or it is over. */
  async #whenOnline<Result>(work: () => Promise<Result>, isOver: () => boolean): Promise<Result | undefined> {
    for (let pause = AGAIN_MS.first; !isOver(); pause = Math.min(2 * pause, AGAIN_MS.longest)) {
      try {
        const result = await work();
        if (this.#offline) this.#tell({ kind: 'online' });
        this.#offline = false;
        return result;
      } catch (error) {
        if (!isOffline(error)) {
          this.#fail(error);
          return undefined;
        }
        if (!this.#offline) this.#tell({ kind: 'offline', reason: (error as Error).message });
        this.#offline = true;
        await new Bell().wait(pause * (0.5 + Math.random()));
      }
    }
    return undefined;
  }

  #measure(ended: number): void {
    const now = performance.now();
    const seconds = (now - this.#ratedAt) / 1000;
    if (seconds <= 0) return;
    this.#ratedAt = now;
    const weight = Math.exp(-seconds / 3);
    this.#rate = weight * this.#rate + ((1 - weight) * ended) / seconds;
  }
}

function isSuspect({ retryCount }: ClaimedTrial): boolean {
  return retryCount >= SUSPECT_RETRIES;
}
