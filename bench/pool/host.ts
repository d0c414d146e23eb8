/**
 * How much of its kernels' throughput a device keeps over a whole study: the study's launches, noted while it runs, are
 * done again one after another with nothing beside them, and the times of their kernels added up.
 *
 * On a device that computes on the processor the host takes its time from the kernels, so there is a second measure,
 * which other work on the machine hardly disturbs: the share of the device's own threads in the processor time that the
 * whole process takes while the study runs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { openDevice } from '../../src/device/index.ts';
import { type BatchItem, DiehlCookBatch } from '../../src/kernels/diehl-cook.ts';
import { traceTable } from '../../src/network/models/diehl-cook.ts';
import { encodeMnist } from '../../src/study/encoded-data.ts';
import { mnistStdpSettings } from '../../src/study/recipes.ts';
import { runSearch } from '../../src/study/search.ts';
import { ThreadSession } from '../../src/study/session.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import type { StudySpec } from '../../src/study/store.ts';
import type { Note, RecordingTask } from './recording-worker.ts';
import { benchStudy, Scratch } from './studies.ts';

const WORKER = new URL('./recording-worker.ts', import.meta.url);
const MAX_NEURONS = 400;
const MAX_CHUNK = 1024;

export interface HostShare {
  readonly device: string;
  /** From the moment when the device was ready to the end of the study, and the kernels' own time, seconds. */
  readonly studySeconds: number;
  readonly kernelSeconds: number;
  /** Time in launches and reading back, seconds, and the tail. */
  readonly launchSeconds: number;
  readonly tailSeconds: number;
  /** Processor time of the device's threads, and of all others of the process, seconds. */
  readonly deviceCpuSeconds: number;
  readonly hostCpuSeconds: number;
  readonly samples: number;
  readonly launches: number;
}

export async function measureHostShare(
  device: string,
  size: { readonly trials: number; readonly trainSamples: number; readonly slots: number },
): Promise<HostShare> {
  using scratch = new Scratch();
  const { trials, trainSamples, slots } = size;
  const spec = benchStudy({
    ...{ name: 'host', trials, trainSamples, holdOutSamples: trainSamples / 4 },
    mapSize: { low: 20, high: MAX_NEURONS },
  });
  const notes = scratch.file('notes.jsonl');
  const study = await runNoted(spec, device, slots, scratch.file('study.db'), notes);
  const kernelSeconds = await replay(spec, device, slots, notes);
  return { ...study, kernelSeconds };
}

async function runNoted(spec: StudySpec, devices: string, slots: number, path: string, notes: string) {
  using store = openSqliteStore(path);
  let readyAt = 0;
  let endedAt = 0;
  let launchSeconds = 0;
  let device = '';
  let before = cpuSeconds();
  let after = before;
  const { devices: loads, tailSeconds } = await runSearch(spec, store, {
    devices,
    slots,
    onEvent: (event) => {
      if (event.kind === 'ready') {
        readyAt = performance.now();
        before = cpuSeconds();
        device = event.device.name;
      }
      if (event.kind === 'chunk') launchSeconds += event.seconds;
      if (event.kind === 'outcome') endedAt = performance.now();
      if (event.kind === 'outcome') after = cpuSeconds();
    },
    startSession: (setup, listener) => {
      const task: Omit<RecordingTask, 'port'> = { setup, notes };
      return new ThreadSession(WORKER, task, listener);
    },
  });
  const { samples = 0, chunks: launches = 0 } = loads[0] ?? {};
  return {
    ...{ device, studySeconds: (endedAt - readyAt) / 1000, launchSeconds, tailSeconds, samples, launches },
    ...cpuShares(before, after, notes),
  };
}

/** The device's threads are all that are not known to be the host's: drivers don't name theirs. */
function cpuShares(
  before: ReturnType<typeof cpuSeconds>,
  after: ReturnType<typeof cpuSeconds>,
  notes: string,
): { readonly deviceCpuSeconds: number; readonly hostCpuSeconds: number } {
  const worker = readNotes(notes).flatMap((note) => ('cpuSeconds' in note ? [note.cpuSeconds] : []));
  const workerSeconds = (worker.at(-1) ?? 0) - (worker[0] ?? 0);
  const hostCpuSeconds = after.main - before.main + (after.v8 - before.v8) + workerSeconds;
  return { hostCpuSeconds, deviceCpuSeconds: after.all - before.all - hostCpuSeconds };
}

function readNotes(file: string): Note[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Note);
}

/** Processor time so far, seconds: of this thread, of the threads that V8 works with beside it, and of the whole process. */
function cpuSeconds(): { readonly main: number; readonly v8: number; readonly all: number } {
  const TICKS_PER_SECOND = 100;
  const sum = ({ user, system }: { user: number; system: number }) => (user + system) / 1e6;
  let v8 = 0;
  for (const task of readdirSync('/proc/self/task')) {
    // Fields 14 and 15 of proc_pid_stat(5) are user and system time; the name, in brackets, may hold spaces.
    const text = readFileSync(`/proc/self/task/${task}/stat`, 'utf8');
    const [, name = '', rest = ''] = /\((.*)\) (.*)$/s.exec(text) ?? [];
    const fields = rest.split(' ');
    if (name === 'V8Worker') v8 += (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }
  return { main: sum(process.threadCpuUsage()), v8, all: sum(process.cpuUsage()) };
}

/** Does the noted launches again. @returns the time of the kernels, seconds */
async function replay(spec: StudySpec, spec2: string, slots: number, notes: string): Promise<number> {
  const settings = mnistStdpSettings.parse(spec.settings);
  const { encoded } = await encodeMnist(settings);
  await using device = await openDevice(spec2, { timing: true });
  const shape = { slots, maxNeurons: MAX_NEURONS, maxItems: slots, maxRecords: slots * MAX_CHUNK };
  using batch = await DiehlCookBatch.create(device, shape, encoded, traceTable(settings.steps));
  let milliseconds = 0;
  for (const note of readNotes(notes)) {
    if ('slot' in note) {
      batch.place(note.slot, note.network);
      continue;
    }
    await batch.run(note.items.map(withoutNull));
    for (const timing of await device.timings()) milliseconds += timing.milliseconds;
  }
  return milliseconds / 1000;
}

function withoutNull(item: BatchItem): BatchItem {
  const { excitatorySilentBudget, inhibitorySilentBudget } = item;
  return {
    ...item,
    excitatorySilentBudget: excitatorySilentBudget ?? Number.POSITIVE_INFINITY,
    inhibitorySilentBudget: inhibitorySilentBudget ?? Number.POSITIVE_INFINITY,
  };
}
