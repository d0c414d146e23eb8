/**
 * The roofs of a device, measured: what it can move and compute at best with the simplest kernels there are, on random
 * data. Every kernel's share of its roof is stated against these, never against a data sheet.
 */
import type { Device, DeviceBuffer, Launch } from '../device/device.ts';
import type { KernelCost } from '../kernels/costs.ts';
import { keyOf, philox4x32 } from '../random/philox.ts';
import { confirm } from './errors.ts';
import { BENCH_STREAM, fillRandom, launchOf, timeLaunches } from './launches.ts';
import { spreadOf } from './statistics.ts';

export interface Roofs {
  /** A copy of what no cache holds, bytes read and written per second. */
  readonly copyBytesPerSecond: number;
  /** Reading a window again and again, by its size in each workgroup; ascending. */
  readonly reads: readonly { readonly withinBytes: number; readonly bytesPerSecond: number }[];
  /** Words read at random, by the size of the table; ascending. */
  readonly gathers: readonly { readonly withinBytes: number; readonly perSecond: number }[];
  /** Fused multiply-adds, each counted as two. */
  readonly flopsPerSecond: number;
  /** The device's time for a launch that does next to nothing, ms. */
  readonly launchMs: number;
  /** What one more launch in a list costs from the host's view, ms. */
  readonly dispatchMs: number;
  /** One small launch and its result back on the host, ms. */
  readonly roundTripMs: number;
  /** The largest relative spread of the rates above, over the repetitions: half of what lies between their quartiles. */
  readonly spread: number;
}

export interface RoofOptions {
  /** Bytes that no cache of the device holds. */
  readonly memoryBytes?: number;
  readonly repetitions?: number;
}

const MIB = 2 ** 20;
/** The last is for caches that all share; a card's many workgroups would need more of it than there is. */
const READ_WINDOWS = [16 * 2 ** 10, 256 * 2 ** 10, 8 * MIB];
const GATHER_TABLES = [64 * 2 ** 10];
/** Elements that a workgroup copies. */
const CHUNK = 4096;

/**
 * Measures the roofs: some seconds.
 *
 * @throws {BenchError} `wrong-result` when a kernel does not compute what it should
 */
export async function measureRoofs(device: Device, options: RoofOptions = {}): Promise<Roofs> {
  const memoryBytes = options.memoryBytes ?? defaultMemoryBytes(device);
  const repetitions = options.repetitions ?? 5;
  const seed = Date.now();
  using values = device.createBuffer(memoryBytes, 'values');
  using copies = device.createBuffer(memoryBytes, 'copies');
  await fillRandom(device, values, seed);
  const bench = new RoofBench(device, { values, copies }, repetitions, seed);
  const copy = await bench.copy();
  const reads: { withinBytes: number; bytesPerSecond: number }[] = [];
  for (const withinBytes of READ_WINDOWS) {
    if (withinBytes * workgroups(device) > memoryBytes) break;
    reads.push({ withinBytes, bytesPerSecond: await bench.read(withinBytes) });
  }
  const gathers: { withinBytes: number; perSecond: number }[] = [];
  for (const withinBytes of [...GATHER_TABLES, memoryBytes]) {
    gathers.push({ withinBytes, perSecond: await bench.gather(withinBytes) });
  }
  return {
    copyBytesPerSecond: copy,
    reads: reads.map(({ withinBytes }, index) => ({
      withinBytes,
      bytesPerSecond: bestFrom(index, reads, ({ bytesPerSecond }) => bytesPerSecond),
    })),
    gathers: gathers.map(({ withinBytes }, index) => ({
      withinBytes,
      perSecond: bestFrom(index, gathers, ({ perSecond }) => perSecond),
    })),
    flopsPerSecond: await bench.multiplyAdd(),
    ...(await measureLatencies(device, repetitions)),
    spread: bench.spread,
  };
}

/**
 * The rate of a set, of rates that ascend by the size of their sets: what a large one reaches a small one does too, as it
 * is a part of one. A lower figure says that something else took the device while it was measured.
 */
export function bestFrom<Rate>(index: number, rates: readonly Rate[], of: (rate: Rate) => number): number {
  return rates.slice(index).reduce((most, rate) => Math.max(most, of(rate)), 0);
}

/** 256 MiB for what has memory of its own or large caches; less where a software adapter would take seconds. */
function defaultMemoryBytes({ info }: Device): number {
  const most = Math.min(info.limits.maxBindingBytes, info.limits.maxBufferBytes);
  return Math.min(256 * MIB, 2 ** Math.floor(Math.log2(most)));
}

interface RoofBuffers {
  /** Random words. */
  readonly values: DeviceBuffer;
  /** As large. */
  readonly copies: DeviceBuffer;
}

class RoofBench {
  /** The largest relative spread of a rate so far. */
  spread = 0;
  readonly #device: Device;
  readonly #buffers: RoofBuffers;
  readonly #repetitions: number;
  readonly #seed: number;

  constructor(device: Device, buffers: RoofBuffers, repetitions: number, seed: number) {
    this.#device = device;
    this.#buffers = buffers;
    this.#repetitions = repetitions;
    this.#seed = seed;
  }

  async copy(): Promise<number> {
    const { values, copies } = this.#buffers;
    const kernel = await this.#device.kernel('roof_copy');
    const count = values.byteLength / 16;
    const groups = Math.ceil(count / CHUNK);
    const launch = launchOf(kernel, { count, chunk: CHUNK }, { original: values, copied: copies }, groups);
    this.#device.run([launch]);
    const [from, to] = await Promise.all([
      this.#device.read(values, 0, 4096),
      this.#device.read(copies, 0, 4096),
    ]);
    confirm(Buffer.from(from).equals(Buffer.from(to)), () => 'roof_copy copied something else');
    return await this.#rate(2 * values.byteLength, launch);
  }

  async read(windowBytes: number): Promise<number> {
    const device = this.#device;
    const kernel = await device.kernel('roof_read');
    const window = windowBytes / 16;
    const groups = workgroups(device);
    using sums = device.createBuffer(16 * groups, 'sums');
    const launch = (rounds: number) =>
      launchOf(kernel, { groups, window, rounds }, { values: this.#buffers.values, sums }, groups);
    device.run([launch(2)]);
    const found = new Uint32Array(await device.read(sums, 0, 16));
    const words = new Uint32Array(await device.read(this.#buffers.values, 0, windowBytes));
    const expected = new Uint32Array(4);
    words.forEach((word, index) => {
      expected[index % 4] = (expected[index % 4] as number) + word + (word ^ 1);
    });
    confirm(
      expected.every((sum, c) => sum === found[c]),
      () => 'roof_read summed something else',
    );
    const rounds = await this.#enough((n) => launch(n));
    return await this.#rate(groups * windowBytes * rounds, launch(rounds));
  }

  async gather(tableBytes: number): Promise<number> {
    const device = this.#device;
    const kernel = await device.kernel('roof_gather');
    const count = 64 * 256 * (device.info.kind === 'webgpu' && !device.info.software ? 64 : 1);
    using found = device.createBuffer(4 * count, 'found');
    const mask = tableBytes / 4 - 1;
    const launch = (rounds: number) =>
      launchOf(
        kernel,
        { count, rounds, mask },
        { table: this.#buffers.values, found },
        Math.ceil(count / 64),
      );
    device.run([launch(1)]);
    const [last] = new Uint32Array(await device.read(found, 4 * (count - 1), 4));
    const expected = this.#wordAt(mix(count - 1) & mask);
    confirm(last === expected, () => `roof_gather found ${last} instead of ${expected}`);
    const rounds = await this.#enough((n) => launch(n));
    return await this.#rate(count * rounds, launch(rounds));
  }

  async multiplyAdd(): Promise<number> {
    const device = this.#device;
    const kernel = await device.kernel('roof_multiply_add');
    const count = 64 * 64 * (device.info.kind === 'webgpu' && !device.info.software ? 64 : 1);
    using sums = device.createBuffer(4 * count, 'sums');
    const launch = (rounds: number) =>
      launchOf(kernel, { count, rounds, scale: 0.5, shift: 0.5 }, { sums }, Math.ceil(count / 64));
    device.run([launch(3)]);
    const [first] = new Float32Array(await device.read(sums, 0, 4));
    // x -> x / 2 + 1 / 2 three times is (x + 7) / 8; all of it exact in f32.
    const expected = Array.from({ length: 32 }, (_, c) => (c / 64 + 7) / 8).reduce((a, b) => a + b);
    confirm(first === expected, () => `roof_multiply_add found ${first} instead of ${expected}`);
    const rounds = await this.#enough((n) => launch(n));
    return await this.#rate(64 * count * rounds, launch(rounds));
  }

  /** Rounds with which a launch takes at least some 20 ms. */
  async #enough(launch: (rounds: number) => Launch): Promise<number> {
    let rounds = 4;
    for (;;) {
      const [ms = 0] = await timeLaunches(this.#device, [launch(rounds)]);
      if (ms > 20 || rounds >= 2 ** 22) return rounds;
      rounds = Math.min(2 ** 22, Math.ceil(rounds * Math.min(16, 30 / Math.max(ms, 0.01))));
    }
  }

  /** Amount per second of a launch that does so much, of the fastest: a roof is what can be reached. Notes the spread. */
  async #rate(amount: number, launch: Launch): Promise<number> {
    const times: number[] = [];
    for (let repetition = 0; repetition < 3 * this.#repetitions + 1; repetition++) {
      const [ms = Number.NaN] = await timeLaunches(this.#device, [launch]);
      if (repetition > 0) times.push(ms);
    }
    const { low, median, deviation } = spreadOf(times);
    this.spread = Math.max(this.spread, deviation / median);
    return (1000 * amount) / low;
  }

  #wordAt(index: number): number | undefined {
    const [low, high] = keyOf(this.#seed);
    return philox4x32([Math.floor(index / 4), BENCH_STREAM, 0, 0], [low, high])[index % 4];
  }
}

/** Workgroups that fill a device: one a thread of a processor, many more on a card. */
function workgroups({ info }: Device): number {
  return info.kind === 'native' || info.software ? 8 : 1024;
}

/** As in `shaders/roof_gather.wgsl`. */
function mix(number: number): number {
  let x = Math.imul(number, 0x9e3779b1);
  x ^= x >>> 15;
  x = Math.imul(x, 0x85ebca6b);
  return (x ^ (x >>> 13)) >>> 0;
}

/** What a kernel can't do faster than, by each roof, ms. */
export interface Bound {
  readonly milliseconds: number;
  /** What the bound comes from. */
  readonly by: 'memory' | 'cache' | 'scattered access' | 'arithmetic' | 'launches';
}

/** The least time for a cost in so many launches: the highest of what each roof asks for on its own. */
export function boundOf(cost: KernelCost, launches: number, roofs: Roofs): Bound {
  const parts = partsOf(cost, launches, roofs);
  const [by, milliseconds] = parts.reduce((most, part) => (part[1] > most[1] ? part : most));
  return { by, milliseconds };
}

/** What each roof asks for, ms. */
export function partsOf(
  cost: KernelCost,
  launches: number,
  roofs: Roofs,
): readonly (readonly [Bound['by'], number])[] {
  let memory = 0;
  let cache = 0;
  for (const { bytes, within } of cost.traffic) {
    const level = roofs.reads.find(({ withinBytes }) => within <= withinBytes);
    if (level) cache += bytes / level.bytesPerSecond;
    else memory += bytes / roofs.copyBytesPerSecond;
  }
  const last = roofs.gathers.at(-1)?.perSecond ?? Number.POSITIVE_INFINITY;
  const scattered = cost.scattered.reduce((sum, { count, within }) => {
    return sum + count / (roofs.gathers.find(({ withinBytes }) => within <= withinBytes)?.perSecond ?? last);
  }, 0);
  return [
    ['memory', 1000 * memory],
    ['cache', 1000 * cache],
    ['scattered access', 1000 * scattered],
    // The roof counts a multiply-add as two.
    ['arithmetic', (2000 * cost.operations) / roofs.flopsPerSecond],
    ['launches', launches * roofs.launchMs],
  ];
}

/** What launches that do next to nothing cost: see {@link Roofs}. Half a second at the most. */
export async function measureLatencies(
  device: Device,
  repetitions = 5,
): Promise<Pick<Roofs, 'launchMs' | 'dispatchMs' | 'roundTripMs'>> {
  const kernel = await device.kernel('roof_copy');
  using values = device.createBuffer(16, 'values');
  using copies = device.createBuffer(16, 'copies');
  const small = launchOf(kernel, { count: 1, chunk: 1 }, { original: values, copied: copies }, 1);
  const many = Array.from({ length: 128 }, () => small);
  const launches: number[] = [];
  const dispatches: number[] = [];
  const trips: number[] = [];
  for (let repetition = 0; repetition < 4 + 3 * repetitions; repetition++) {
    const began = performance.now();
    device.run([small]);
    await device.read(copies, 0, 16);
    const trip = performance.now() - began;
    await device.timings();
    const started = performance.now();
    device.run(many);
    await device.read(copies, 0, 16);
    const all = performance.now() - started;
    const timings = await device.timings();
    if (repetition < 4) continue;
    trips.push(trip);
    dispatches.push(Math.max(0, all - trip) / (many.length - 1));
    if (timings.length > 0) launches.push(spreadOf(timings.map((t) => t.milliseconds)).median);
  }
  const dispatchMs = spreadOf(dispatches).median;
  return {
    launchMs: launches.length > 0 ? spreadOf(launches).median : dispatchMs,
    dispatchMs,
    roundTripMs: spreadOf(trips).median,
  };
}
