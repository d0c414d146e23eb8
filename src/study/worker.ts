/** The worker thread that owns a device: opens it, takes the encoded data, and serves trials until it is told to end. */
import type { MessagePort } from 'node:worker_threads';
import type { Device } from '../device/device.ts';
import { openDevice } from '../device/index.ts';
import { type BatchShape, DiehlCookBatch, type EventLists } from '../kernels/diehl-cook.ts';
import { traceTable } from '../network/models/diehl-cook.ts';
import { type Calibration, calibrateSlots } from './calibration.ts';
import type { EncodedData } from './encoded-data.ts';
import { type FromWorker, failureOf, type ToWorker, type TrialOrder, type WorkerSetup } from './messages.ts';
import type { WorkerTask } from './session.ts';
import { launchMsOf, type SlotRunner, serveSlots, type TrialSource } from './slots.ts';

/** Samples of one item in one launch, at the most: room for its records. */
const MAX_CHUNK = 1024;

/** What tests put between the slots and the device. */
export type WrapRunner = (
  batch: SlotRunner,
  device: Device,
  port: MessagePort,
  encoded: EventLists,
) => SlotRunner;

/** What Piscina calls: begins to serve, and returns. The port closes when everything is over. */
export default function start(task: WorkerTask): void {
  void serve(task);
}

/** Serves until the main thread closes or abandons the session; says what went wrong over the port. Never rejects. */
export async function serve(
  { setup, port }: WorkerTask,
  wrap: WrapRunner = (batch) => batch,
  open: typeof openDevice = openDevice,
): Promise<void> {
  const inbox = new Inbox(port);
  const tell = (message: FromWorker): void => port.postMessage(message);
  try {
    await serveDevice(
      setup,
      inbox,
      tell,
      (batch, device, encoded) => wrap(batch, device, port, encoded),
      open,
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
  wrap: (batch: SlotRunner, device: Device, encoded: EventLists) => SlotRunner,
  open: typeof openDevice,
): Promise<void> {
  const started = performance.now();
  const { device: choice, settings, maxNeurons, threads, chunk } = setup;
  await using device = await open(choice, threads === undefined ? {} : { threads });
  tell({ kind: 'opened', device: device.info });
  const received = await inbox.data();
  if (!received) return;
  const { encoded, data } = received;
  const { slots, source } = await chooseSlots(device, setup, encoded);
  const shape: BatchShape = { slots, maxNeurons, maxItems: slots, maxRecords: slots * MAX_CHUNK };
  using batch = await DiehlCookBatch.create(device, shape, encoded, traceTable(settings.steps));
  tell({ kind: 'ready', slots, slotsAre: source, setupSeconds: (performance.now() - started) / 1000 });
  const launchMs = launchMsOf(device.info);
  const plan = { slots, settings, data, deviceName: device.info.name, maxChunk: MAX_CHUNK, launchMs };
  await serveSlots(chunk ? { ...plan, chunk } : plan, wrap(batch, device, encoded), inbox, tell);
}

/** How many networks run side by side: as the user says, else what suits the device. */
async function chooseSlots(
  device: Device,
  { slots, maxNeurons, settings }: WorkerSetup,
  { inputs, offsets, events }: EventLists,
): Promise<{ readonly slots: number; readonly source: Calibration['source'] | 'given' }> {
  if (slots !== undefined) return { slots, source: 'given' };
  const { steps, maxRateHz } = settings;
  const dataBytes = offsets.byteLength + events.byteLength;
  return await calibrateSlots(device, {
    maxNeurons,
    steps,
    inputs,
    maxRateHz,
    maxChunk: MAX_CHUNK,
    dataBytes,
  });
}

/** What comes over a port: the data, and trials. */
export class Inbox implements TrialSource {
  readonly #waiting: TrialOrder[] = [];
  #data: EncodedData | undefined;
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

  /** The encoded data once they are here; undefined when the session ends before. */
  async data(): Promise<EncodedData | undefined> {
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
