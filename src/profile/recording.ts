/** What is recorded of a device while it works: plain data, which passes between threads. Times are ms of Unix time. */
import type { DeviceInfo } from '../device/device.ts';
import type { KernelCost } from '../kernels/costs.ts';

export interface HostSpan {
  readonly name: string;
  readonly startedMs: number;
  readonly endedMs: number;
  /** Whether the thread computed all the time (true), or waited. */
  readonly computes: boolean;
  readonly bytes?: number;
}

export interface LaunchRecord {
  readonly kernel: string;
  readonly workgroups: number;
  /** The time at which it was given to the device, on the host's clock. */
  readonly submittedMs: number;
  /** On the device's clock, and how long it took; undefined where the device did not tell. */
  readonly startedMs: number | undefined;
  readonly milliseconds: number | undefined;
  /** As many launches were timed together, and the time divided among them; absent for one that was timed alone. */
  readonly sharedBy?: number;
  /** When the host first knew that it was done, on the host's clock. */
  readonly knownMs: number;
}

/** A time in which the device had something to do from the host's view. */
export interface BusyPeriod {
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface MemorySample {
  readonly atMs: number;
  /** Buffers that live on the device, bytes. */
  readonly deviceBytes: number;
}

/** What the device and its queue take for nothing, measured before on the same device. */
export interface Latencies {
  readonly launchMs: number;
  readonly dispatchMs: number;
  readonly roundTripMs: number;
}

export interface Recording {
  readonly device: DeviceInfo;
  readonly spans: readonly HostSpan[];
  readonly launches: readonly LaunchRecord[];
  readonly periods: readonly BusyPeriod[];
  /** Moments from which on, until the next busy period, nothing belonged to the work. */
  readonly pauses: readonly number[];
  readonly memory: readonly MemorySample[];
  readonly submits: number;
  /** Processor time of the thread that drives the device, ms. */
  readonly threadCpuMs: number;
  readonly residentBytes: number;
  readonly latencies: Latencies;
  /** What the launches had to do, by kernel, where it is known. */
  readonly costs: Readonly<Record<string, KernelCost>>;
}
