/** Times forward and backward of one batch, without an update. */
import type { SampleSource } from '../../src/data/samples.ts';
import { type Choice, openDevice } from '../../src/device/index.ts';
import type { TrainingDescription } from '../../src/learning/surrogate/description.ts';
import { SurrogateTrainer } from '../../src/learning/surrogate/trainer.ts';
import { median } from '../statistics.ts';

export interface Timing {
  readonly library: string;
  readonly samplesPerSecond: number;
  /** Of a batch, s. */
  readonly seconds: number;
  readonly least: number;
  readonly most: number;
  /** Of all threads, a batch: where other work runs it says more than the clock. */
  readonly processorSeconds: number;
  readonly threads?: number;
  /** A batch, by kernel, ms. */
  readonly kernelMs?: Readonly<Record<string, number>>;
  readonly spikesPerSample?: readonly number[];
}

export async function timeBatches(
  { source, description }: { readonly source: SampleSource; readonly description: TrainingDescription },
  options: { readonly device: Choice; readonly threads: number; readonly repetitions: number },
): Promise<Timing> {
  const { threads, repetitions } = options;
  await using device = await openDevice(options.device, { timing: true, threads });
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
  const kernelMs: Record<string, number> = {};
  for (const { kernel, milliseconds } of await device.timings()) {
    kernelMs[kernel] = (kernelMs[kernel] ?? 0) + milliseconds / repetitions;
  }
  const middle = median(seconds);
  return {
    library: `tacet on ${device.info.name}`,
    samplesPerSecond: source.samples / middle,
    seconds: middle,
    least: Math.min(...seconds),
    most: Math.max(...seconds),
    processorSeconds: (user + system) / 1e6 / repetitions,
    kernelMs,
    ...(first ? { spikesPerSample: first.layerSpikes } : {}),
  };
}
