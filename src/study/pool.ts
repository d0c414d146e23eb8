/**
 * The workers of a run: one a device, replaced when they go down. They start all at once, so that none waits for one
 * that is slow to open.
 *
 * Knows nothing of trials but how many each worker has. All that happens comes as events to one queue, in the order in
 * which it was heard of.
 */
import { type Choice, DeviceError, type DeviceInfo, isSameCard } from '../device/index.ts';
import type { EventQueue } from './event-queue.ts';
import type { FromWorker, TrialOrder, WorkerFailure, WorkerSetup } from './messages.ts';
import type { StudyData } from './recipe.ts';
import type { StartSession, WorkerSession } from './session.ts';

/** A device that a worker shall own. */
export interface Place {
  readonly device: Choice;
  /** Threads of a native engine that shares the processor with another one. */
  readonly threads?: number;
}

/** How long a worker may say nothing, ms, before it counts as hung. */
export interface Patience {
  /** Until its device is open and its kernels are compiled. */
  readonly startMs: number;
  /** Until its first chunk is done: drivers compile once more then, and the size of chunks is not adapted yet. */
  readonly firstChunkMs: number;
  /** For any other chunk: so many times the longest so far, and at least the second. */
  readonly chunkFactor: number;
  readonly leastMs: number;
  /** Pause before a worker that failed to start is started again. */
  readonly restartMs: number;
}

export const PATIENCE: Patience = {
  startMs: 120_000,
  firstChunkMs: 600_000,
  chunkFactor: 20,
  leastMs: 30_000,
  restartMs: 1_000,
};

/** A device that failed to start so often in a row is given up. */
const MOST_FAILED_STARTS = 3;
/**
 * So is one whose workers went down so often in a row without finishing a chunk: more often than it takes to find a
 * trial that brings its workers down among 128 (`dispatcher.ts`).
 */
const MOST_FRUITLESS_LIVES = 12;
/** Errors that a device gives again however often it is started. */
const LASTING: ReadonlySet<string | undefined> = new Set([
  'unknown-device',
  'no-device',
  'native-missing',
  'capacity',
  'wrong-card',
]);

export type PoolEvent =
  | {
      readonly kind: 'message';
      readonly worker: number;
      readonly message: Exclude<FromWorker, { kind: 'failed' }>;
    }
  | {
      readonly kind: 'down';
      readonly worker: number;
      readonly failure: WorkerFailure;
      /** Whether another worker is to take its place on the same device: see {@link WorkerPool.replace}. */
      readonly replaced: boolean;
    }
  /** Not of the pool: the source of trials has something new. */
  | { readonly kind: 'news' }
  /** The run can't go on: the data set could not be encoded, or two workers have one card. */
  | { readonly kind: 'unfit'; readonly error: unknown }
  /** All workers have ended or were given up. */
  | { readonly kind: 'end' };

export interface PoolPlan {
  readonly places: readonly Place[];
  readonly setup: Omit<WorkerSetup, 'device' | 'threads'>;
  readonly data: Promise<StudyData>;
  readonly start: StartSession;
  readonly patience: Patience;
}

/** A place with the worker that it has now. */
class Seat {
  readonly place: Place;
  readonly index: number;
  session: WorkerSession | undefined;
  /** `waiting` from the end of a worker to the start of the next. */
  phase: 'waiting' | 'opening' | 'preparing' | 'serving' | 'over' = 'waiting';
  device: DeviceInfo | undefined;
  /** Trials handed over that have not ended. */
  outstanding = 0;
  /** Time since the worker last said something while it had something to do, ms. */
  silentMs = 0;
  longestChunkMs: number | undefined;
  failedStarts = 0;
  fruitlessLives = 0;
  /**
   * Factor on how long a worker may say nothing: doubled each time that one counted as hung, should it only have been
   * slow, and halved, down to 1, with each trial that ends here.
   */
  patience = 1;

  constructor(place: Place, index: number) {
    this.place = place;
    this.index = index;
  }
}

export class WorkerPool implements AsyncDisposable {
  readonly #plan: PoolPlan;
  readonly #events: EventQueue<PoolEvent>;
  readonly #seats: readonly Seat[];
  readonly #watch: NodeJS.Timeout;
  readonly #tickMs: number;
  readonly #ended = Promise.withResolvers<void>();
  #data: StudyData | undefined;
  #closing = false;
  #abandoned = false;

  /** Starts the workers. */
  constructor(plan: PoolPlan, events: EventQueue<PoolEvent>) {
    this.#plan = plan;
    this.#events = events;
    this.#seats = plan.places.map((place, index) => new Seat(place, index));
    const { startMs, firstChunkMs, leastMs } = plan.patience;
    this.#tickMs = Math.max(5, Math.min(1000, Math.min(startMs, firstChunkMs, leastMs) / 8));
    this.#watch = setInterval(() => this.#lookAfter(), this.#tickMs);
    plan.data.then(
      (data) => {
        this.#data = data;
        for (const seat of this.#seats) {
          seat.silentMs = 0;
          seat.session?.send({ kind: 'data', data });
        }
      },
      (error: unknown) => events.put({ kind: 'unfit', error }),
    );
    for (const seat of this.#seats) this.#start(seat);
  }

  /** Hands trials to a worker. */
  send(worker: number, trials: readonly TrialOrder[]): void {
    const seat = this.#seats[worker];
    if (!seat?.session || trials.length === 0) return;
    if (seat.outstanding === 0) seat.silentMs = 0;
    seat.outstanding += trials.length;
    seat.session.send({ kind: 'trials', trials });
  }

  /**
   * Starts another worker in the place of one that went down. Not done before it is asked for, so that nothing meant for
   * the former one reaches the latter.
   */
  replace(worker: number): void {
    const seat = this.#seats[worker];
    if (seat?.phase !== 'waiting') return;
    const pause = seat.failedStarts > 0 ? this.#plan.patience.restartMs : 0;
    setTimeout(() => this.#start(seat), pause);
  }

  /** No more trials: the workers finish what they have and end. */
  close(): void {
    this.#end('close');
  }

  /** The workers drop what is under way at the next chunk boundary and end. */
  abandon(): void {
    this.#abandoned = true;
    this.#end('abandon');
  }

  /** A worker that is there or will be; undefined when all were given up. */
  anyAlive(): number | undefined {
    return this.#seats.find((seat) => seat.phase !== 'over')?.index;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abandon();
    await this.#ended.promise;
    clearInterval(this.#watch);
  }

  #end(kind: 'close' | 'abandon'): void {
    if (this.#closing && kind === 'close') return;
    this.#closing = true;
    for (const seat of this.#seats) {
      if (seat.session) seat.session.send({ kind });
      else if (seat.phase === 'waiting') this.#leaveSeat(seat);
    }
    this.#checkEnd();
  }

  #start(seat: Seat): void {
    if (seat.phase !== 'waiting') return;
    const { device, threads } = seat.place;
    seat.phase = 'opening';
    seat.silentMs = 0;
    seat.longestChunkMs = undefined;
    seat.outstanding = 0;
    const setup = { ...this.#plan.setup, device, ...(threads === undefined ? {} : { threads }) };
    const session = this.#plan.start(setup, {
      message: (message) => this.#hear(seat, message),
      ended: (failure) => this.#lose(seat, failure),
    });
    seat.session = session;
    if (this.#data) session.send({ kind: 'data', data: this.#data });
    if (this.#closing) session.send({ kind: this.#abandoned ? 'abandon' : 'close' });
  }

  #hear(seat: Seat, message: FromWorker): void {
    seat.silentMs = 0;
    switch (message.kind) {
      case 'failed':
        return;
      case 'opened':
        seat.phase = 'preparing';
        seat.device = message.device;
        this.#checkCard(seat);
        break;
      case 'ready':
        seat.phase = 'serving';
        seat.failedStarts = 0;
        break;
      case 'chunk':
        seat.fruitlessLives = 0;
        seat.longestChunkMs = Math.max(seat.longestChunkMs ?? 0, 1000 * message.seconds);
        break;
      case 'outcomes':
        seat.outstanding -= message.ended.length;
        seat.patience = Math.max(1, seat.patience / 2 ** message.ended.length);
        break;
    }
    this.#events.put({ kind: 'message', worker: seat.index, message });
  }

  /** A session is over. */
  #lose(seat: Seat, failure: WorkerFailure | undefined): void {
    seat.session = undefined;
    if (this.#closing && (failure === undefined || this.#abandoned || seat.outstanding === 0)) {
      this.#leaveSeat(seat);
      this.#checkEnd();
      return;
    }
    const why = failure ?? { name: 'Error', code: undefined, message: 'its thread ended' };
    seat.fruitlessLives += 1;
    if (seat.phase !== 'serving') seat.failedStarts += 1;
    const hopeless =
      (seat.phase !== 'serving' && LASTING.has(why.code)) ||
      seat.failedStarts >= MOST_FAILED_STARTS ||
      seat.fruitlessLives >= MOST_FRUITLESS_LIVES;
    if (hopeless) this.#leaveSeat(seat);
    else seat.phase = 'waiting';
    this.#events.put({ kind: 'down', worker: seat.index, failure: why, replaced: !hopeless });
    this.#checkEnd();
  }

  #leaveSeat(seat: Seat): void {
    seat.phase = 'over';
  }

  /** Two workers on one card by mistake would only be slow: that is an error. */
  #checkCard(seat: Seat): void {
    const mine = seat.device;
    if (!mine) return;
    const other = this.#seats.find(({ index, phase, device }) => {
      return index !== seat.index && phase !== 'over' && device !== undefined && isSameCard(device, mine);
    });
    if (!other) return;
    const [a, b] = [other, seat].map(({ place, device }) => `"${place.device.spec}" (${device?.name})`);
    const error = new DeviceError('same-card', `devices ${a} and ${b} are one card: name each card once`);
    this.#events.put({ kind: 'unfit', error });
  }

  #checkEnd(): void {
    if (this.#seats.some((seat) => seat.phase !== 'over')) return;
    this.#events.put({ kind: 'end' });
    this.#ended.resolve();
  }

  /**
   * Counts the time that workers say nothing in ticks of a timer rather than by a clock, so that a process that was
   * stopped or a machine that slept does not find all its workers hung.
   */
  #lookAfter(): void {
    for (const seat of this.#seats) {
      if (!seat.session || !this.#isBusy(seat)) continue;
      seat.silentMs += this.#tickMs;
      const most = this.#mostSilence(seat);
      if (seat.silentMs <= most) continue;
      seat.session.leave();
      seat.patience *= 2;
      const message = `it has said nothing for ${(most / 1000).toFixed(1)} s`;
      this.#lose(seat, { name: 'Error', code: 'hung', message });
    }
  }

  #isBusy(seat: Seat): boolean {
    if (seat.phase === 'preparing') return this.#data !== undefined || this.#closing;
    return seat.phase !== 'serving' || seat.outstanding > 0 || this.#closing;
  }

  #mostSilence(seat: Seat): number {
    const { startMs, firstChunkMs, leastMs, chunkFactor } = this.#plan.patience;
    if (seat.phase !== 'serving') return startMs * seat.patience;
    if (seat.longestChunkMs === undefined) return firstChunkMs * seat.patience;
    return Math.max(leastMs, chunkFactor * seat.longestChunkMs) * seat.patience;
  }
}
