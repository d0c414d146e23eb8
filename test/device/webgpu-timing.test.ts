/** Which launches share passes and how their time is divided, on a GPU whose clock is made up. */

import { beforeAll, expect, it } from 'vitest';
import { globals } from 'webgpu';
import type { Kernel, LaunchTiming } from '../../src/device/device.ts';
import { LaunchTimer } from '../../src/device/webgpu/timing.ts';

type TimedLaunch = Parameters<LaunchTimer['passesOf']>[0][number];

beforeAll(() => {
  Object.assign(globalThis, globals);
});

/** A timer of a GPU on which launches take what `costs` says of their kernels, ms. */
function timed(sparing: boolean, costs: Readonly<Record<string, number>>) {
  const stamps = new BigUint64Array(4096);
  let clockMs = 0;
  const gpu = {
    createQuerySet: () => ({}),
    createBuffer: () => ({
      mapAsync: async () => {},
      getMappedRange: (_offset: number, size: number) => stamps.buffer.slice(0, size),
      unmap: () => {},
    }),
    createCommandEncoder: () => ({
      resolveQuerySet: () => {},
      copyBufferToBuffer: () => {},
      finish: () => ({}),
    }),
    queue: { submit: () => {} },
  };
  // What a timer uses of a GPU.
  const timer = new LaunchTimer(gpu as unknown as GPUDevice, sparing);
  const nanoseconds = (ms: number) => BigInt(Math.round(1e6 * ms));
  return async (names: readonly string[]): Promise<LaunchTiming[]> => {
    const launches = names.map((name): TimedLaunch => {
      return { kernel: { name } as Kernel, workgroups: [1, 1, 1] };
    });
    let done = 0;
    for (const { count, timestamps } of timer.passesOf(launches)) {
      const { beginningOfPassWriteIndex: begin = 0, endOfPassWriteIndex: end = 0 } = timestamps ?? {};
      stamps[begin] = nanoseconds(clockMs);
      for (const name of names.slice(done, done + count)) clockMs += costs[name] as number;
      stamps[end] = nanoseconds(clockMs);
      done += count;
    }
    expect(done).toBe(names.length);
    return timer.take();
  };
}

function turns<T>(count: number, of: readonly T[]): T[] {
  return Array.from({ length: count }, () => of).flat() as T[];
}

it('short launches share passes of 4 ms once they are known, but for one in 64 of a kind', async () => {
  const run = timed(true, { short: 0.1, shorter: 0.05 });
  const first = await run(turns(20, ['short', 'shorter']));
  expect(first.every(({ sharedBy }) => sharedBy === undefined)).toBe(true);
  const later = await run(turns(100, ['short', 'shorter']));
  const alone = later.filter(({ sharedBy }) => sharedBy === undefined);
  // The 65th of each kind.
  expect(alone.map(({ kernel }) => kernel)).toEqual(['short', 'shorter']);
  // 54 x 0.075 ms is the first sum that reaches 4 ms.
  expect(Math.max(...later.map(({ sharedBy = 1 }) => sharedBy))).toBe(54);
  for (const { kernel, milliseconds } of later) {
    expect(milliseconds).toBeCloseTo(kernel === 'short' ? 0.1 : 0.05, 5);
  }
});

it('launches of 1 ms and longer are timed alone, and part those around them', async () => {
  const run = timed(true, { short: 0.1, long: 1 });
  await run(['short', 'long']);
  const timings = await run(turns(5, ['short', 'short', 'long']));
  expect(timings.map(({ sharedBy }) => sharedBy)).toEqual(turns(5, [2, 2, undefined]));
  for (const { kernel, milliseconds } of timings)
    expect(milliseconds).toBeCloseTo(kernel === 'long' ? 1 : 0.1, 5);
});

it('every launch is timed alone unless asked to be sparing', async () => {
  const run = timed(false, { short: 0.1 });
  await run(['short']);
  const timings = await run(turns(10, ['short']));
  expect(timings.filter(({ sharedBy }) => sharedBy !== undefined)).toEqual([]);
});
