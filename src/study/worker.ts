/** The worker thread that owns a device: opens it, encodes the data, and serves trials until it is told to close. */
import type { MessagePort } from 'node:worker_threads';
import { loadMnist } from '../data/mnist.ts';
import { splitIndices } from '../data/split.ts';
import type { Device } from '../device/device.ts';
import { openDevice } from '../device/index.ts';
import { type BatchShape, batchBytes, DiehlCookBatch, type EventLists } from '../kernels/diehl-cook.ts';
import { encodePoisson } from '../network/encoders/poisson.ts';
import { DIEHL_COOK_CONSTANTS, traceTable } from '../network/models/diehl-cook.ts';
import type { TrialData } from './diehl-cook-trial.ts';
import type { FromWorker, ToWorker, TrialOrder, WorkerSetup } from './messages.ts';
import type { MnistStdpSettings } from './recipes.ts';
import { serveSlots, type TrialSource } from './slots.ts';

/** Samples of one item in one launch, at the most: room for its records. */
const MAX_CHUNK = 1024;

/** What Piscina hands over. */
export interface WorkerTask {
  readonly setup: WorkerSetup;
  readonly port: MessagePort;
}

/** Runs until the main thread closes or abandons the session. Rejects with what went wrong. */
export default async function serve({ setup, port }: WorkerTask): Promise<void> {
  const orders = new PortSource(port);
  const tell = (message: FromWorker): void => port.postMessage(message);
  try {
    const started = performance.now();
    await using device = await openDevice(setup.device);
    const { encoded, data } = encodeMnist(setup.settings);
    const slots = setup.slots ?? defaultSlots(device);
    const shape: BatchShape = {
      slots,
      maxNeurons: setup.maxNeurons,
      maxItems: slots,
      maxRecords: slots * MAX_CHUNK,
    };
    using batch = await DiehlCookBatch.create(device, shape, encoded, traceTable(setup.settings.steps));
    tell({ kind: 'ready', device: device.info, slots, setupSeconds: (performance.now() - started) / 1000 });
    const plan = { slots, settings: setup.settings, data, deviceName: device.info.name, maxChunk: MAX_CHUNK };
    await serveSlots(setup.chunk ? { ...plan, chunk: setup.chunk } : plan, batch, orders, tell);
  } finally {
    port.close();
  }

  function defaultSlots(device: Device): number {
    // Enough networks to fill a graphics card; on processors, enough that the last ones of a launch are short.
    const wanted = device.info.kind === 'webgpu' && !device.info.software ? 128 : 16;
    const one = batchBytes(
      { slots: 1, maxNeurons: setup.maxNeurons, maxItems: 1, maxRecords: MAX_CHUNK },
      NO_DATA,
    );
    const fit = Math.floor(device.info.limits.maxBindingBytes / (one.weights ?? 1));
    return Math.max(1, Math.min(wanted, fit));
  }
}

const NO_DATA = {
  samples: 0,
  steps: 0,
  inputs: 784,
  offsets: new Uint32Array(0),
  events: new Uint16Array(0),
};

/** MNIST's training set, split and encoded: training samples first, then the hold-out. */
export function encodeMnist(settings: MnistStdpSettings): { encoded: EventLists; data: TrialData } {
  const images = loadMnist('train');
  const { trainSamples, holdOutSamples, dataSeed, steps, maxRateHz } = settings;
  const indices = splitIndices(
    images.labels.length,
    [trainSamples + holdOutSamples],
    dataSeed,
  )[0] as Uint32Array;
  const encoding = { steps, maxRateHz, dtMs: DIEHL_COOK_CONSTANTS.dtMs, seed: dataSeed };
  const encoded = encodePoisson(images, indices, encoding);
  const inputSpikes = new Uint32Array(indices.length);
  for (let sample = 0; sample < indices.length; sample++) {
    const base = sample * (steps + 1);
    inputSpikes[sample] = (encoded.offsets[base + steps] as number) - (encoded.offsets[base] as number);
  }
  const labels = Uint8Array.from(indices, (index) => images.labels[index] as number);
  return { encoded, data: { labels, inputSpikes, classes: images.classes } };
}

/** Trials as they come over a port. */
class PortSource implements TrialSource {
  #waiting: TrialOrder[] = [];
  #closed = false;
  #abandoned = false;
  #wake: (() => void) | undefined;

  constructor(port: MessagePort) {
    port.on('message', (message: ToWorker) => {
      if (message.kind === 'trials') this.#waiting.push(...message.trials);
      if (message.kind !== 'trials') this.#closed = true;
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

  poll(): TrialOrder | undefined {
    return this.#waiting.shift();
  }

  async next(): Promise<TrialOrder | undefined> {
    while (this.#waiting.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#abandoned ? undefined : this.#waiting.shift();
  }
}
