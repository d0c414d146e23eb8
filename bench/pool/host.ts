/**
 * How much of its kernels' throughput a device keeps over a whole study: the study's launches, noted while it runs, are
 * done again one after another with nothing beside them, and the times of their kernels added up.
 */
import { readFileSync } from 'node:fs';
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
  const { devices: loads, tailSeconds } = await runSearch(spec, store, {
    devices,
    slots,
    onEvent: (event) => {
      if (event.kind === 'ready') {
        readyAt = performance.now();
        device = event.device.name;
      }
      if (event.kind === 'chunk') launchSeconds += event.seconds;
      if (event.kind === 'outcome') endedAt = performance.now();
    },
    startSession: (setup, listener) => {
      const task: Omit<RecordingTask, 'port'> = { setup, notes };
      return new ThreadSession(WORKER, task, listener);
    },
  });
  const { samples = 0, chunks: launches = 0 } = loads[0] ?? {};
  return { device, studySeconds: (endedAt - readyAt) / 1000, launchSeconds, tailSeconds, samples, launches };
}

/** Does the noted launches again. @returns the time of the kernels, seconds */
async function replay(spec: StudySpec, spec2: string, slots: number, notes: string): Promise<number> {
  const settings = mnistStdpSettings.parse(spec.settings);
  const { encoded } = await encodeMnist(settings);
  await using device = await openDevice(spec2, { timing: true });
  const shape = { slots, maxNeurons: MAX_NEURONS, maxItems: slots, maxRecords: slots * MAX_CHUNK };
  using batch = await DiehlCookBatch.create(device, shape, encoded, traceTable(settings.steps));
  let milliseconds = 0;
  for (const line of readFileSync(notes, 'utf8').trimEnd().split('\n')) {
    const note = JSON.parse(line) as Note;
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
