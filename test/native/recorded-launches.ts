/** Valid launches of kernels that take long preparations, recorded from small runs, for tests that spoil them. */
import {
  type Device,
  type DeviceBuffer,
  type DeviceInfo,
  type Kernel,
  type Launch,
  type LaunchTiming,
  openDevice,
} from '../../src/device/index.ts';
import { networkSpectra } from '../../src/dynamics/index.ts';
import type { Layer, TrainingDescription } from '../../src/learning/surrogate/description.ts';
import { SurrogateTrainer } from '../../src/learning/surrogate/trainer.ts';
import { currentNetwork, deltaNetwork } from '../dynamics/networks.ts';
import { description, neuron, READOUT, randomSpikes, randomValues } from '../learning/surrogate/networks.ts';

/** A launch as the addon takes it; contents of the buffers in the order of the bindings, as they were before it. */
export interface RecordedLaunch {
  readonly params: Uint8Array;
  readonly buffers: readonly Uint32Array[];
  readonly constants: readonly number[];
  readonly workgroups: readonly number[];
}

/** By the kernel's name. */
export type RecordedLaunches = ReadonlyMap<string, readonly RecordedLaunch[]>;

/** Does everything in the order in which it was asked for, so that it can look at all buffers before each launch. */
class RecordingDevice implements Device {
  readonly info: DeviceInfo;
  readonly lost: Promise<string>;
  readonly #inner: Device;
  readonly #recorded: Map<string, RecordedLaunch[]>;
  #queue: Promise<void> = Promise.resolve();

  constructor(inner: Device, recorded: Map<string, RecordedLaunch[]>) {
    this.#inner = inner;
    this.info = inner.info;
    this.lost = inner.lost;
    this.#recorded = recorded;
  }

  kernel(name: string, constants?: Readonly<Record<string, number>>): Promise<Kernel> {
    return this.#inner.kernel(name, constants);
  }

  createBuffer(byteLength: number, label: string): DeviceBuffer {
    return this.#inner.createBuffer(byteLength, label);
  }

  write(buffer: DeviceBuffer, byteOffset: number, data: ArrayBufferView): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    this.#later(async () => this.#inner.write(buffer, byteOffset, bytes));
  }

  run(launches: readonly Launch[]): void {
    for (const launch of launches) {
      this.#later(async () => {
        await this.#record(launch);
        this.#inner.run([launch]);
      });
    }
  }

  async read(buffer: DeviceBuffer, byteOffset?: number, byteLength?: number): Promise<ArrayBuffer> {
    await this.#queue;
    return this.#inner.read(buffer, byteOffset, byteLength);
  }

  async idle(): Promise<void> {
    await this.#queue;
    await this.#inner.idle();
  }

  timings(): Promise<readonly LaunchTiming[]> {
    return this.#inner.timings();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  #later(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work);
    // Whoever waits for the queue gets the error.
    this.#queue.catch(() => undefined);
  }

  async #record({ kernel, params, buffers, workgroups }: Launch): Promise<void> {
    const contents = kernel.contract.buffers.map(({ name }) =>
      this.#inner.read(buffers[name] as DeviceBuffer),
    );
    const launch = {
      params: params.slice(),
      buffers: (await Promise.all(contents)).map((content) => new Uint32Array(content)),
      constants: Object.values(kernel.constants),
      workgroups: [...workgroups],
    };
    const known = this.#recorded.get(kernel.name);
    if (known) known.push(launch);
    else this.#recorded.set(kernel.name, [launch]);
  }
}

/** Launches of all `surrogate_` and `tangent_` kernels, and of those that these programs run besides. */
export async function recordLaunches(): Promise<RecordedLaunches> {
  const recorded = new Map<string, RecordedLaunch[]>();
  await using inner = await openDevice('native', { threads: 2 });
  const device = new RecordingDevice(inner, recorded);
  for (const { networks, values = false, memoryBytes } of TRAININGS) {
    const data = values ? randomValues(5, STEPS, 32) : randomSpikes(5, STEPS, [4, 4, 2]);
    using trainer = await SurrogateTrainer.create(device, {
      slots: networks.length,
      batchSize: 3,
      input: data,
      networks,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
    });
    networks.forEach((network, slot) => {
      trainer.load(slot, network);
    });
    await trainer.epoch(data);
    await trainer.evaluate(data);
    await device.idle();
  }
  const networks = [currentNetwork(18, 1).compile(), currentNetwork(20, 2, 1).compile()];
  await networkSpectra(device, networks, { route: 'surrogate', durationMs: 10, intervalMs: 2 });
  const pulses = [deltaNetwork({ neurons: 9, degree: 3 }), deltaNetwork({ neurons: 5, degree: 2, seed: 2 })];
  await networkSpectra(
    device,
    pulses.map((network) => network.compile()),
    { route: 'saltation', precision: 'single', durationMs: 40, intervalMs: 10 },
  );
  await device.idle();
  return recorded;
}

const STEPS = 12;

const RECURRENT: Layer = {
  kind: 'dense',
  neurons: 37,
  init: { kind: 'uniform', gain: 2.5 },
  bias: true,
  recurrent: {},
  dropout: 0.3,
  rate: { low: 0.1, high: 0.2, weight: 0.5 },
  neuron: neuron('fast-sigmoid', {
    currentDecay: 0.5,
    reset: 'zero',
    detachReset: false,
    adaptation: 0.2,
    adaptationDecay: 0.9,
    learn: ['currentDecay', 'membraneDecay', 'threshold'],
  }),
};

const DENSE: Layer = { kind: 'dense', neurons: 21, init: { kind: 'uniform', gain: 2.5 }, neuron: neuron() };

const CONVOLUTIONAL: readonly Layer[] = [
  { kind: 'conv', channels: 3, kernel: 3, padding: 1, init: { kind: 'uniform', gain: 3 }, neuron: neuron() },
  { kind: 'pool', kernel: 2, neuron: neuron('triangular', { threshold: 0.9 }) },
  { kind: 'conv', channels: 4, kernel: 2, init: { kind: 'uniform', gain: 3 }, neuron: neuron('gaussian') },
];

const OUTPUT: Layer = {
  kind: 'dense',
  neurons: 3,
  init: { kind: 'uniform', gain: 2 },
  neuron: neuron('exponential'),
};

interface Training {
  readonly networks: readonly TrainingDescription[];
  /** Real values rather than spikes as inputs. */
  readonly values?: boolean;
  readonly memoryBytes?: number;
}

const TRAININGS: readonly Training[] = [
  {
    networks: [
      description([RECURRENT, DENSE, READOUT]),
      description([{ ...RECURRENT, neurons: 10 } as Layer, DENSE, READOUT], {
        optimizer: { kind: 'sgd', rate: 0.1, momentum: 0.9, nesterov: true },
        clipNorm: 0.05,
        seed: 6,
      }),
    ],
  },
  // A little less memory than whole passes take: some steps at a time.
  {
    networks: [description([RECURRENT, DENSE, READOUT], { loss: { kind: 'membrane-mean' }, clipNorm: 1 })],
    memoryBytes: 90_000,
  },
  {
    networks: [
      description([...CONVOLUTIONAL, OUTPUT], { loss: { kind: 'spike-max', epsilon: 0.02 } }),
      description([...CONVOLUTIONAL, OUTPUT], {
        loss: { kind: 'rate-cross-entropy', gain: 2 },
        optimizer: { kind: 'adamw', rate: 0.01 },
        weightDecay: 0.1,
      }),
    ],
  },
  {
    networks: [description([DENSE, OUTPUT], { loss: { kind: 'rate-mse', rateTrue: 0.5, rateFalse: 0.1 } })],
    values: true,
  },
];
