/** Runs a study and records what its devices do. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleRateOf } from '../study/device-load.ts';
import type { RunEvent } from '../study/run-events.ts';
import { runSearch } from '../study/search.ts';
import { type StartSession, startSession, ThreadSession } from '../study/session.ts';
import { openSqliteStore } from '../study/sqlite-store.ts';
import type { StudySpec } from '../study/store.ts';
import { unixMs } from './profiled-device.ts';
import type { Recording } from './recording.ts';
import type { ProfileMessage } from './study-worker.ts';
import type { Moment } from './trace.ts';

const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './study-worker.ts' : './study-worker.js',
  import.meta.url,
);

export interface StudyRun {
  readonly recordings: readonly Recording[];
  readonly moments: readonly Moment[];
  /** Samples x networks per second from the start of the first launch to the end. */
  readonly samplesPerSecond: number | undefined;
  /** Share of the slots' time in which their device ran them, summed over devices by slots. */
  readonly occupancy: number | undefined;
  /** Processor time of the main thread, ms. */
  readonly mainCpuMs: number;
}

export interface StudyRunOptions {
  readonly devices: string;
  readonly slots?: number;
  readonly onEvent?: (event: RunEvent) => void;
}

/**
 * Runs all trials of a study in a store of its own that is removed afterwards.
 *
 * @param profiled without it the same study runs as always: what profiling costs is the difference
 */
export async function runStudy(
  spec: StudySpec,
  profiled: boolean,
  options: StudyRunOptions,
): Promise<StudyRun> {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-profile-'));
  const recordings: Recording[] = [];
  const moments: Moment[] = [];
  const start: StartSession = (setup, listener) =>
    new ThreadSession(
      WORKER,
      { setup },
      {
        message: (message) => {
          const sent = message as typeof message | ProfileMessage;
          if (sent.kind === 'profile') recordings.push(sent.recording);
          else listener.message(sent);
        },
        ended: (failure) => listener.ended(failure),
      },
    );
  const cpu = process.threadCpuUsage();
  try {
    using store = openSqliteStore(join(folder, 'study.db'));
    const report = await runSearch(spec, store, {
      devices: options.devices,
      ...(options.slots === undefined ? {} : { slots: options.slots }),
      startSession: profiled ? start : startSession,
      onEvent: (event) => {
        note(event, moments);
        options.onEvent?.(event);
      },
    });
    const { user, system } = process.threadCpuUsage(cpu);
    const rates = report.devices.flatMap((load) => sampleRateOf(load, report.endedAt) ?? []);
    return {
      recordings,
      moments,
      samplesPerSecond: rates.length === 0 ? undefined : rates.reduce((a, b) => a + b),
      occupancy: occupancyOfAll(report.devices, report.endedAt),
      mainCpuMs: (user + system) / 1000,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function occupancyOfAll(
  loads: Awaited<ReturnType<typeof runSearch>>['devices'],
  now: number,
): number | undefined {
  let used = 0;
  let there = 0;
  for (const { slots, slotSeconds, readyAt } of loads) {
    if (readyAt === undefined) continue;
    used += 1000 * slotSeconds;
    there += slots * (now - readyAt);
  }
  return there > 0 ? Math.min(1, used / there) : undefined;
}

function note(event: RunEvent, moments: Moment[]): void {
  if (event.kind === 'chunk') return;
  const args = { worker: event.worker + 1 };
  if (event.kind === 'begun') {
    for (const { number } of event.trials)
      moments.push({ name: `trial ${number} begins`, atMs: unixMs(), args });
  } else if (event.kind === 'outcome') {
    moments.push({ name: `trial ${event.trial.number} is ${event.trial.state}`, atMs: unixMs(), args });
  } else {
    moments.push({ name: event.kind, atMs: unixMs(), args });
  }
}
