/** Studies whose workers go down come to what they come to undisturbed. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, inject, it } from 'vitest';
import type { RunEvent, RunReport } from '../../src/study/run-events.ts';
import { type DisturbedRun, madeUpDevices, resultsOf, runDisturbed, smallStudy } from './disturbed-runs.ts';
import type { Fault } from './fixtures/faulty-worker.ts';

type Down = Extract<RunEvent, { kind: 'down' }>;

const folder = mkdtempSync(join(tmpdir(), 'tacet-faults-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newStore = (): string => join(folder, `${files++}.db`);

/** Hung workers are given up soon. */
const IMPATIENT = { startMs: 20_000, firstChunkMs: 2_500, leastMs: 1_000, chunkFactor: 20, restartMs: 10 };
const MADE_UP = { chunkMs: 1 };

/** Runs in a process of its own, where threads may be left behind. It must end by itself, with code 0. */
async function runInChild(run: DisturbedRun): Promise<{ report: RunReport; downs: Down[] }> {
  const path = fileURLToPath(new URL('./fixtures/disturbed-run.ts', import.meta.url));
  const child = fork(path, [JSON.stringify(run)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let message: { report: RunReport; downs: Down[] } | undefined;
  let stderr = '';
  child.on('message', (received) => {
    message = received as typeof message;
  });
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const ended = await new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  expect(ended, stderr).toEqual({ code: 0, signal: null });
  if (!message) throw new Error(`it reported nothing: ${stderr}`);
  return message;
}

/** The study undisturbed: one worker, one slot. */
async function undisturbed(trials: number, madeUp = true): Promise<object[]> {
  const store = newStore();
  const spec = smallStudy({ name: 'study', trials });
  const one = { spec, store, slots: madeUp ? 1 : 4, devices: madeUp ? madeUpDevices(1) : 'native' };
  await runDisturbed(madeUp ? { ...one, madeUp: { chunkMs: 0 } } : one);
  return resultsOf(store, 'study');
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a study whose workers go down', { timeout: 120_000 }, () => {
  it('comes to the same table after 24 faults of all kinds in 100 trials', async () => {
    const kinds = ['throw', 'exit', 'hang', 'lose the device'] as const;
    const draw = random(1);
    const faults = Array.from({ length: 24 }, (_, i): Fault => {
      return { kind: kinds[i % kinds.length] as Fault['kind'], chunk: Math.floor(90 * draw()) };
    });
    const store = newStore();
    const { report, downs } = await runInChild({
      ...{ spec: smallStudy({ name: 'study', trials: 100 }), store, faults, patience: IMPATIENT },
      ...{ devices: madeUpDevices(2), slots: 2, chunk: 1, madeUp: { chunkMs: 2 } },
    });
    expect(report.finished).toBe(true);
    // A machine under load may make a worker seem hung that is not; it is replaced all the same.
    expect(downs.length).toBeGreaterThanOrEqual(24);
    expect(downs.filter(({ reason }) => !/said nothing/.test(reason))).toHaveLength(18);
    expect(downs.every(({ replaced }) => replaced)).toBe(true);
    expect(new Set(downs.map(({ reason }) => reason.replace(/[\d.]+/, 'N')))).toEqual(
      new Set([
        'thrown on purpose',
        'its thread ended',
        'it has said nothing for N s',
        'the device is lost on purpose',
      ]),
    );
    expect(resultsOf(store, 'study')).toEqual(await undisturbed(100));
  });

  it('waits longer for the next worker after one that hung, but not for ever', async () => {
    const faults: Fault[] = [0, 0, 150].map((chunk) => ({ kind: 'hang', chunk }));
    const { report, downs } = await runInChild({
      ...{ spec: smallStudy({ name: 'study', trials: 20 }), store: newStore(), faults, slots: 1, chunk: 1 },
      ...{
        devices: madeUpDevices(1),
        madeUp: MADE_UP,
        patience: { ...IMPATIENT, firstChunkMs: 1_500, leastMs: 2_000 },
      },
    });
    expect(report.finished).toBe(true);
    const waits = downs.map(({ reason }) => Number(/for ([\d.]+) s/.exec(reason)?.[1]));
    // Two hung in their first chunk; the third after trials had ended, so it got the usual two seconds and no eight.
    expect(waits).toEqual([1.5, 3, 2]);
  });

  it('fails the one trial that brings its workers down, and no other', async () => {
    const expected = await undisturbed(30);
    const sizes = expected.map((trial) => (trial as { values: { map_size: number } }).values.map_size);
    const poison = sizes.findIndex(
      (size, i) => i > 4 && sizes.indexOf(size) === i && sizes.lastIndexOf(size) === i,
    );
    const store = newStore();
    const { report, events } = await runDisturbed({
      ...{ spec: smallStudy({ name: 'study', trials: 30 }), store, patience: IMPATIENT, madeUp: MADE_UP },
      ...{ devices: madeUpDevices(2), slots: 4 },
      always: { kind: 'throw', neurons: sizes[poison] as number },
    });
    expect(report.finished).toBe(true);
    const results = resultsOf(store, 'study');
    expect(results[poison]).toMatchObject({
      state: 'failed',
      outcome: {
        reason: expect.stringMatching(/brought down its worker again and again.*: thrown on purpose/),
      },
    });
    const others = (list: object[]) => list.filter((_, i) => i !== poison);
    expect(others(results)).toEqual(others(expected));
    // Four slots: with three others, again, with one other, alone.
    const downs = events.filter(({ kind }) => kind === 'down').length;
    expect(downs).toBeGreaterThanOrEqual(3);
    expect(downs).toBeLessThanOrEqual(4);
  });

  it('goes on without a device that does not start', async () => {
    const store = newStore();
    const { report, events } = await runDisturbed({
      ...{ spec: smallStudy({ name: 'study', trials: 20 }), store, patience: IMPATIENT, madeUp: MADE_UP },
      ...{ devices: madeUpDevices(2), slots: 2, faults: [{ kind: 'refuse to start' }, null] },
      always: { kind: 'refuse to start' },
      held: { start: 1, until: (event) => event.kind === 'down' && !event.replaced },
    });
    expect(report.finished).toBe(true);
    expect(report.devices.map(({ state }) => state)).toEqual(['given-up', 'serving']);
    const downs = events.flatMap((event) => (event.kind === 'down' ? [event] : []));
    expect(downs.map(({ worker, replaced }) => ({ worker, replaced }))).toEqual([
      { worker: 0, replaced: true },
      { worker: 0, replaced: true },
      { worker: 0, replaced: false },
    ]);
    expect(resultsOf(store, 'study')).toEqual(await undisturbed(20));
  });

  it('ends with an error when no device is left, loses nothing, and can be gone on with', async () => {
    const store = newStore();
    const spec = smallStudy({ name: 'study', trials: 20 });
    const run = { spec, store, patience: IMPATIENT, devices: madeUpDevices(1), slots: 2, madeUp: MADE_UP };
    const broken = runDisturbed({
      ...run,
      faults: [{ kind: 'throw', chunk: 20 }],
      always: { kind: 'refuse to start' },
    });
    await expect(broken).rejects.toThrow(
      /^no device is left to run on; the last was made up: it does not start\. What has ended is saved/,
    );
    const before = resultsOf(store, 'study');
    const ended = before.filter((trial) => 'outcome' in trial);
    expect(ended.length).toBeGreaterThan(0);
    expect(ended.length).toBeLessThan(20);
    await runDisturbed(run);
    const after = resultsOf(store, 'study');
    expect(after).toEqual(await undisturbed(20));
    for (const trial of ended) expect(after).toContainEqual(trial);
  });

  it('gives up a worker that hangs while it starts', async () => {
    const store = newStore();
    const { report, downs } = await runInChild({
      ...{ spec: smallStudy({ name: 'study', trials: 10 }), store, madeUp: MADE_UP, slots: 2 },
      ...{ devices: madeUpDevices(1), faults: [{ kind: 'hang at the start' }] },
      patience: { ...IMPATIENT, startMs: 2_000 },
    });
    expect(report.finished).toBe(true);
    expect(downs.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^it has said nothing for 2\.\d s$/),
    ]);
    expect(resultsOf(store, 'study')).toEqual(await undisturbed(10));
  });

  it('does not wait for a device that is slow to start', async () => {
    const store = newStore();
    let ended = 0;
    const { events } = await runDisturbed({
      ...{ spec: smallStudy({ name: 'study', trials: 12 }), store, slots: 2, patience: IMPATIENT },
      ...{ devices: madeUpDevices(2), madeUp: MADE_UP },
      held: {
        start: 1,
        until: ({ kind }) => {
          if (kind === 'outcome') ended += 1;
          return ended === 12;
        },
      },
    });
    const outcomes = events.flatMap((event) => (event.kind === 'outcome' ? [event.worker] : []));
    expect(outcomes).toEqual(Array.from({ length: 12 }, () => 0));
  });
});

const present = inject('presentDevices').map(({ spec }) => spec);
describe.each(present)('workers on %s that go down', { timeout: 180_000 }, (device) => {
  it('are replaced, with the results of an undisturbed run', async () => {
    const spec = smallStudy({ name: 'study', trials: 24 });
    const kinds = ['throw', 'hang', 'lose the device'] as const;
    const faults = kinds.map((kind, i): Fault => ({ kind, chunk: 2 * i + 1 }));
    const run = { spec, devices: device, slots: 4, chunk: 8 };
    const disturbed = {
      ...run,
      store: newStore(),
      faults,
      patience: { ...IMPATIENT, firstChunkMs: 30_000, leastMs: 4_000 },
    };
    const calm = { ...run, store: newStore() };
    const { report, downs } = await runInChild(disturbed);
    expect(report.finished).toBe(true);
    expect(downs.map(({ reason }) => reason)).toEqual([
      'thrown on purpose',
      expect.stringMatching(/said nothing/),
      expect.stringMatching(/is closed|is disposed/),
    ]);
    expect((await runInChild(calm)).downs).toEqual([]);
    expect(resultsOf(disturbed.store, 'study')).toEqual(resultsOf(calm.store, 'study'));
  });
});
