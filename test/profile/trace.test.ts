/** Traces open in Perfetto: what it reads of Chrome's format, and that events of a track don't overlap. */
import { describe, expect, it } from 'vitest';
import { roofCopyCost } from '../../src/kernels/costs.ts';
import { clockOffset } from '../../src/profile/clock.ts';
import type { LaunchRecord, Recording } from '../../src/profile/recording.ts';
import { summarize } from '../../src/profile/summary.ts';
import { lanesOf, type TraceEvent, traceOf } from '../../src/profile/trace.ts';
import { ROOFS } from '../bench/results.ts';
import { overlaps, traceSchema } from './trace-format.ts';

const DEVICE_CLOCK = -1_000_000;
/** Two chunks of 10 and 20 ms, 2 ms apart, on a device with a clock of its own; 0.1 ms to start and to answer. */
function recordingOf(): Recording {
  const start = 1_700_000_000_000;
  const launch = (
    kernel: string,
    from: number,
    ms: number,
    submitted: number,
    known: number,
  ): LaunchRecord => ({
    kernel,
    workgroups: 16,
    submittedMs: start + submitted,
    startedMs: start + from + DEVICE_CLOCK,
    milliseconds: ms,
    knownMs: start + known,
  });
  const span = (name: string, from: number, to: number, computes: boolean, bytes?: number) => ({
    name,
    startedMs: start + from,
    endedMs: start + to,
    computes,
    ...(bytes === undefined ? {} : { bytes }),
  });
  return {
    device: { kind: 'native', name: 'a device' } as Recording['device'],
    spans: [
      span('encode and submit', 0, 0.05, true),
      span('read', 0.05, 10.2, false, 100),
      span('read', 0.06, 10.2, false, 50),
      span('write', 11, 11.1, true, 64),
      span('encode and submit', 12.2, 12.25, true),
      span('read', 12.25, 32.4, false, 100),
    ],
    launches: [launch('roof_copy', 0.1, 10, 0, 10.2), launch('other', 12.3, 20, 12.2, 32.4)],
    periods: [
      { startedMs: start, endedMs: start + 10.2 },
      { startedMs: start + 12.2, endedMs: start + 32.4 },
    ],
    pauses: [],
    memory: [
      { atMs: start - 1, deviceBytes: 3e6 },
      { atMs: start + 11, deviceBytes: 5e6 },
    ],
    submits: 2,
    threadCpuMs: 3,
    residentBytes: 1e8,
    latencies: { launchMs: 0.01, dispatchMs: 0.02, roundTripMs: 0.21 },
    costs: { roof_copy: roofCopyCost(1e6) },
  };
}

describe('the clock of a device', () => {
  it('is known between what is submitted before and what is known after', () => {
    const offset = clockOffset(recordingOf().launches);
    expect(offset?.offsetMs).toBeCloseTo(-DEVICE_CLOCK, 2);
    expect(offset?.uncertaintyMs).toBeCloseTo(0.1, 2);
  });

  it('is not known where no launch has times', () => {
    expect(clockOffset([])).toBeUndefined();
  });
});

describe('a summary', () => {
  it('counts the time of launches that were timed together, but takes no median from their shares', () => {
    const recording = recordingOf();
    const [copy] = recording.launches as [LaunchRecord];
    const shared = { ...copy, milliseconds: 1, sharedBy: 3 };
    const { kernels, counts } = summarize({ ...recording, launches: [copy, shared, shared, shared] });
    expect(kernels).toMatchObject([
      { calls: 4, alone: 1, totalMs: 13, meanMs: 3.25, medianMs: 10, leastMs: 10 },
    ]);
    expect(counts).toMatchObject({ launches: 4, together: 3, untimed: 0 });
  });

  const summary = summarize(recordingOf(), ROOFS);

  it('adds up: kernels and gaps are the wall time', () => {
    const { wall, kernels, hostGaps, roundTrips, betweenLaunches, unexplained } = summary.time;
    expect(wall).toBeCloseTo(32.4, 3);
    expect(kernels).toBeCloseTo(30, 6);
    expect(hostGaps).toBeCloseTo(2, 3);
    expect(roundTrips).toBeCloseTo(0.4, 6);
    expect(betweenLaunches).toBe(0);
    expect(unexplained).toBeCloseTo(0, 3);
  });

  it('has kernels by their time, with the share of the roof where the cost is known', () => {
    expect(summary.kernels.map(({ kernel }) => kernel)).toEqual(['other', 'roof_copy']);
    expect(summary.kernels[1]?.ofRoof).toBeCloseTo(0.32, 6);
    expect(summary.kernels[1]?.boundBy).toBe('memory');
    expect(summary.kernels[0]?.ofRoof).toBeUndefined();
  });

  it('counts the time between launches that were in the queue together', () => {
    const recording = recordingOf();
    const [first, second] = recording.launches as [LaunchRecord, LaunchRecord];
    const together = [first, { ...second, submittedMs: first.submittedMs }];
    // From the end of the first at 10.1 ms to the begin of the second at 12.3 ms.
    expect(summarize({ ...recording, launches: together }).time.betweenLaunches).toBeCloseTo(2.2, 2);
    expect(summarize({ ...recording, launches: together.reverse() }).time.betweenLaunches).toBe(0);
  });

  it('counts bytes, waits and memory', () => {
    expect(summary.counts).toMatchObject({ launches: 2, untimed: 0, waits: 2, bytesUp: 64, bytesDown: 250 });
    expect(summary.memory.peakDeviceBytes).toBe(5e6);
  });

  it('does not count what lies between a pause and the next launch', () => {
    const recording = recordingOf();
    const pauses = [(recording.periods[0]?.endedMs ?? 0) + 0.5];
    expect(summarize({ ...recording, pauses }).time.wall).toBeCloseTo(32.4 - 1.5, 3);
  });
});

describe('a trace', () => {
  const trace = traceOf([recordingOf()], [{ name: 'trial 0 begins', atMs: 1_700_000_000_000 }]);

  it('is of the format', () => {
    expect(traceSchema.safeParse(JSON.parse(JSON.stringify(trace))).error).toBeUndefined();
  });

  it('has launches on the clock of the host, in µs', () => {
    const runs = trace.traceEvents.filter(({ cat }) => cat === 'kernel');
    // The first sample of memory is 1 ms before the first submit.
    expect(runs.map(({ ts }) => Math.round(ts ?? 0))).toEqual([1100, 13_300]);
    expect(runs.map(({ dur }) => Math.round(dur ?? 0))).toEqual([10_000, 20_000]);
  });

  it('has no two events of a track at once', () => {
    expect(overlaps(trace.traceEvents)).toEqual([]);
  });

  it('names every track', () => {
    const name = (event: TraceEvent) => `${event.pid}/${event.tid}`;
    const named = new Set(trace.traceEvents.filter((event) => event.name === 'thread_name').map(name));
    const used = new Set(trace.traceEvents.filter(({ ph }) => ph === 'X' || ph === 'i').map(name));
    expect([...used].filter((track) => !named.has(track))).toEqual([]);
  });

  it('needs as many rows for waits as there are waits at once', () => {
    const waits = recordingOf().spans.filter(({ computes }) => !computes);
    expect(lanesOf(waits).map((lane) => lane.length)).toEqual([2, 1]);
  });
});
