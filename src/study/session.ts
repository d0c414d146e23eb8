/** A session: the main thread's end of a worker that serves trials on its device. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { leaveBehind } from './left-behind.ts';
import {
  type FromWorker,
  failureOf,
  type ToWorker,
  type WorkerFailure,
  type WorkerSetup,
} from './messages.ts';

/** What a session says; `ended` comes once, after the last message. */
export interface SessionListener {
  message(message: FromWorker): void;
  /** @param failure why the worker went down; undefined when it ended as it was told to */
  ended(failure: WorkerFailure | undefined): void;
}

/** One worker with one device. */
export interface WorkerSession {
  send(message: ToWorker): void;
  /**
   * Gives up a worker that does not answer: nothing is heard of it any more, and it keeps no process alive. It is not
   * ended, because ending a thread with a promise of Dawn's pending aborts the whole process.
   */
  leave(): void;
}

/** Starts a worker. Tests put one here that fails on purpose. */
export type StartSession = (setup: WorkerSetup, listener: SessionListener) => WorkerSession;

/** The worker's file: TypeScript in a clone, JavaScript in an installed package. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** What Piscina hands over to the worker's file. */
export interface WorkerTask {
  readonly setup: WorkerSetup;
  readonly port: MessagePort;
}

/** Starts the worker that opens a device. */
export const startSession: StartSession = (setup, listener) => new ThreadSession(WORKER, { setup }, listener);

/** A worker thread that runs the default export of a file with a {@link WorkerTask}. */
export class ThreadSession implements WorkerSession {
  readonly #pool: Piscina;
  readonly #port: MessagePort;
  #listener: SessionListener | undefined;
  #failure: WorkerFailure | undefined;

  /** @param task goes to the file's function together with the port */
  constructor(file: URL, task: Omit<WorkerTask, 'port'>, listener: SessionListener) {
    this.#listener = listener;
    // One thread a device. With Piscina's waiting by Atomics no callback of Dawn's would run between tasks.
    this.#pool = new Piscina({
      filename: file.href,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
    });
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (message: FromWorker) => {
      if (message.kind === 'failed') this.#failure ??= message.failure;
      else this.#listener?.message(message);
    });
    // Closed by the worker when all is done, or by its end, whatever that was.
    port1.on('close', () => void this.#end());
    // The task only begins the service and is over at once: while a task runs, Piscina holds the process.
    this.#pool.run({ ...task, port: port2 }, { transferList: [port2] }).catch((error: unknown) => {
      this.#failure ??= failureOf(error);
      this.#port.close();
    });
    this.#pool.on('error', (error: unknown) => {
      this.#failure ??= failureOf(error);
    });
  }

  send(message: ToWorker): void {
    this.#port.postMessage(message);
  }

  leave(): void {
    this.#listener = undefined;
    // Should it wake up, it ends and gives its memory back.
    this.send({ kind: 'abandon' });
    this.#port.unref();
    for (const thread of this.#pool.threads) thread.unref();
    leaveBehind();
  }

  async #end(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    await this.#pool.destroy();
    listener?.ended(this.#failure);
  }
}
