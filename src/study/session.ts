/** A session: the main thread's end of a worker that serves trials on its device. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { FromWorker, ToWorker, TrialOrder, WorkerSetup } from './messages.ts';

/** The worker's file: TypeScript in a clone, JavaScript in an installed package. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/**
 * One worker thread with one device.
 *
 * @example
 * await using session = new Session(setup);
 * session.send([{ number: 0, values, seed: 1 }]);
 * for await (const message of session.messages()) if (message.kind === 'outcome') session.close();
 */
export class Session implements AsyncDisposable {
  readonly #pool: Piscina;
  readonly #port: MessagePort;
  readonly #ended: Promise<void>;

  constructor(setup: WorkerSetup) {
    // One thread a device. With Piscina's waiting by Atomics no callback of Dawn's would run between tasks.
    this.#pool = new Piscina({
      filename: WORKER.href,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
    });
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#ended = this.#pool.run({ setup, port: port2 }, { transferList: [port2] });
    // Seen by whoever reads the messages; a session that nobody reads must not bring the process down.
    this.#ended.catch(() => {});
  }

  /** Hands over trials; as many as the worker wants, or fewer. */
  send(trials: readonly TrialOrder[]): void {
    this.#post({ kind: 'trials', trials });
  }

  /** No more trials: the worker finishes what it has, and the messages end. */
  close(): void {
    this.#post({ kind: 'close' });
  }

  /** Drops what is under way at the next chunk boundary, and the messages end. */
  abandon(): void {
    this.#post({ kind: 'abandon' });
  }

  /** What the worker says, until it ends. Throws what brought the worker down. To be read once. */
  async *messages(): AsyncGenerator<FromWorker> {
    const queue: FromWorker[] = [];
    let wake: () => void = () => {};
    let ended = false;
    this.#port.on('message', (message: FromWorker) => {
      queue.push(message);
      wake();
    });
    // The port closes after its last message; the task's own end may be heard of before that.
    this.#port.on('close', () => {
      ended = true;
      wake();
    });
    while (true) {
      const message = queue.shift();
      if (message) {
        yield message;
        // A port hands over up to 1,000 messages in one turn of the event loop; signals and timers need turns too.
        await nextTurn();
      } else if (ended) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abandon();
    await this.#ended.catch(() => {});
    this.#port.close();
    await this.#pool.destroy();
  }

  #post(message: ToWorker): void {
    this.#port.postMessage(message);
  }
}
