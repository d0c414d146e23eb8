/**
 * A recording as a trace of Chrome's format, which https://ui.perfetto.dev opens: a track for what each thread computes,
 * tracks for what it waits for, a track for the queue of each device, and a counter of its memory. Times are in µs.
 */
import { clockOffset } from './clock.ts';
import type { HostSpan, Recording } from './recording.ts';

export interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M' | 'C' | 'i';
  readonly pid: number;
  readonly tid: number;
  /** µs; absent for metadata. */
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  /** Of an instant: of its thread. */
  readonly s?: 't';
  readonly args?: Readonly<Record<string, number | string>>;
}

export interface Trace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: 'ms';
  readonly otherData: Readonly<Record<string, string>>;
}

/** Something that happened at a moment. */
export interface Moment {
  readonly name: string;
  readonly atMs: number;
  readonly args?: Readonly<Record<string, number | string>>;
}

const HOST = 1;
const FIRST_DEVICE = 2;

/**
 * @param recordings one for each worker, in their order
 * @param moments of the main thread
 */
export function traceOf(recordings: readonly Recording[], moments: readonly Moment[] = []): Trace {
  const starts = recordings.flatMap(({ spans, memory }) => [
    ...spans.map(({ startedMs }) => startedMs),
    ...memory.map(({ atMs }) => atMs),
  ]);
  const origin = [...starts, ...moments.map(({ atMs }) => atMs)].reduce(
    (a, b) => Math.min(a, b),
    Number.POSITIVE_INFINITY,
  );
  const at = (ms: number) => Math.max(0, 1000 * (ms - origin));
  const events: TraceEvent[] = [
    named('process_name', HOST, 0, 'host'),
    named('thread_name', HOST, 1, 'main thread'),
  ];
  for (const { name, atMs, args } of moments) {
    events.push({
      name,
      ph: 'i',
      s: 't',
      cat: 'study',
      pid: HOST,
      tid: 1,
      ts: at(atMs),
      ...(args ? { args } : {}),
    });
  }
  recordings.forEach((recording, worker) => {
    const tid = 10 * (worker + 1);
    const label = recordings.length > 1 ? `worker ${worker + 1}` : 'worker';
    events.push(named('thread_name', HOST, tid, `${label} computes`));
    events.push(
      ...hostEvents(
        recording.spans.filter(({ computes }) => computes),
        tid,
        at,
      ),
    );
    lanesOf(recording.spans.filter(({ computes }) => !computes)).forEach((lane, index) => {
      events.push(named('thread_name', HOST, tid + index + 1, `${label} waits ${index + 1}`));
      events.push(...hostEvents(lane, tid + index + 1, at));
    });
    events.push(...deviceEvents(recording, FIRST_DEVICE + worker, at));
  });
  return { traceEvents: events, displayTimeUnit: 'ms', otherData: { madeBy: 'tacet profile' } };
}

function named(name: 'process_name' | 'thread_name', pid: number, tid: number, value: string): TraceEvent {
  return { name, ph: 'M', pid, tid, args: { name: value } };
}

function hostEvents(spans: readonly HostSpan[], tid: number, at: (ms: number) => number): TraceEvent[] {
  return spans.map(({ name, startedMs, endedMs, bytes }) => ({
    name,
    ph: 'X',
    cat: 'host',
    pid: HOST,
    tid,
    ts: at(startedMs),
    dur: Math.max(0, at(endedMs) - at(startedMs)),
    ...(bytes === undefined ? {} : { args: { bytes } }),
  }));
}

function deviceEvents(
  { device, launches, memory }: Recording,
  pid: number,
  at: (ms: number) => number,
): TraceEvent[] {
  const offset = clockOffset(launches)?.offsetMs ?? 0;
  let last = 0;
  const runs = launches.flatMap(({ kernel, workgroups, startedMs, milliseconds }): TraceEvent[] => {
    if (startedMs === undefined || milliseconds === undefined) return [];
    // Launches of one queue follow each other; stamps may touch by a rounding.
    const ts = Math.max(last, at(startedMs + offset));
    const end = Math.max(ts, at(startedMs + offset + milliseconds));
    last = end;
    return [{ name: kernel, ph: 'X', cat: 'kernel', pid, tid: 1, ts, dur: end - ts, args: { workgroups } }];
  });
  const counters = memory.map(
    ({ atMs, deviceBytes }): TraceEvent => ({
      name: 'buffers',
      ph: 'C',
      pid,
      tid: 0,
      ts: at(atMs),
      args: { MB: deviceBytes / 1e6 },
    }),
  );
  return [
    named('process_name', pid, 0, device.name),
    named('thread_name', pid, 1, 'queue'),
    ...runs,
    ...counters,
  ];
}

/** Spans in as few rows as keep those of a row from overlapping. */
export function lanesOf(spans: readonly HostSpan[]): HostSpan[][] {
  const lanes: HostSpan[][] = [];
  for (const span of spans.toSorted((a, b) => a.startedMs - b.startedMs)) {
    const free = lanes.find((lane) => (lane.at(-1)?.endedMs ?? 0) <= span.startedMs);
    if (free) free.push(span);
    else lanes.push([span]);
  }
  return lanes;
}
