/** A study whose workers, or whose whole process, go down again and again, against the same study undisturbed. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { type DisturbedRun, resultsOf } from '../../test/study/disturbed-runs.ts';
import type { Fault } from '../../test/study/fixtures/faulty-worker.ts';
import { benchStudy, Scratch } from './studies.ts';

const RUNNER = fileURLToPath(new URL('../../test/study/fixtures/disturbed-run.ts', import.meta.url));

export interface FaultReport {
  readonly undisturbedSeconds: number;
  readonly disturbedSeconds: number;
  /** Faults that happened. */
  readonly faults: number;
  readonly same: boolean;
}

const TRIALS = 100;
/** Hung workers are given up after twenty times their longest chunk, as ever, but after one second at the least. */
const PATIENCE = { leastMs: 1_000, firstChunkMs: 10_000 };

function studyRun(store: string, devices: string, trainSamples: number): DisturbedRun {
  const spec = benchStudy({
    ...{ name: 'faults', trials: TRIALS, trainSamples, holdOutSamples: trainSamples / 4 },
    ...{ mapSize: { low: 50, high: 200 }, fixed: { epochs: 1 } },
  });
  // Small chunks, so that a trial has tens of them, as trials of a real study have.
  return { spec, store, devices, slots: 2, chunk: 256, patience: PATIENCE };
}

/**
 * Workers killed, devices destroyed, promises left hanging, errors thrown: 24 of them at random chunks. The undisturbed
 * study runs before and after: what else the machine does weighs on both alike.
 */
export async function measureFaults(devices: string, trainSamples: number): Promise<FaultReport> {
  using scratch = new Scratch();
  const calm = studyRun(scratch.file('calm.db'), devices, trainSamples);
  const undisturbed = await timed(() => runInChild(calm));
  const kinds = ['throw', 'exit', 'hang', 'lose the device'] as const;
  const chunks = (undisturbed.result as { report: { devices: { chunks: number }[] } }).report.devices;
  const perWorker = chunks.reduce((sum, { chunks: count }) => sum + count, 0) / chunks.length;
  const draw = random(7);
  const count = 24;
  // Spread over the run: on the average so many chunks that all of them happen before it ends.
  const longest = Math.floor((1.5 * perWorker * chunks.length) / count);
  const faults = Array.from({ length: count }, (_, i): Fault => {
    // No worker with a promise of Dawn's may be ended: the process would end with it.
    const kind = kinds[i % kinds.length] as Fault['kind'];
    return {
      kind: kind === 'exit' && devices.includes('webgpu') ? 'throw' : kind,
      chunk: Math.floor(draw() * longest),
    };
  });
  const rough = { ...studyRun(scratch.file('rough.db'), devices, trainSamples), faults };
  const disturbed = await timed(() => runInChild(rough));
  const again = await timed(() => runInChild(studyRun(scratch.file('again.db'), devices, trainSamples)));
  return {
    undisturbedSeconds: (undisturbed.seconds + again.seconds) / 2,
    disturbedSeconds: disturbed.seconds,
    faults: (disturbed.result as { downs: unknown[] }).downs.length,
    same: isSame(calm.store, rough.store),
  };
}

/** The whole process killed 20 times, and started again each time. */
export async function measureKills(devices: string, trainSamples: number): Promise<FaultReport> {
  using scratch = new Scratch();
  const calm = studyRun(scratch.file('calm.db'), devices, trainSamples);
  const undisturbed = await timed(() => runInChild(calm));
  const rough = studyRun(scratch.file('rough.db'), devices, trainSamples);
  const draw = random(11);
  const kills = 20;
  const meanMs = (1000 * undisturbed.seconds) / kills;
  const disturbed = await timed(async () => {
    // Counted from the first trial that a run hands out or ends, so that each gets to run something.
    for (let kill = 0; kill < kills; kill++) await killAfter(rough, draw() * meanMs);
    return runInChild(rough);
  });
  return {
    undisturbedSeconds: undisturbed.seconds,
    disturbedSeconds: disturbed.seconds,
    faults: kills,
    same: isSame(calm.store, rough.store),
  };
}

function isSame(a: string, b: string): boolean {
  using store = openSqliteStore(a);
  const ended = store.trials('faults').every(({ outcome }) => outcome?.state === 'complete');
  return ended && JSON.stringify(resultsOf(a, 'faults')) === JSON.stringify(resultsOf(b, 'faults'));
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ seconds: number; result: Result }> {
  const began = performance.now();
  const result = await work();
  return { seconds: (performance.now() - began) / 1000, result };
}

function runInChild(run: DisturbedRun): Promise<unknown> {
  const child = fork(RUNNER, [JSON.stringify(run)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let message: unknown;
  child.on('message', (received) => {
    message = received;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) =>
      code === 0 ? resolve(message) : reject(new Error(`a run ended with ${code}`)),
    );
  });
}

/** Kills a run some time after it has begun to run trials. */
async function killAfter(run: DisturbedRun, ms: number): Promise<void> {
  const child = fork(RUNNER, [JSON.stringify({ ...run, tellBegin: true })], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await Promise.race([new Promise<void>((resolve) => child.on('message', () => resolve())), closed]);
  await Promise.race([new Promise<void>((resolve) => setTimeout(resolve, ms)), closed]);
  child.kill('SIGKILL');
  await closed;
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
