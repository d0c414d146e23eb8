/** The worker thread that owns a device: opens it, takes the encoded data, and serves trials until it is told to end. */
import type { MessagePort } from 'node:worker_threads';
import { openDevice } from '../device/index.ts';
import { type FromWorker, failureOf, type ToWorker, type TrialOrder, type WorkerSetup } from './messages.ts';
import type { NoteCosts, StudyData, WrapRunner, WrapWorker } from './recipe.ts';
import { recipeOf } from './recipes.ts';
import type { WorkerTask } from './session.ts';
import { serveSlots, type TrialSource } from './slots.ts';

/** What Piscina calls: begins to serve, and returns. The port closes when everything is over. */
export default function start(task: WorkerTask): void {
  void serve(task);
}

export interface WorkerHooks {
  readonly ready?: () => void;
  readonly costs?: NoteCosts;
}

/**
 * Serves until the main thread closes or abandons the session; says what went wrong over the port. Never rejects.
 *
 * @param hooks a profile's: told when all is set up, before the first trial, and what training had to do
 */
export async function serve(
  { setup, port }: WorkerTask,
  wrap: WrapWorker = (batch) => batch,
  open: typeof openDevice = openDevice,
  hooks: WorkerHooks = {},
): Promise<void> {
  const inbox = new Inbox(port);
  const tell = (message: FromWorker): void => {
    if (message.kind === 'ready') hooks.ready?.();
    port.postMessage(message);
  };
  try {
    await serveDevice(
      setup,
      inbox,
      tell,
      (batch, device, encoded) => wrap(batch, device, port, encoded),
      open,
      hooks,
    );
  } catch (error) {
    // Not thrown on: the device is closed, so that this thread can be ended whatever happened.
    tell({ kind: 'failed', failure: failureOf(error) });
  } finally {
    port.close();
  }
}

async function serveDevice(
  setup: WorkerSetup,
  inbox: Inbox,
  tell: (message: FromWorker) => void,
  wrap: WrapRunner,
  open: typeof openDevice,
  { costs }: WorkerHooks,
): Promise<void> {
  const started = performance.now();
  const { device: choice, threads } = setup;
  await using device = await open(choice, threads === undefined ? {} : { threads });
  tell({ kind: 'opened', device: device.info });
  const data = await inbox.data();
  if (!data) return;
  using opened = await recipeOf(setup.recipe).openSlots(device, setup, data, wrap, costs);
  const { slots, slotsAre, engine } = opened;
  tell({ kind: 'ready', slots, slotsAre, setupSeconds: (performance.now() - started) / 1000 });
  await serveSlots({ slots, deviceName: device.info.name }, engine, inbox, tell);
}

/** What comes over a port: the data, and trials. */
export class Inbox implements TrialSource {
  readonly #waiting: TrialOrder[] = [];
  #data: StudyData | undefined;
  #closed = false;
  #abandoned = false;
  #wake: (() => void) | undefined;

  constructor(port: MessagePort) {
    port.on('message', (message: ToWorker) => {
      if (message.kind === 'data') this.#data = message.data;
      else if (message.kind === 'trials') this.#waiting.push(...message.trials);
      else this.#closed = true;
      if (message.kind === 'abandon') this.#abandoned = true;
      this.#wake?.();
    });
    port.on('close', () => {
      this.#closed = true;
      this.#abandoned = true;
      this.#wake?.();
    });
  }

  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** The data once they are here; undefined when the session ends before. */
  async data(): Promise<StudyData | undefined> {
    while (this.#data === undefined && !this.#closed) await this.#news();
    return this.#abandoned ? undefined : this.#data;
  }

  poll(): TrialOrder | undefined {
    return this.#waiting.shift();
  }

  async soon(milliseconds: number): Promise<void> {
    if (this.#waiting.length > 0 || this.#closed) return;
    const wait = Promise.withResolvers<void>();
    const timer = setTimeout(wait.resolve, milliseconds);
    await Promise.race([this.#news(), wait.promise]);
    clearTimeout(timer);
  }

  async next(): Promise<TrialOrder | undefined> {
    while (this.#waiting.length === 0 && !this.#closed) await this.#news();
    return this.#abandoned ? undefined : this.#waiting.shift();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
