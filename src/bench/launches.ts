/** Launches of single kernels by names and numbers. */
import { encodeStruct } from '../device/contract.ts';
import type { Device, DeviceBuffer, Kernel, Launch } from '../device/device.ts';
import { keyOf } from '../random/philox.ts';

export function launchOf(
  kernel: Kernel,
  params: Readonly<Record<string, number>>,
  buffers: Readonly<Record<string, DeviceBuffer>>,
  groups: number,
): Launch {
  const layout = kernel.contract.params;
  if (!layout) throw new Error(`kernel ${kernel.name} takes no params`);
  const across = Math.min(groups, 65_535);
  const down = Math.ceil(groups / Math.max(1, across));
  return { kernel, params: encodeStruct(layout, params), buffers, workgroups: [across, down, 1] };
}

/** Fills a buffer with random words by Philox; others with each seed. */
export async function fillRandom(device: Device, words: DeviceBuffer, seed: number): Promise<void> {
  const kernel = await device.kernel('philox_words', { lanes: 64 });
  device.run([randomLaunch(kernel, words, seed)]);
  await device.idle();
}

/** Stream of the draws of benchmarks, apart from those of models. */
export const BENCH_STREAM = 99;

export function randomLaunch(kernel: Kernel, words: DeviceBuffer, seed: number): Launch {
  const blocks = Math.floor(words.byteLength / 16);
  const [low, high] = keyOf(seed);
  const params = { blocks, first_block: 0, stream: BENCH_STREAM, key_low: low, key_high: high };
  return launchOf(kernel, params, { words }, Math.ceil(blocks / (kernel.constants.lanes ?? 64)));
}

/** Runs launches to their end: their times by the device's clock, or all of them by the host's where it has none. */
export async function timeLaunches(device: Device, launches: readonly Launch[]): Promise<number[]> {
  await device.timings();
  const started = performance.now();
  device.run(launches);
  await device.idle();
  const wall = performance.now() - started;
  const timings = await device.timings();
  if (timings.length === 0) return [wall];
  return timings.map(({ milliseconds }) => milliseconds);
}
