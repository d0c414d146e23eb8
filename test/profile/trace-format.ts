/** What Perfetto reads of Chrome's trace format. */
import { z } from 'zod';
import type { TraceEvent } from '../../src/profile/trace.ts';

const time = z.number().nonnegative();
const place = { pid: z.int(), tid: z.int() };
/** "Trace Event Format" (Google): complete events, metadata, counters, instants. */
export const traceSchema = z.strictObject({
  traceEvents: z.array(
    z.discriminatedUnion('ph', [
      z.strictObject({
        ph: z.literal('X'),
        name: z.string().min(1),
        cat: z.string(),
        ...place,
        ts: time,
        dur: time,
        args: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
      }),
      z.strictObject({
        ph: z.literal('M'),
        name: z.enum(['process_name', 'thread_name']),
        ...place,
        args: z.strictObject({ name: z.string().min(1) }),
      }),
      z.strictObject({
        ph: z.literal('C'),
        name: z.string(),
        ...place,
        ts: time,
        args: z.record(z.string(), z.number()),
      }),
      z.strictObject({
        ph: z.literal('i'),
        s: z.literal('t'),
        name: z.string(),
        cat: z.string(),
        ...place,
        ts: time,
        args: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
      }),
    ]),
  ),
  displayTimeUnit: z.enum(['ms', 'ns']),
  otherData: z.record(z.string(), z.string()),
});

/** Pairs of complete events of one track of which one begins before the other ends. */
type Timed = Pick<TraceEvent, 'name' | 'ph' | 'pid' | 'tid'> & {
  readonly ts?: number | undefined;
  readonly dur?: number | undefined;
};

export function overlaps(events: readonly Timed[]): string[] {
  const tracks = Map.groupBy(
    events.filter(({ ph }) => ph === 'X'),
    ({ pid, tid }) => `${pid}/${tid}`,
  );
  return [...tracks.values()].flatMap((track) => {
    const sorted = track.toSorted((a, b) => (a.ts ?? 0) - (b.ts ?? 0));
    return sorted.slice(1).flatMap((event, index) => {
      const before = sorted[index];
      const end = (before?.ts ?? 0) + (before?.dur ?? 0);
      // A rounding of Unix time in ms, which has 13 digits before the point.
      return end > (event.ts ?? 0) + 1 ? [`${before?.name} and ${event.name}`] : [];
    });
  });
}
