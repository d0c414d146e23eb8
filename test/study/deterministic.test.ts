/** Deterministic studies: the same trials to the last bit on any workers and slots, stopped or not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { type DisturbedRun, madeUpDevices, resultsOf, runDisturbed, smallStudy } from './disturbed-runs.ts';

const folder = mkdtempSync(join(tmpdir(), 'tacet-deterministic-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const LAG = 5;
const spec = smallStudy({ name: 'study', trials: 36, optimizer: 'scbo', initial: 10, deterministic: LAG });

async function resultsWith(run: Omit<DisturbedRun, 'spec' | 'store'>): Promise<object[]> {
  const store = join(folder, `${files++}.db`);
  const { report } = await runDisturbed({ spec, store, ...run });
  expect(report.finished).toBe(true);
  return resultsOf(store, 'study');
}

const native = inject('presentDevices').some((device) => device.spec === 'native');

describe('a deterministic study', { timeout: 120_000 }, () => {
  it.skipIf(!native)('has the same bits with 1 worker x 4 slots and 2 workers x 3 slots', async () => {
    const one = await resultsWith({ devices: 'native', slots: 4, chunk: 8 });
    const two = await resultsWith({ devices: 'native,native', slots: 3, chunk: 5 });
    expect(two).toEqual(one);
    // Something was learnt from what was told: the points after the initial design are not those of another seed.
    const origins = one.map((trial) => (trial as { proposal: { origin: string } }).proposal.origin);
    expect(origins.slice(10)).toContain('trust-region');
  });

  it('proposes only when all but the last few before have ended, and then what one slot alone would get', async () => {
    const madeUp = { chunkMs: 1 };
    const ended = new Set<number>();
    const two = await resultsWith({
      ...{ devices: madeUpDevices(2), slots: 4, madeUp },
      onEvent: (event) => {
        if (event.kind === 'outcome') ended.add(event.trial.number);
        if (event.kind !== 'begun') return;
        for (const { number } of event.trials) {
          for (let before = 0; before <= number - LAG; before++) expect(ended).toContain(before);
        }
      },
    });
    expect(two).toEqual(await resultsWith({ devices: madeUpDevices(1), slots: 1, madeUp }));
  });

  it('goes on after stops and after workers that went down as if there had been none', async () => {
    const madeUp = { chunkMs: 1 };
    const store = join(folder, `${files++}.db`);
    let runs = 0;
    for (let finished = false; !finished; runs++) {
      const stop = new AbortController();
      let outcomes = 0;
      const { report } = await runDisturbed({
        ...{ spec, store, devices: madeUpDevices(2), slots: 2 + (runs % 3), madeUp, stop: stop.signal },
        ...{ faults: [{ kind: 'throw', chunk: 9 }], patience: { restartMs: 1 } },
        onEvent: (event) => {
          if (event.kind === 'outcome' && ++outcomes === 7) stop.abort();
        },
      });
      finished = report.finished;
    }
    expect(runs).toBeGreaterThanOrEqual(4);
    expect(resultsOf(store, 'study')).toEqual(
      await resultsWith({ devices: madeUpDevices(1), slots: 3, madeUp }),
    );
  });

  it('stays deterministic, and another lag is another study', () => {
    using store = openSqliteStore(join(folder, `${files++}.db`));
    store.openStudy(spec);
    const { deterministic: _, ...plain } = spec.optimizer;
    for (const [optimizer, difference] of [
      [plain, `optimizer.deterministic = ${LAG}, not nothing`],
      [{ ...plain, deterministic: 8 }, `optimizer.deterministic = ${LAG}, not 8`],
    ] as const) {
      expect(() => store.openStudy({ ...spec, optimizer })).toThrow(difference);
    }
  });
});
