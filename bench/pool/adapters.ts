/**
 * Two software adapters at once against each alone: llvmpipe and SwiftShader, each with one thread and a core of its own.
 *
 * Each measurement is a process of its own, since both drivers read how many threads they may use when they start:
 * llvmpipe from LP_NUM_THREADS, SwiftShader from SwiftShader.ini in the working directory. Alone, a process with all its
 * threads is bound to one core (taskset); together, they have both, the drivers' threads bound to one each.
 */
import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runSearch } from '../../src/study/search.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { benchStudy, Scratch } from './studies.ts';

export const ADAPTERS = ['webgpu:llvmpipe', 'webgpu:swiftshader'] as const;

/** How long throughput is measured, once all devices have done their first chunks. */
const WARM_UP_MS = 3_000;

/** Samples x networks per second of each device. */
export type Rates = readonly number[];

/** Measures devices in a process of its own. */
export async function measureRates(devices: readonly string[], seconds: number): Promise<Rates> {
  using scratch = new Scratch();
  mkdirSync(scratch.path, { recursive: true });
  writeFileSync(scratch.file('SwiftShader.ini'), '[Processor]\nThreadCount=1\n');
  const child = fork(fileURLToPath(import.meta.url), ['measure', devices.join(','), String(seconds)], {
    cwd: scratch.path,
    env: { ...process.env, LP_NUM_THREADS: '1' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const [only] = devices.map((device) => ADAPTERS.indexOf(device as (typeof ADAPTERS)[number]));
  if (devices.length === 1) execFileSync('taskset', ['-acp', String(only), String(child.pid)]);
  return await new Promise((resolve, reject) => {
    child.on('message', (rates) => resolve(rates as Rates));
    child.on('exit', (code) => reject(new Error(`the process that measures ended with ${code}`)));
  });
}

/** In the child: runs a study without end, measures for some seconds, stops. */
async function measure(devices: readonly string[], seconds: number): Promise<Rates> {
  using scratch = new Scratch();
  using store = openSqliteStore(scratch.file('study.db'));
  const spec = benchStudy({
    ...{ name: 'adapters', trials: 100_000, trainSamples: 400, holdOutSamples: 100 },
    ...{ mapSize: { low: 99, high: 101 }, fixed: { map_size: 100, epochs: 1 } },
  });
  const stop = new AbortController();
  const samples = devices.map(() => 0);
  const started = new Set<number>();
  let from: number | undefined;
  let rates: Rates = [];
  await runSearch(spec, store, {
    devices: devices.join(','),
    slots: 16,
    stop: stop.signal,
    onEvent: (event) => {
      if (event.kind !== 'chunk') return;
      if (from === undefined) {
        started.add(event.worker);
        if (started.size < devices.length) return;
        from = performance.now() + WARM_UP_MS;
        if (devices.length > 1) bindDrivers();
      }
      const now = performance.now();
      // A chunk that began before the measuring counts with the part of it that is inside.
      const inside = Math.min(1, Math.max(0, (now - from) / 1000 / event.seconds));
      samples[event.worker] = (samples[event.worker] as number) + inside * event.samples;
      if (now < from + 1000 * seconds || stop.signal.aborted) return;
      const elapsed = (now - from) / 1000;
      rates = samples.map((count) => count / elapsed);
      stop.abort();
    },
  });
  return rates;
}

/** Binds each driver's own threads to a core of their own. */
function bindDrivers(): void {
  for (const task of readdirSync('/proc/self/task')) {
    const name = readFileSync(`/proc/self/task/${task}/comm`, 'utf8');
    const core = /^llvmpipe/.test(name) ? 0 : /^Thread<|swiftshader|^marl/i.test(name) ? 1 : undefined;
    if (core !== undefined) execFileSync('taskset', ['-cp', String(core), task]);
  }
}

if (process.argv[2] === 'measure') {
  const [, , , devices = '', seconds = ''] = process.argv;
  process.send?.(await measure(devices.split(','), Number(seconds)));
  process.disconnect();
}
