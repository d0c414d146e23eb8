/** Recording a device while it works: what is recorded is what was done, and the work is the same. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DiehlCookWorkload } from '../../src/bench/diehl-cook-work.ts';
import { launchOf } from '../../src/bench/launches.ts';
import { measureLatencies } from '../../src/bench/roofs.ts';
import type { Kernel } from '../../src/device/device.ts';
import type { Device } from '../../src/device/index.ts';
import { REMEMBERED, SHORT_MS } from '../../src/device/webgpu/timing.ts';
import { ProfiledDevice } from '../../src/profile/profiled-device.ts';
import { summarize } from '../../src/profile/summary.ts';
import { traceOf } from '../../src/profile/trace.ts';
import { describeOnDevices } from '../devices.ts';
import { overlaps, traceSchema } from './trace-format.ts';

describeOnDevices('a profiled device', (open) => {
  let device: Device;
  let profiled: ProfiledDevice;
  beforeAll(async () => {
    device = await open({ timing: true });
    profiled = new ProfiledDevice(device, await measureLatencies(device, 1));
  });
  afterAll(() => profiled?.idle());

  it('records each launch with its time, and the bytes that went up and down', async () => {
    const kernel = await profiled.kernel('roof_copy');
    using original = profiled.createBuffer(1600, 'original');
    using copied = profiled.createBuffer(1600, 'copied');
    profiled.restart();
    const words = Uint32Array.from({ length: 400 }, (_, index) => index);
    profiled.write(original, 0, words);
    const launch = launchOf(kernel, { count: 100, chunk: 10 }, { original, copied }, 10);
    profiled.run([launch, launch]);
    const found = new Uint32Array(await profiled.read(copied));
    profiled.run([launch]);
    await profiled.idle();
    expect(found).toEqual(words);
    const recording = await profiled.finish();
    expect(recording.launches.map(({ kernel, workgroups }) => [kernel, workgroups])).toEqual(
      new Array(3).fill(['roof_copy', 10]),
    );
    const { counts, memory, time } = summarize(recording);
    expect(counts).toMatchObject({
      submits: 2,
      launches: 3,
      untimed: 0,
      waits: 2,
      bytesUp: 1600,
      bytesDown: 1600,
    });
    expect(memory.peakDeviceBytes).toBe(3200);
    expect(time.kernels).toBeGreaterThan(0);
    expect(time.kernels).toBeLessThan(time.wall);
  });

  it('sees launches in the order of the queue, within what the host knows of them', async () => {
    const { launches } = await profiled.finish();
    for (const [index, { startedMs, milliseconds }] of launches.entries()) {
      const next = launches[index + 1]?.startedMs ?? Number.POSITIVE_INFINITY;
      expect((startedMs ?? 0) + (milliseconds ?? 0)).toBeLessThanOrEqual(next + 1e-3);
    }
    for (const { submittedMs, knownMs, milliseconds } of launches) {
      expect(milliseconds).toBeLessThan(knownMs - submittedMs + 1e-3);
    }
  });

  it('times short launches together when asked to be sparing, each once, in the order of the queue', async () => {
    const sparing = await open({ timing: 'sparing' });
    const kernels = await Promise.all(['roof_copy', 'roof_multiply_add'].map((name) => sparing.kernel(name)));
    const [copy, multiplyAdd] = kernels as [Kernel, Kernel];
    using original = sparing.createBuffer(1600, 'original');
    using copied = sparing.createBuffer(1600, 'copied');
    using sums = sparing.createBuffer(4 * 64, 'sums');
    const rounds = { count: 64, rounds: 4, scale: 0.5, shift: 0.5 };
    const launches = Array.from({ length: 40 }, (_, index) =>
      index % 2 === 0
        ? launchOf(copy, { count: 100, chunk: 10 }, { original, copied }, 10)
        : launchOf(multiplyAdd, rounds, { sums }, 1),
    );
    sparing.run(launches);
    const first = await sparing.timings();
    // Nothing was known of them yet.
    expect(first.filter(({ sharedBy }) => sharedBy !== undefined)).toEqual([]);
    // Each of these launches takes some µs, but not beside programs that keep all processors busy.
    const short = kernels.every(({ name }) => {
      const times = first.filter(({ kernel }) => kernel === name).map(({ milliseconds }) => milliseconds);
      const last = times.slice(-REMEMBERED).sort((a, b) => a - b);
      return (last[last.length >> 1] as number) < SHORT_MS;
    });
    const began = performance.now();
    sparing.run(launches);
    await sparing.idle();
    const wall = performance.now() - began;
    const timings = await sparing.timings();
    expect(timings.map(({ kernel }) => kernel)).toEqual(launches.map(({ kernel }) => kernel.name));
    const together = timings.filter(({ sharedBy = 1 }) => sharedBy > 1).length;
    // As they take turns, no two share a pass unless both are short.
    if (sparing.info.kind === 'webgpu' && short) expect(together).toBeGreaterThan(20);
    else expect(together).toBe(0);
    for (const [index, { started, milliseconds }] of timings.entries()) {
      const next = timings[index + 1]?.started ?? Number.POSITIVE_INFINITY;
      expect(started + milliseconds).toBeLessThanOrEqual(next + 1e-3);
    }
    const total = timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThan(wall);
  });

  it('counts memory that is given back once', async () => {
    profiled.restart();
    const buffer = profiled.createBuffer(64, 'short-lived');
    buffer[Symbol.dispose]();
    buffer[Symbol.dispose]();
    using _other = profiled.createBuffer(32, 'other');
    const { memory } = await profiled.finish();
    const [start = 0] = memory.map(({ deviceBytes }) => deviceBytes);
    expect(memory.map(({ deviceBytes }) => deviceBytes - start)).toEqual([0, 64, 0, 32]);
  });

  it('runs a batch to the same bits as an unprofiled device, and makes a trace of it', async () => {
    const spikes = [];
    for (const one of [profiled, device]) {
      using workload = await DiehlCookWorkload.create(one, [40, 40], 2);
      await workload.check();
      const { batch } = workload;
      spikes.push(await batch.readNetwork(0, 40));
    }
    const recording = await profiled.finish();
    const trace = traceOf([recording]);
    expect(traceSchema.safeParse(JSON.parse(JSON.stringify(trace))).error).toBeUndefined();
    expect(overlaps(trace.traceEvents)).toEqual([]);
    const kernels = new Set(recording.launches.map(({ kernel }) => kernel));
    expect([...kernels].sort()).toEqual(['diehl_cook', 'uniform_weights']);
  });
});
