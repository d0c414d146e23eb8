/**
 * Processor time of each kernel in a batch of training: all its launches in the batch, again and again, the least of the
 * repetitions. On a processor this says what a kernel costs even where other work runs.
 *
 *     node bench/training-kernels.ts --case spoken-digits
 *     node bench/training-kernels.ts --case recurrent --device webgpu:llvmpipe --repetitions 5
 *
 * Cases: `spoken-digits`, a batch of the recipe of that name; `dense`, `recurrent`, `conv` as in `tacet bench training`.
 * The native engine works with one thread.
 */
import { parseArgs } from 'node:util';
import { training } from '../src/bench/suites/training.ts';
import type { Device, Launch } from '../src/device/device.ts';
import { openDevice } from '../src/device/index.ts';
import { SurrogateTrainer } from '../src/learning/surrogate/trainer.ts';
import { spokenDigitsBatch } from './training/tasks.ts';

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: 'spoken-digits' },
    device: { type: 'string', default: 'native' },
    repetitions: { type: 'string', default: '10' },
  },
});

await using device = await openDevice(values.device, { threads: 1 });
const launches: Launch[] = [];
const recorded = recording(device, launches);
using batch = values.case === 'spoken-digits' ? await spokenDigits(recorded) : await suiteCase(recorded);
await batch.run();
launches.length = 0;
await batch.run();
const byKernel = Map.groupBy([...launches], ({ kernel }) => kernel.name);

console.log(`${values.case} on ${device.info.name}: processor ms a batch\n`);
console.log('| kernel | launches | ms |');
console.log('|---|---|---|');
for (const [kernel, own] of byKernel) {
  let least = Number.POSITIVE_INFINITY;
  for (let repetition = 0; repetition < Number(values.repetitions); repetition++) {
    const began = process.cpuUsage();
    device.run(own);
    await device.idle();
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1000);
  }
  console.log(`| ${kernel} | ${own.length} | ${least.toFixed(2)} |`);
}

/** The same device, which keeps the launches that it is given. */
function recording(inner: Device, kept: Launch[]): Device {
  return new Proxy(inner, {
    get: (target, key) => {
      if (key === 'run') {
        return (given: readonly Launch[]): void => {
          kept.push(...given);
          target.run(given);
        };
      }
      const value: unknown = Reflect.get(target, key);
      // A device's methods reach its private fields.
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

interface Batch extends Disposable {
  run(): Promise<unknown>;
}

async function spokenDigits(on: Device): Promise<Batch> {
  const { source, description } = spokenDigitsBatch();
  const trainer = await SurrogateTrainer.create(on, {
    batchSize: source.samples,
    input: source,
    networks: [description],
  });
  trainer.load(0, description);
  const indices = Uint32Array.from({ length: source.samples }, (_, index) => index);
  return {
    run: () => trainer.step(source, indices),
    [Symbol.dispose]: () => trainer[Symbol.dispose](),
  };
}

async function suiteCase(on: Device): Promise<Batch> {
  const found = training.cases(on).find(({ name }) => name === `training:${values.case}`);
  if (!found) throw new Error(`--case ${values.case} is none of spoken-digits, dense, recurrent and conv`);
  const prepared = await found.prepare(on);
  return { run: () => prepared.run(0), [Symbol.dispose]: () => prepared[Symbol.dispose]() };
}
