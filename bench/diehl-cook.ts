/**
 * Time of the kernel `diehl_cook` per sample and network, learning, T = 100, real MNIST digits.
 *
 *   node bench/diehl-cook.ts [--device webgpu:llvmpipe] [--slots 16] [--samples 64] [--steps 100] [--lanes 8]
 */
import { parseArgs } from 'node:util';
import { loadMnist } from '../src/data/mnist.ts';
import { openDevice } from '../src/device/index.ts';
import { DiehlCookBatch } from '../src/kernels/diehl-cook.ts';
import { encodePoisson } from '../src/network/encoders/poisson.ts';
import {
  diehlCookParameters,
  diehlCookSlot,
  LIVELY_DIEHL_COOK,
  traceTable,
} from '../src/network/models/diehl-cook.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'auto' },
    slots: { type: 'string', default: '16' },
    samples: { type: 'string', default: '64' },
    steps: { type: 'string', default: '100' },
    lanes: { type: 'string' },
    sizes: { type: 'string', default: '100,400,800,1000' },
    repetitions: { type: 'string', default: '5' },
  },
});

const slots = Number(options.slots);
const samples = Number(options.samples);
const steps = Number(options.steps);
const repetitions = Number(options.repetitions);

await using device = await openDevice(options.device);
console.log(`${device.info.name}, ${slots} slots, T = ${steps}, ${samples} samples a launch, learning`);
const images = loadMnist('train');
const total = samples * (repetitions + 2);
const data = encodePoisson(
  images,
  Array.from({ length: total }, (_, i) => i),
  { steps, maxRateHz: 128, dtMs: 1, seed: 1 },
);
for (const size of options.sizes.split(',').map(Number)) {
  const shape = { slots, maxNeurons: size, maxItems: slots, maxRecords: slots * samples };
  const lanes = options.lanes === undefined ? undefined : Number(options.lanes);
  using batch = await DiehlCookBatch.create(device, shape, data, traceTable(steps), lanes);
  const parameters = diehlCookParameters({ ...LIVELY_DIEHL_COOK, map_size: size });
  const silence = { excitatoryAlpha: 1, inhibitoryAlpha: 1 };
  for (let slot = 0; slot < slots; slot++) {
    batch.place(slot, diehlCookSlot(parameters, silence, [slot, 0], steps));
  }
  const times: number[] = [];
  let cpuMs = 0;
  let spikes = 0;
  for (let repetition = 0; repetition < repetitions + 2; repetition++) {
    const cpu = process.cpuUsage();
    const started = performance.now();
    const results = await batch.run(
      Array.from({ length: slots }, (_, slot) => ({
        slot,
        first: repetition * samples,
        count: samples,
        learn: true,
        begins: repetition === 0,
        ordinal: repetition * samples,
        excitatorySilentBudget: Number.POSITIVE_INFINITY,
        inhibitorySilentBudget: Number.POSITIVE_INFINITY,
      })),
    );
    const { user, system } = process.cpuUsage(cpu);
    if (repetition >= 2) cpuMs += (user + system) / 1000;
    if (repetition >= 2) times.push((performance.now() - started) / (samples * slots));
    spikes = results.reduce((sum, result) => sum + result.excitatorySpikes, 0) / (samples * slots);
  }
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] as number;
  const [low, high] = [times[0] as number, times.at(-1) as number];
  console.log(
    `n = ${String(size).padStart(4)}: ${median.toFixed(4)} ms per sample and network ` +
      `(${low.toFixed(4)} to ${high.toFixed(4)}), ` +
      `${(cpuMs / (samples * slots * repetitions)).toFixed(4)} ms of processor time, ${spikes.toFixed(1)} spikes a sample`,
  );
}
