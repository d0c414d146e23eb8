/**
 * What the host costs: 10,000 trials that take no time through the real path (runSearch, the optimizer, a store on the
 * disk, a worker thread with the real messages), with outcomes as large as real ones.
 *
 *     node bench/overhead.ts [--trials 10000] [--slots 16] [--only random,sobol,scbo] [--folder FOLDER]
 *
 * Each case has a process of its own. The store is written in the folder (`bench/results/overhead` unless given) and
 * removed: where that is decides what the waits for the disk cost. `scbo` draws its first trials from its initial design
 * but for the last hundred, which are proposed by models of all trials before them.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SearchSpace } from '../src/search/index.ts';
import { recipeOf } from '../src/study/recipes.ts';
import type { RunEvent } from '../src/study/run-events.ts';
import { runSearch } from '../src/study/search.ts';
import { ThreadSession } from '../src/study/session.ts';
import { openSqliteStore } from '../src/study/sqlite-store.ts';
import type { StudySpec } from '../src/study/store.ts';
import type { JsonObject, JsonValue } from '../src/study/trial.ts';

const NAMES = ['random', 'sobol', 'scbo'] as const;
const WORKER = new URL('./overhead/worker.ts', import.meta.url);
/** Trials of `scbo` that models propose. */
const MODELLED = 100;
/** Where memory is measured, as shares of the trials. */
const MARKS = [0.1, 0.5, 1];

interface Figures {
  readonly name: string;
  /** From the first trial to the end; of `scbo` without the trials that models propose. */
  readonly msPerTrial: number;
  /** Processor time of the main thread in the same time. */
  readonly mainThreadMsPerTrial: number;
  readonly memory: readonly {
    readonly trials: number;
    readonly heapMb: number;
    readonly residentMb: number;
  }[];
  readonly storeMb: number;
  /** The size of the optimizer's state in the store, bytes. */
  readonly stateBytes: number;
  /** The event loop's longest stop, ms: the wait for the disk, and what an ask computes at a stretch. */
  readonly longestStopMs: number;
  /** From the outcomes of trials to the next ones, once models propose them, s; the first fits them from scratch. */
  readonly askSeconds: readonly number[];
  readonly resumeMs: number;
}

async function measure(name: string, trials: number, slots: number, folder: string): Promise<Figures> {
  const path = join(folder, 'study.db');
  using store = openSqliteStore(path);
  const spec = specOf(name, trials);
  const memory: { trials: number; heapMb: number; residentMb: number }[] = [];
  const askSeconds: number[] = [];
  const delays = monitorEventLoopDelay({ resolution: 1 });
  let ended = 0;
  let began = 0;
  let lastOutcome = 0;
  let processor = process.threadCpuUsage();
  const perTrial = { wall: 0, processor: 0 };
  let modelled = false;
  const onEvent = (event: RunEvent): void => {
    if (event.kind === 'begun') {
      if (began === 0) {
        began = performance.now();
        processor = process.threadCpuUsage();
        delays.enable();
      }
      modelled ||= event.trials.some(({ proposal }) => originOf(proposal) === 'trust-region');
      if (modelled) askSeconds.push((performance.now() - lastOutcome) / 1000);
    }
    if (event.kind !== 'outcome') return;
    ended += 1;
    lastOutcome = performance.now();
    if (!modelled) {
      const { user, system } = process.threadCpuUsage(processor);
      perTrial.wall = (lastOutcome - began) / ended;
      perTrial.processor = (user + system) / 1000 / ended;
    }
    if (MARKS.some((mark) => Math.round(mark * trials) === ended)) {
      const before = performance.now();
      globalThis.gc?.();
      const { heapUsed, rss } = process.memoryUsage();
      memory.push({ trials: ended, heapMb: heapUsed / 1e6, residentMb: rss / 1e6 });
      // The collection is the bench's, not the host's.
      began += performance.now() - before;
      if (ended < trials) delays.reset();
    }
  };
  await runSearch(spec, store, {
    devices: 'native',
    slots,
    onEvent,
    startSession: (setup, listener) => new ThreadSession(WORKER, { setup }, listener),
  });
  delays.disable();
  const { spec: kept } = store.study(spec.name);
  const stateBytes = JSON.stringify(store.optimizer(spec.name)).length;
  const before = performance.now();
  // Everything is there already, so this only restores the optimizer and reads the trials.
  await runSearch(kept, store, { devices: 'native' });
  return {
    name,
    msPerTrial: perTrial.wall,
    mainThreadMsPerTrial: perTrial.processor,
    memory,
    storeMb: statSync(path).size / 1e6,
    stateBytes,
    longestStopMs: delays.max / 1e6,
    askSeconds,
    resumeMs: performance.now() - before,
  };
}

function originOf(proposal: JsonValue): JsonValue {
  return (proposal as JsonObject).origin ?? null;
}

function specOf(name: string, trials: number): StudySpec {
  const recipe = recipeOf('mnist-stdp');
  const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;
  return {
    name: 'overhead',
    recipe: recipe.name,
    space: json(SearchSpace.from(recipe.space)),
    settings: json(recipe.settings.parse({ trainSamples: 1, holdOutSamples: 1 })),
    optimizer: { name, ...(name === 'scbo' ? { initial: trials - MODELLED } : {}) },
    seed: 0,
    trials,
  };
}

/** The median time that the disk takes for a write of 64 KiB to be safe, ms. */
function diskMs(folder: string): number {
  const path = join(folder, 'probe');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(65_536);
  const times = Array.from({ length: 100 }, () => {
    writeSync(file, block);
    const began = performance.now();
    fdatasyncSync(file);
    return performance.now() - began;
  });
  closeSync(file);
  rmSync(path);
  return times.sort((a, b) => a - b)[50] ?? Number.NaN;
}

function tableOf(figures: readonly Figures[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const head = ['', ...figures.map(({ name }) => name)];
  const line = (title: string, of: (figure: Figures) => string) => row([title, ...figures.map(of)]);
  const seconds = (values: readonly number[]) => {
    const [first, ...others] = values;
    if (first === undefined || others.length === 0) return '';
    const sorted = others.toSorted((a, b) => a - b);
    return `${sorted[sorted.length >> 1]?.toFixed(2)} (${sorted[0]?.toFixed(2)}–${sorted.at(-1)?.toFixed(2)}); first ${first.toFixed(2)}`;
  };
  return [
    row(head),
    row(head.map(() => '---')),
    line('ms per trial', ({ msPerTrial }) => msPerTrial.toFixed(2)),
    line('of these, the main thread computes', ({ mainThreadMsPerTrial }) => mainThreadMsPerTrial.toFixed(2)),
    ...MARKS.map((mark, i) =>
      line(`heap, resident memory after ${(mark * 100).toFixed(0)} %, MB`, ({ memory }) => {
        return `${memory[i]?.heapMb.toFixed(0)}, ${memory[i]?.residentMb.toFixed(0)}`;
      }),
    ),
    line('store, MB', ({ storeMb }) => storeMb.toFixed(1)),
    line("optimizer's state, bytes", ({ stateBytes }) => String(stateBytes)),
    line('resuming, ms', ({ resumeMs }) => resumeMs.toFixed(0)),
    line('longest stop of the event loop, ms', ({ longestStopMs }) => longestStopMs.toFixed(0)),
    line('ask for all slots with models, s', ({ askSeconds }) => seconds(askSeconds)),
  ].join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      trials: { type: 'string', default: '10000' },
      slots: { type: 'string', default: '16' },
      only: { type: 'string', default: NAMES.join() },
      folder: { type: 'string', default: fileURLToPath(new URL('./results/overhead', import.meta.url)) },
      child: { type: 'string' },
    },
  });
  const { trials, slots, folder } = values;
  if (values.child !== undefined) {
    const own = mkdtempSync(join(folder, 'store-'));
    try {
      console.log(JSON.stringify(await measure(values.child, Number(trials), Number(slots), own)));
    } finally {
      rmSync(own, { recursive: true });
    }
    return;
  }
  mkdirSync(folder, { recursive: true });
  console.log(
    `${trials} trials on ${slots} slots; 64 KiB are on the disk after ${diskMs(folder).toFixed(2)} ms\n`,
  );
  const file = fileURLToPath(import.meta.url);
  const options = ['--trials', trials, '--slots', slots, '--folder', folder];
  const figures = values.only.split(',').map((name) => {
    const output = execFileSync(process.execPath, ['--expose-gc', file, '--child', name, ...options]);
    return JSON.parse(output.toString().trim().split('\n').at(-1) ?? '') as Figures;
  });
  console.log(tableOf(figures));
}

await main();
