/**
 * Forward and backward of surrogate-gradient training, without an update.
 *
 * - `recurrent`: 700-256-20, T = 100, batch 64, event inputs (3 % of all inputs and steps), recurrent hidden layer
 * - `dense`: n to n neurons, batch 16, T = 500, normal inputs: the task of the snn-library-benchmarks; its loss there is
 *   the sum of all spikes, here the mean square of rates, whose gradient costs the same to spread over time
 *
 *     node_modules/.bin/node bench/training.ts --task recurrent --device native --python <python with the peers>
 *     node_modules/.bin/node bench/training.ts --task dense --n 1024
 *
 * `--threads 1` and `processorSeconds` compare what the work costs on a machine that does other things too.
 * With --python the peers (bench/peers/surrogate_training.py) run right after, in the same go.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type SampleSource, storedSpikes } from '../src/data/samples.ts';
import { openDevice } from '../src/device/index.ts';
import type { TrainingDescription } from '../src/learning/surrogate/description.ts';
import { SurrogateTrainer } from '../src/learning/surrogate/trainer.ts';
import { Draws } from '../src/random/draws.ts';

const { values } = parseArgs({
  options: {
    task: { type: 'string', default: 'recurrent' },
    device: { type: 'string', default: 'native' },
    n: { type: 'string', default: '1024' },
    repetitions: { type: 'string', default: '7' },
    python: { type: 'string' },
    threads: { type: 'string', default: '2' },
  },
});
const repetitions = Number(values.repetitions);
const n = Number(values.n);
const neuron = { kind: 'lif', threshold: 1, surrogate: { kind: 'fast-sigmoid', slope: 10 } } as const;

function recurrent(): { source: SampleSource; description: TrainingDescription } {
  const [steps, samples, inputs] = [100, 64, 700];
  const draws = new Draws([7, 0], 98);
  const offsets: number[] = [];
  const events: number[] = [];
  for (let b = 0; b < samples; b++) {
    offsets.push(events.length);
    for (let t = 0; t < steps; t++) {
      for (let i = 0; i < inputs; i++) if (draws.unit() < 0.03) events.push(i);
      offsets.push(events.length);
    }
  }
  const labels = Uint8Array.from({ length: samples }, (_, b) => b % 20);
  const shape = [1, 1, inputs] as const;
  const data = { steps, inputs, shape, classes: 20, labels };
  return {
    source: storedSpikes({ ...data, offsets: Uint32Array.from(offsets), events: Uint16Array.from(events) }),
    description: {
      layers: [
        {
          kind: 'dense',
          neurons: 256,
          // So that the hidden neurons spike in some per cent of the steps, as trained ones do.
          init: { kind: 'uniform', gain: 4 },
          recurrent: {},
          neuron: { ...neuron, membraneDecay: 0.9 },
        },
        { kind: 'dense', neurons: 20, neuron: { kind: 'integrator', membraneDecay: 0.95 } },
      ],
      loss: { kind: 'membrane-mean' },
      optimizer: { kind: 'sgd', rate: 0 },
      seed: 1,
    },
  };
}

function dense(): { source: SampleSource; description: TrainingDescription } {
  const [steps, samples] = [500, 16];
  const draws = new Draws([7, 0], 98);
  const normal = Float32Array.from({ length: 1 << 16 }, () => draws.normal());
  const all = Float32Array.from(
    { length: samples * steps * n },
    (_, index) => normal[(index * 40_503) & 0xffff] as number,
  );
  const source: SampleSource = {
    kind: 'values',
    samples,
    steps,
    inputs: n,
    shape: [1, 1, n],
    classes: n,
    labels: new Uint16Array(samples),
    batch: () => ({ kind: 'values', values: all }),
  };
  return {
    source,
    description: {
      layers: [{ kind: 'dense', neurons: n, bias: true, neuron: { ...neuron, membraneDecay: 0.95 } }],
      loss: { kind: 'rate-mse', rateTrue: 0.5, rateFalse: 0.1 },
      optimizer: { kind: 'sgd', rate: 0 },
      seed: 1,
    },
  };
}

const { source, description } = values.task === 'dense' ? dense() : recurrent();
await using device = await openDevice(values.device, { timing: true, threads: Number(values.threads) });
using trainer = await SurrogateTrainer.create(device, {
  batchSize: source.samples,
  input: source,
  networks: [description],
  memoryBytes: 2 ** 33,
});
trainer.load(0, description);
const indices = Uint32Array.from({ length: source.samples }, (_, index) => index);
const [first] = await trainer.differentiate(source, indices);
await device.timings();
const seconds: number[] = [];
const processor = process.cpuUsage();
for (let r = 0; r < repetitions; r++) {
  const began = performance.now();
  await trainer.differentiate(source, indices);
  seconds.push((performance.now() - began) / 1000);
}
const { user, system } = process.cpuUsage(processor);
const timings = await device.timings();
const byKernel: Record<string, number> = {};
for (const { kernel, milliseconds } of timings) {
  byKernel[kernel] = (byKernel[kernel] ?? 0) + milliseconds / repetitions;
}
seconds.sort((a, b) => a - b);
const median = seconds[seconds.length >> 1] as number;
console.log(
  JSON.stringify({
    library: 'tacet',
    task: values.task,
    ...(values.task === 'dense' ? { n } : {}),
    device: device.info.name,
    seconds: median,
    least: seconds[0],
    most: seconds.at(-1),
    samplesPerSecond: source.samples / median,
    // Of all threads; where other work runs it says more than the clock.
    processorSeconds: (user + system) / 1e6 / repetitions,
    spikesPerSample: first?.layerSpikes,
    kernelMs: byKernel,
  }),
);
if (values.python) {
  const script = fileURLToPath(new URL('./peers/surrogate_training.py', import.meta.url));
  spawnSync(values.python, [script, values.task, String(n), String(repetitions), values.threads], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
