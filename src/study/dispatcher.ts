/**
 * Which trial runs where: free slots, trials put back, and which trial to blame when a worker goes down.
 *
 * A trial that was running in a worker that went down is run again, first in the queue. When it happens to it a second
 * time it is a suspect: the worker that replaces this one runs its suspects in groups half as large as the one that
 * went down, and nothing beside them, until they are through. So a trial that brings its workers down is soon alone in
 * one, and the others survive. It is failed when it has brought down two workers alone.
 *
 * Pure: knows nothing of threads, devices or stores.
 */
import type { TrialOrder } from './messages.ts';

/** Workers that a trial may bring down alone before it is failed. */
const MOST_DOWN_ALONE = 2;

/** A trial with what happened to it so far. */
interface Entry<Trial> {
  readonly trial: Trial;
  /** Workers that went down while it ran there, and those of them where it ran alone. */
  downs: number;
  downsAlone: number;
  /** How many trials may run in its worker, itself included. */
  company: number;
  /** The worker that has to run it, for a suspect. */
  home?: number;
}

/** What becomes of the trials of a worker that went down. */
export interface Verdict<Trial> {
  /** Put back, to be run again. */
  readonly again: readonly Trial[];
  /** To be failed. */
  readonly culprits: readonly Trial[];
}

export class Dispatcher<Trial extends TrialOrder> {
  /** Put back or not handed out yet, those put back first. */
  #waiting: Entry<Trial>[] = [];
  readonly #running = new Map<number, Map<number, Entry<Trial>>>();
  /** Free slots by worker, in the order in which they asked. */
  readonly #free = new Map<number, number>();

  /** Puts trials into the queue, before all that are not put back already. */
  add(trials: readonly Trial[]): void {
    for (const trial of trials) {
      this.#waiting.push({ trial, downs: 0, downsAlone: 0, company: Number.POSITIVE_INFINITY });
    }
  }

  /** A worker has slots for more trials. */
  want(worker: number, count: number): void {
    this.#free.set(worker, (this.#free.get(worker) ?? 0) + count);
  }

  /** New trials that the free slots could take besides those that wait here. */
  demand(): number {
    let slots = 0;
    for (const [worker, free] of this.#free) if (!this.#isClosed(worker)) slots += free;
    const shared = this.#waiting.filter((entry) => entry.home === undefined).length;
    return Math.max(0, slots - shared);
  }

  /** Gives waiting trials to free slots: which worker gets which. */
  handOut(): Map<number, Trial[]> {
    const given = new Map<number, Trial[]>();
    for (const worker of [...this.#free.keys()]) {
      const entries = this.#take(worker);
      if (entries.length > 0) {
        given.set(
          worker,
          entries.map(({ trial }) => trial),
        );
      }
    }
    return given;
  }

  /** True when a worker that could take trials has none left to take, with `none` more to come. */
  get hasIdleSlots(): boolean {
    return [...this.#free.values()].some((count) => count > 0);
  }

  /** Takes a trial that ended off its worker. Undefined for one that is not running there. */
  ended(worker: number, number: number): Trial | undefined {
    const entry = this.#running.get(worker)?.get(number);
    this.#running.get(worker)?.delete(number);
    return entry?.trial;
  }

  /** Trials under way in a worker. */
  runningIn(worker: number): number {
    return this.#running.get(worker)?.size ?? 0;
  }

  /** A worker went down: its slots are gone, its trials are put back or failed. Another one takes its place. */
  down(worker: number): Verdict<Trial> {
    const entries = [...(this.#running.get(worker)?.values() ?? [])];
    this.#running.delete(worker);
    this.#free.delete(worker);
    const again: Entry<Trial>[] = [];
    const culprits: Entry<Trial>[] = [];
    for (const entry of entries) {
      entry.downs += 1;
      if (entries.length === 1) entry.downsAlone += 1;
      if (entry.downsAlone >= MOST_DOWN_ALONE) {
        culprits.push(entry);
        continue;
      }
      if (entry.downs >= 2) {
        entry.company = Math.max(1, Math.floor(entries.length / 2));
        entry.home = worker;
      }
      again.push(entry);
    }
    again.sort((a, b) => a.trial.number - b.trial.number);
    this.#waiting = [...again, ...this.#waiting];
    const trials = (list: Entry<Trial>[]) => list.map(({ trial }) => trial);
    return { again: trials(again), culprits: trials(culprits) };
  }

  /** A worker is not replaced: another one has to run its suspects. */
  giveUp(worker: number, heir: number | undefined): void {
    for (const entry of this.#waiting) {
      if (entry.home !== worker) continue;
      if (heir === undefined) delete entry.home;
      else entry.home = heir;
    }
  }

  #take(worker: number): Entry<Trial>[] {
    const running = this.#running.get(worker) ?? new Map<number, Entry<Trial>>();
    this.#running.set(worker, running);
    const closed = this.#isClosed(worker);
    const taken: Entry<Trial>[] = [];
    let free = this.#free.get(worker) ?? 0;
    let company = Math.min(...[...running.values()].map((entry) => entry.company));
    const left: Entry<Trial>[] = [];
    for (const entry of this.#waiting) {
      const meant = closed ? entry.home === worker : entry.home === undefined;
      if (free === 0 || !meant || running.size + 1 > Math.min(company, entry.company)) {
        left.push(entry);
        continue;
      }
      company = Math.min(company, entry.company);
      running.set(entry.trial.number, entry);
      taken.push(entry);
      free -= 1;
    }
    this.#waiting = left;
    if (free === 0) this.#free.delete(worker);
    else this.#free.set(worker, free);
    return taken;
  }

  /** Whether a worker has suspects to run, so that it takes nothing else. */
  #isClosed(worker: number): boolean {
    if (this.#waiting.some((entry) => entry.home === worker)) return true;
    return [...(this.#running.get(worker)?.values() ?? [])].some((entry) => entry.home !== undefined);
  }
}
