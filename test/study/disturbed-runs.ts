/** Small studies on workers that fail on purpose, and what such studies come to. */
import type { Choice } from '../../src/device/index.ts';
import { type OPTIMIZERS, SearchSpace } from '../../src/search/index.ts';
import { recipeOf } from '../../src/study/recipes.ts';
import type { RunEvent, RunOptions, RunReport } from '../../src/study/run-events.ts';
import { runSearch } from '../../src/study/search.ts';
import { type StartSession, ThreadSession } from '../../src/study/session.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import type { StudySpec, TrialRecord } from '../../src/study/store.ts';
import type { JsonObject } from '../../src/study/trial.ts';
import type { Fault, FaultyTask } from './fixtures/faulty-worker.ts';

const FAULTY_WORKER = new URL('./fixtures/faulty-worker.ts', import.meta.url);

/** A study of small networks and a few images, none of which is ever silent. */
export function smallStudy(changes: {
  readonly name: string;
  readonly trials: number;
  readonly optimizer?: (typeof OPTIMIZERS)[number];
  readonly initial?: number;
  readonly deterministic?: number;
}): StudySpec {
  const { name, trials, optimizer = 'sobol', initial = 8, deterministic } = changes;
  const recipe = recipeOf('mnist-stdp');
  const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;
  const space = { ...recipe.space, map_size: { type: 'integer', low: 8, high: 40 } } as const;
  const small = { trainSamples: 24, holdOutSamples: 8, steps: 30, excitatoryAlpha: 0, inhibitoryAlpha: 0 };
  return {
    name,
    recipe: recipe.name,
    space: json(SearchSpace.from(space).fix({ epochs: 1 })),
    settings: json(recipe.settings.parse({ ...small, assignmentBlock: 6 })),
    optimizer: { name: optimizer, initial, ...(deterministic === undefined ? {} : { deterministic }) },
    seed: 3,
    trials,
  };
}

/** Places for workers without a device. */
export function madeUpDevices(count: number): Choice[] {
  return Array.from({ length: count }, () => ({
    kind: 'native',
    spec: 'native',
    name: '',
    software: false,
    why: 'made up',
  }));
}

export interface DisturbedRun {
  readonly spec: StudySpec;
  /** The file of the store. */
  readonly store: string;
  readonly devices: string | readonly Choice[];
  readonly slots: number;
  readonly chunk?: number;
  /** Workers without a device; the time of a chunk, ms. */
  readonly madeUp?: { readonly chunkMs: number };
  /** A made-up worker, by the order of starts, that begins to start only when an event of the run has told it to. */
  readonly held?: { readonly start: number; readonly until: (event: RunEvent) => boolean };
  /** The faults of the workers that are started, in the order of their starts; null for a worker without one. */
  readonly faults?: readonly (Fault | null)[];
  /** The fault of all workers that are started after those. */
  readonly always?: Fault;
  readonly patience?: RunOptions['patience'];
  readonly stop?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

/** Runs a study on workers with faults. */
export async function runDisturbed(
  run: DisturbedRun,
): Promise<{ readonly report: RunReport; readonly events: readonly RunEvent[] }> {
  const { spec, devices, slots, chunk, madeUp, held, faults = [], always, patience, stop } = run;
  const events: RunEvent[] = [];
  const gate = new Int32Array(new SharedArrayBuffer(4));
  let starts = 0;
  const startSession: StartSession = (setup, listener) => {
    const fault = starts < faults.length ? faults[starts] : always;
    const task: Omit<FaultyTask, 'port'> = {
      setup,
      ...(fault ? { fault } : {}),
      ...(madeUp ? { madeUp } : {}),
      ...(held?.start === starts ? { gate } : {}),
    };
    starts += 1;
    return new ThreadSession(FAULTY_WORKER, task, listener);
  };
  using store = openSqliteStore(run.store);
  const report = await runSearch(spec, store, {
    devices,
    slots,
    ...(chunk === undefined ? {} : { chunk }),
    ...(patience === undefined ? {} : { patience }),
    ...(stop === undefined ? {} : { stop }),
    startSession,
    onEvent: (event) => {
      events.push(event);
      run.onEvent?.(event);
      if (held?.until(event)) {
        Atomics.store(gate, 0, 1);
        Atomics.notify(gate, 0);
      }
    },
  });
  return { report, events };
}

/** What the trials of a study come to, without what depends on times and devices. */
export function resultsOf(store: string, name: string): object[] {
  using opened = openSqliteStore(store);
  return opened.trials(name, { history: true }).map(resultOf);
}

export function resultOf({ number, state, values, seed, proposal, outcome }: TrialRecord): object {
  if (!outcome) return { number, state, values, seed, proposal };
  const { seconds: _, device: __, phases, ...result } = outcome;
  const timeless = phases.map(({ seconds: ___, ...phase }) => phase);
  return { number, state, values, seed, proposal, outcome: { ...result, phases: timeless } };
}
