/**
 * A cluster as a queueing model: workers with slots, a database that serves a few calls at a time, and a coordinator that
 * takes turns. The times of calls are given, measured elsewhere; each depends on how many trials it is for.
 */

/** A time that is so much for a call and so much for each trial in it, ms. */
export interface CallTime {
  readonly callMs: number;
  readonly trialMs: number;
}

export interface ClusterModel {
  readonly workers: number;
  /** Of each worker. */
  readonly slots: number;
  /** Mean length of a trial, ms; lengths are uniform from half of it to one and a half. */
  readonly trialMs: number;
  /** Calls that the database works on at the same time. */
  readonly databaseProcessors: number;
  /** One way over the network, ms. */
  readonly networkMs: number;
  readonly claim: CallTime;
  readonly deliver: CallTime;
  /** The coordinator's: to record outcomes and to propose as many trials. */
  readonly turn: CallTime;
  /** Trials that wait in the queue for each slot. */
  readonly aheadShare: number;
  /** How many trials each slot runs. */
  readonly rounds: number;
}

export interface SimulatedCluster {
  /** Share of the slots' time in which a trial ran, without the beginning and the end. */
  readonly occupancy: number;
  readonly trialsPerSecond: number;
}

/** Runs the model with random lengths that are the same each time. */
export function simulateCluster(model: ClusterModel): SimulatedCluster {
  const { workers, slots, trialMs, rounds, networkMs } = model;
  const events = new Heap();
  const random = generator(1);
  const total = workers * slots;
  const target = total * rounds;
  const ahead = Math.max(1, Math.ceil(total * model.aheadShare));
  const free = new Array<number>(workers).fill(slots);
  const asking = new Array<boolean>(workers).fill(false);
  const hungry = new Set<number>();
  const database = new Array<number>(model.databaseProcessors).fill(0);
  let queued = total + ahead;
  let delivered = 0;
  let turning = false;
  let ended = 0;
  let begun = 0;
  let busyMs = 0;
  let from = 0;
  let now = 0;

  /** When the database has done a call that comes now. */
  const served = ({ callMs, trialMs: each }: CallTime, trials: number): number => {
    const index = database.indexOf(Math.min(...database));
    const start = Math.max(now + networkMs, database[index] as number);
    database[index] = start + callMs + each * trials;
    return (database[index] as number) + networkMs;
  };
  const ask = (worker: number): void => {
    const wanted = free[worker] as number;
    if (asking[worker] || wanted === 0 || begun >= target) return;
    if (queued === 0) {
      hungry.add(worker);
      return;
    }
    const claimed = Math.min(wanted, queued);
    queued -= claimed;
    asking[worker] = true;
    events.put(served(model.claim, claimed), () => {
      asking[worker] = false;
      free[worker] = (free[worker] as number) - claimed;
      for (let trial = 0; trial < claimed; trial++) {
        const length = trialMs * (0.5 + random());
        begun += 1;
        events.put(now + length, () => end(worker, length));
      }
      ask(worker);
    });
  };
  const end = (worker: number, length: number): void => {
    ended += 1;
    // The first trials begin all at once, the last ones find no successors.
    if (begun > total && begun < target) busyMs += length;
    if (from === 0 && begun > total) from = now;
    free[worker] = (free[worker] as number) + 1;
    events.put(served(model.deliver, 1), () => {
      delivered += 1;
      turn();
    });
    ask(worker);
  };
  const turn = (): void => {
    if (turning || delivered === 0) return;
    turning = true;
    const taken = delivered;
    delivered = 0;
    events.put(served(model.turn, taken), () => {
      turning = false;
      queued += taken;
      const waiting = [...hungry];
      hungry.clear();
      for (const worker of waiting) ask(worker);
      turn();
    });
  };
  for (let worker = 0; worker < workers; worker++) ask(worker);
  let until = 0;
  for (let event = events.take(); event && ended < target; event = events.take()) {
    now = event.at;
    event.run();
    if (begun < target) until = now;
  }
  const seconds = (until - from) / 1000;
  return {
    occupancy: Math.min(1, busyMs / 1000 / seconds / total),
    trialsPerSecond: busyMs / trialMs / seconds,
  };
}

interface Event {
  readonly at: number;
  readonly run: () => void;
}

/** Events in the order of their times. */
class Heap {
  readonly #events: Event[] = [];

  put(at: number, run: () => void): void {
    const events = this.#events;
    let index = events.push({ at, run }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((events[parent] as Event).at <= at) break;
      events[index] = events[parent] as Event;
      index = parent;
    }
    events[index] = { at, run };
  }

  take(): Event | undefined {
    const events = this.#events;
    const [first] = events;
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && (events[child + 1] as Event).at < (events[child] as Event).at)
        child += 1;
      if ((events[child] as Event).at >= last.at) break;
      events[index] = events[child] as Event;
      index = child;
    }
    events[index] = last;
    return first;
  }
}

/** Numbers in [0, 1): Marsaglia's xorshift of 32 bits. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
