/**
 * Which trial runs where: free slots, trials put back, and which trial to blame when a worker goes down.
 *
 * A trial that was running in a worker that went down is run again, first in the queue. When it happens to it a second
 * time it is a suspect: the worker that replaces this one runs its suspects in groups half as large as the one that
 * went down, and nothing beside them, until they are through. So a trial that brings its workers down is soon alone in
 * one, and the others survive. It is failed when it ran alone and stood at about the same place each time that a worker
 * of its went down, at least twice: trials are reproducible, so one that is to blame fails where it failed before, and
 * one that has bad luck somewhere else. When a worker goes down with it alone for the fifth time, it is failed wherever
 * it stood.
 *
 * Pure: knows nothing of threads, devices or stores.
 */
import type { RunningTrial, TrialOrder } from './messages.ts';

/** A trial with which so many workers went down alone is failed wherever they did. */
const MOST_DOWN_ALONE = 5;

/** A trial with what happened to it so far. */
interface Entry<Trial> {
  readonly trial: Trial;
  /** Where it stood each time that its worker went down. */
  readonly downs: Standing[];
  /** In how many of these it ran there alone. */
  downsAlone: number;
  /** Where it stands. */
  standing: Standing;
  /** How many trials may run in its worker, itself included. */
  company: number;
  /** The worker that has to run it, for a suspect. */
  home?: number;
}

/** How far a trial was when last heard of. */
interface Standing {
  /** Undefined before its first chunk was done. */
  readonly samplesLeft: number | undefined;
  /** Samples of that chunk. */
  readonly chunk: number;
}

const AT_ITS_START: Standing = { samplesLeft: undefined, chunk: 0 };

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

  /** Puts trials into the queue, behind those that are there. */
  add(trials: readonly Trial[]): void {
    for (const trial of trials) {
      const company = Number.POSITIVE_INFINITY;
      this.#waiting.push({ trial, downs: [], downsAlone: 0, standing: AT_ITS_START, company });
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

  /** Whether a worker has slots without a trial. */
  get hasIdleSlots(): boolean {
    return [...this.#free.values()].some((count) => count > 0);
  }

  /** Takes a trial that ended off its worker. Undefined for one that is not running there. */
  ended(worker: number, number: number): Trial | undefined {
    const entry = this.#running.get(worker)?.get(number);
    this.#running.get(worker)?.delete(number);
    return entry?.trial;
  }

  /** A worker has done a chunk: where its trials stand. */
  chunk(worker: number, running: readonly RunningTrial[]): void {
    for (const { number, samplesLeft } of running) {
      const entry = this.#running.get(worker)?.get(number);
      if (!entry) continue;
      const before = entry.standing.samplesLeft;
      const chunk = before === undefined ? entry.standing.chunk : before - samplesLeft;
      entry.standing = { samplesLeft, chunk };
    }
  }

  /** A worker went down: its slots are gone, its trials are put back or failed. Another one takes its place. */
  down(worker: number): Verdict<Trial> {
    const entries = [...(this.#running.get(worker)?.values() ?? [])];
    this.#running.delete(worker);
    this.#free.delete(worker);
    const again: Entry<Trial>[] = [];
    const culprits: Entry<Trial>[] = [];
    for (const entry of entries) {
      entry.downs.push(entry.standing);
      entry.standing = AT_ITS_START;
      const alone = entries.length === 1;
      if (alone) entry.downsAlone += 1;
      if (alone && isToBlame(entry)) {
        culprits.push(entry);
        continue;
      }
      if (entry.downs.length >= 2) {
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

/** Whether a trial with which a worker went down alone is the cause. */
function isToBlame({ downs, downsAlone }: Pick<Entry<unknown>, 'downs' | 'downsAlone'>): boolean {
  const [first, ...others] = downs;
  if (downsAlone >= MOST_DOWN_ALONE) return true;
  return first !== undefined && others.length > 0 && others.every((other) => isSamePlace(first, other));
}

/** Sizes of chunks differ from worker to worker: within two of the larger ones is the same place. */
function isSamePlace(a: Standing, b: Standing): boolean {
  if (a.samplesLeft === undefined || b.samplesLeft === undefined) return a.samplesLeft === b.samplesLeft;
  return Math.abs(a.samplesLeft - b.samplesLeft) <= 2 * Math.max(a.chunk, b.chunk);
}
