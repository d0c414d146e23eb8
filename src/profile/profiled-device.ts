/** A device that records all that is done with it. It must have been opened with `timing`, best with the sparing one. */
import { debugLevel, launchLine } from '../device/debug.ts';
import type { Device, DeviceBuffer, DeviceInfo, Kernel, Launch, LaunchTiming } from '../device/device.ts';
import { type KernelCost, sumOfCosts } from '../kernels/costs.ts';
import type { BusyPeriod, HostSpan, Latencies, LaunchRecord, MemorySample, Recording } from './recording.ts';

/** Launches that are let pile up before their times are fetched: below what a set of queries holds. */
const FETCH_AT = 1024;

interface Pending {
  readonly launch: Launch;
  readonly workgroups: number;
  readonly submittedMs: number;
  knownMs: number | undefined;
}

export class ProfiledDevice implements Device {
  readonly info: DeviceInfo;
  readonly lost: Promise<string>;
  readonly #inner: Device;
  readonly #latencies: Latencies;
  readonly #spans: HostSpan[] = [];
  readonly #launches: LaunchRecord[] = [];
  readonly #periods: BusyPeriod[] = [];
  readonly #memory: MemorySample[] = [];
  readonly #costs = new Map<string, KernelCost[]>();
  /** Launches whose times have not been fetched, in the order in which they were given. */
  #pending: Pending[] = [];
  #fetching: Promise<void> = Promise.resolve();
  /** Whether times were fetched at all: from the first ones a sparing device learns which launches are short. */
  #learned = false;
  #busySince: number | undefined;
  /** Launches so far, whose lines TACET_DEBUG=2 prints. */
  #said = 0;
  #deviceBytes = 0;
  #submits = 0;
  #pauses: number[] = [];
  #cpu = process.threadCpuUsage();
  /** Launches from before are not recorded. */
  #since = 0;
  readonly #onEnd: ((recording: Recording) => void) | undefined;

  /** @param onEnd given the recording when the device is closed */
  constructor(inner: Device, latencies: Latencies, onEnd?: (recording: Recording) => void) {
    this.#inner = inner;
    this.#onEnd = onEnd;
    this.#latencies = latencies;
    this.info = inner.info;
    this.lost = inner.lost;
  }

  kernel(name: string, constants?: Readonly<Record<string, number>>): Promise<Kernel> {
    return this.#inner.kernel(name, constants);
  }

  createBuffer(byteLength: number, label: string): DeviceBuffer {
    const buffer = this.#inner.createBuffer(byteLength, label);
    this.#note(byteLength);
    // The buffer itself stays what it is: devices know their own by their class.
    const dispose = buffer[Symbol.dispose].bind(buffer);
    let alive = true;
    buffer[Symbol.dispose] = () => {
      if (alive) this.#note(-byteLength);
      alive = false;
      dispose();
    };
    return buffer;
  }

  write(buffer: DeviceBuffer, byteOffset: number, data: ArrayBufferView): void {
    this.span('write', () => this.#inner.write(buffer, byteOffset, data), data.byteLength);
  }

  run(launches: readonly Launch[]): void {
    const submittedMs = unixMs();
    this.span('encode and submit', () => this.#inner.run(launches));
    this.#submits += 1;
    // A WebGPU device gets all launches of a list at once, when they are encoded; the native engine each as it comes.
    this.#busySince ??= this.info.kind === 'webgpu' ? unixMs() : submittedMs;
    for (const launch of launches) {
      const { workgroups } = launch;
      const count = workgroups[0] * workgroups[1] * workgroups[2];
      // A WebGPU device leaves empty launches out.
      if (count === 0 && this.info.kind === 'webgpu') continue;
      this.#pending.push({ launch, workgroups: count, submittedMs, knownMs: undefined });
    }
  }

  async read(buffer: DeviceBuffer, byteOffset?: number, byteLength?: number): Promise<ArrayBuffer> {
    const startedMs = unixMs();
    const bytes = await this.#inner.read(buffer, byteOffset, byteLength);
    await this.#waited('read', startedMs, bytes.byteLength);
    return bytes;
  }

  async idle(): Promise<void> {
    const startedMs = unixMs();
    await this.#inner.idle();
    await this.#waited('wait', startedMs);
  }

  async timings(): Promise<readonly LaunchTiming[]> {
    await this.#fetch();
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#onEnd?.(await this.finish());
    } finally {
      await this.#inner[Symbol.asyncDispose]();
    }
  }

  /** Records how long a piece of the host's work takes. */
  span<T>(name: string, work: () => T, bytes?: number): T {
    const startedMs = unixMs();
    try {
      return work();
    } finally {
      this.addSpan({
        name,
        startedMs,
        endedMs: unixMs(),
        computes: true,
        ...(bytes === undefined ? {} : { bytes }),
      });
    }
  }

  addSpan(span: HostSpan): void {
    this.#spans.push(span);
  }

  /** Notes what launches had to do. */
  addCosts(costs: Readonly<Record<string, KernelCost>>): void {
    for (const [kernel, cost] of Object.entries(costs)) {
      const own = this.#costs.get(kernel) ?? [];
      own.push(cost);
      this.#costs.set(kernel, own.length > 64 ? [sumOfCosts(own)] : own);
    }
  }

  /** Forgets everything so far but the memory that is held: what comes next is what is measured. */
  restart(): void {
    this.#since = unixMs();
    this.#spans.length = 0;
    this.#launches.length = 0;
    this.#periods.length = 0;
    this.#costs.clear();
    this.#submits = 0;
    this.#pauses = [];
    this.#busySince = undefined;
    this.#memory.splice(0, this.#memory.length, { atMs: unixMs(), deviceBytes: this.#deviceBytes });
    this.#cpu = process.threadCpuUsage();
  }

  /** Says that what follows until the next launch is not part of the work: no gap is counted there. */
  pause(): void {
    this.#pauses.push(unixMs());
  }

  /** What was recorded since the start, or the last restart. */
  async finish(): Promise<Recording> {
    const { user, system } = process.threadCpuUsage(this.#cpu);
    await this.#fetch();
    return {
      device: this.info,
      spans: [...this.#spans],
      launches: [...this.#launches],
      periods: [...this.#periods],
      pauses: [...this.#pauses],
      memory: [...this.#memory],
      submits: this.#submits,
      threadCpuMs: (user + system) / 1000,
      residentBytes: process.resourceUsage().maxRSS * 1024,
      latencies: this.#latencies,
      costs: Object.fromEntries([...this.#costs].map(([kernel, costs]) => [kernel, sumOfCosts(costs)])),
    };
  }

  #note(bytes: number): void {
    this.#deviceBytes += bytes;
    this.#memory.push({ atMs: unixMs(), deviceBytes: this.#deviceBytes });
  }

  /** A wait is over: all launches before it are known to be done. */
  async #waited(name: string, startedMs: number, bytes?: number): Promise<void> {
    const now = unixMs();
    this.addSpan({
      name,
      startedMs,
      endedMs: now,
      computes: false,
      ...(bytes === undefined ? {} : { bytes }),
    });
    // What was given after the wait began may still run.
    const over = this.#pending.filter(({ submittedMs }) => submittedMs <= startedMs);
    for (const launch of over) launch.knownMs ??= now;
    if (this.#busySince !== undefined && over.length === this.#pending.length) {
      this.#periods.push({ startedMs: this.#busySince, endedMs: now });
      this.#busySince = undefined;
    }
    if (over.length >= (this.#learned ? FETCH_AT : 1)) await this.#fetch();
  }

  /** Fetches the times of all launches so far; one fetch after another. */
  #fetch(): Promise<void> {
    this.#fetching = this.#fetching.then(async () => {
      const pending = this.#pending;
      this.#pending = [];
      if (pending.length === 0) return;
      this.#learned = true;
      const startedMs = unixMs();
      const timings = await this.#inner.timings();
      const now = unixMs();
      const talks = debugLevel() >= 2;
      pending.forEach(({ launch, workgroups, submittedMs, knownMs = now }, index) => {
        const timing = timings[index];
        if (talks) process.stderr.write(launchLine(this.#said + index + 1, launch, timing));
        if (submittedMs < this.#since) return;
        this.#launches.push({
          kernel: launch.kernel.name,
          workgroups,
          submittedMs,
          knownMs,
          startedMs: timing?.started,
          milliseconds: timing?.milliseconds,
          ...(timing?.sharedBy === undefined ? {} : { sharedBy: timing.sharedBy }),
        });
      });
      this.#said += pending.length;
      this.addSpan({ name: 'fetch times (profiling)', startedMs, endedMs: now, computes: false });
    });
    return this.#fetching;
  }
}

/** Unix time with the resolution of the monotonic clock, ms: the same in all threads of a process. */
export function unixMs(): number {
  return performance.timeOrigin + performance.now();
}
