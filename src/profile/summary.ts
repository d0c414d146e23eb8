/** Figures of a recording: kernels, gaps, host, memory; and whether they add up. */

import { boundOf, type Roofs } from '../bench/roofs.ts';
import { quantile } from '../bench/statistics.ts';
import { bytesOf, type KernelCost } from '../kernels/costs.ts';
import { clockOffset } from './clock.ts';
import type { LaunchRecord, Recording } from './recording.ts';

export interface KernelProfile {
  readonly kernel: string;
  readonly calls: number;
  /** Calls that were timed alone; of the others the time is a part of what several took together. */
  readonly alone: number;
  readonly totalMs: number;
  /** Of the time of all kernels. */
  readonly share: number;
  readonly meanMs: number;
  /** Of the calls that were timed alone, as the next two. */
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly leastMs: number;
  readonly workgroups: number;
  readonly bytesPerSecond?: number;
  readonly operationsPerSecond?: number;
  /** Operations a byte. */
  readonly intensity?: number;
  readonly boundBy?: string;
  readonly ofRoof?: number;
}

/** Where the wall time went, ms. All but `unexplained` are measured, or follow from counts and measured latencies. */
export interface WallTime {
  readonly wall: number;
  /** Launches, by the device's clock. */
  readonly kernels: number;
  /** Nothing was queued: the host was busy with something else. */
  readonly hostGaps: number;
  /** From a submit to the first launch and from the last one to the host: one round trip for each time that it waited. */
  readonly roundTrips: number;
  /** Between launches that were in the queue together, by the device's clock. */
  readonly betweenLaunches: number;
  /** The rest: wall time less all of these. */
  readonly unexplained: number;
}

export interface ProfileSummary {
  readonly kernels: readonly KernelProfile[];
  readonly time: WallTime;
  /** Share of the wall time in which a kernel ran. */
  readonly busy: number;
  readonly host: {
    readonly encodeMs: number;
    readonly writeMs: number;
    readonly waitMs: number;
    /** Fetching timestamps: the profile's own. */
    readonly fetchMs: number;
    readonly threadCpuMs: number;
  };
  readonly counts: {
    readonly submits: number;
    readonly launches: number;
    /** Launches that the device gave no time for. */
    readonly untimed: number;
    /** Launches whose time is a part of what several took together. */
    readonly together: number;
    readonly waits: number;
    readonly bytesUp: number;
    readonly bytesDown: number;
  };
  readonly memory: { readonly peakDeviceBytes: number; readonly residentBytes: number };
  readonly clockUncertaintyMs: number | undefined;
}

export function summarize(recording: Recording, roofs?: Roofs): ProfileSummary {
  const { launches, spans, periods, memory, latencies } = recording;
  const timed = launches.flatMap(({ milliseconds }) => milliseconds ?? []);
  const kernels = timed.reduce((sum, ms) => sum + ms, 0);
  const started = periods[0]?.startedMs ?? 0;
  const paused = recording.pauses.reduce((sum, from) => {
    const next = periods.find((period) => period.startedMs >= from);
    return sum + (next ? next.startedMs - from : 0);
  }, 0);
  const ended = Math.max(periods.at(-1)?.endedMs ?? 0, recording.pauses.at(-1) ?? 0);
  const wall = ended - started - paused;
  const inPeriods = periods.reduce((sum, period) => sum + period.endedMs - period.startedMs, 0);
  const roundTrips = periods.length * Math.max(0, latencies.roundTripMs - latencies.launchMs);
  const betweenLaunches = gapsInQueue(launches);
  const hostGaps = wall - inPeriods;
  const named = (name: string) => spans.filter((span) => span.name === name);
  const total = (name: string) => named(name).reduce((sum, span) => sum + span.endedMs - span.startedMs, 0);
  const bytes = (name: string) => named(name).reduce((sum, span) => sum + (span.bytes ?? 0), 0);
  return {
    kernels: kernelProfiles(recording, kernels, roofs),
    time: {
      wall,
      kernels,
      hostGaps,
      roundTrips,
      betweenLaunches,
      unexplained: wall - kernels - hostGaps - roundTrips - betweenLaunches,
    },
    busy: wall > 0 ? kernels / wall : 0,
    host: {
      encodeMs: total('encode and submit'),
      writeMs: total('write'),
      waitMs: total('read') + total('wait'),
      fetchMs: total('fetch times (profiling)'),
      threadCpuMs: recording.threadCpuMs,
    },
    counts: {
      submits: recording.submits,
      launches: launches.length,
      untimed: launches.length - timed.length,
      together: launches.filter(({ sharedBy }) => sharedBy !== undefined).length,
      waits: periods.length,
      bytesUp: bytes('write'),
      bytesDown: bytes('read'),
    },
    memory: {
      peakDeviceBytes: memory.reduce((most, { deviceBytes }) => Math.max(most, deviceBytes), 0),
      residentBytes: recording.residentBytes,
    },
    clockUncertaintyMs: clockOffset(launches)?.uncertaintyMs,
  };
}

/** Time between the end of a launch and the begin of the next one that waited already, by the device's clock, ms. */
function gapsInQueue(launches: readonly LaunchRecord[]): number {
  let sum = 0;
  launches.forEach(({ startedMs, milliseconds, knownMs }, index) => {
    const next = launches[index + 1];
    if (next?.startedMs === undefined || startedMs === undefined || milliseconds === undefined) return;
    if (next.submittedMs < knownMs) sum += Math.max(0, next.startedMs - (startedMs + milliseconds));
  });
  return sum;
}

function kernelProfiles(
  { launches, costs }: Recording,
  all: number,
  roofs: Roofs | undefined,
): KernelProfile[] {
  const names = [...new Set(launches.map(({ kernel }) => kernel))];
  return names
    .map((kernel): KernelProfile => {
      const own = launches.filter((launch) => launch.kernel === kernel);
      const timed = own.flatMap(({ milliseconds }) => milliseconds ?? []);
      const totalMs = timed.reduce((sum, ms) => sum + ms, 0);
      const times = own
        .flatMap(({ milliseconds, sharedBy }) => (sharedBy === undefined ? (milliseconds ?? []) : []))
        .sort((a, b) => a - b);
      return {
        kernel,
        calls: own.length,
        alone: times.length,
        totalMs,
        share: all > 0 ? totalMs / all : 0,
        meanMs: totalMs / Math.max(1, timed.length),
        medianMs: quantile(times, 0.5),
        p95Ms: quantile(times, 0.95),
        leastMs: times[0] ?? Number.NaN,
        workgroups: own.reduce((sum, { workgroups }) => sum + workgroups, 0),
        ...againstRoof(costs[kernel], own.length, totalMs, roofs),
      };
    })
    .sort((a, b) => b.totalMs - a.totalMs);
}

function againstRoof(cost: KernelCost | undefined, calls: number, totalMs: number, roofs: Roofs | undefined) {
  if (cost === undefined || totalMs === 0) return {};
  const bytes = bytesOf(cost);
  const bound = roofs && boundOf(cost, calls, roofs);
  return {
    bytesPerSecond: (1000 * bytes) / totalMs,
    operationsPerSecond: (1000 * cost.operations) / totalMs,
    intensity: cost.operations / bytes,
    ...(bound ? { boundBy: bound.by, ofRoof: bound.milliseconds / totalMs } : {}),
  };
}
