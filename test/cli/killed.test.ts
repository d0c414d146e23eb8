import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import type { TrialRecord } from '../../src/study/store.ts';
import { jsonLines, SMALL_SEARCH, startTacet, tacet, temporaryFolder } from './tacet.ts';

/** A trial takes a third of a millisecond at the least: all 15 runs together can't end so many before they are killed. */
const MANY_TRIALS = 2500;

/** Trials that a run reports before it is killed, at the least: from none to this many in turn. */
const MOST_BEFORE_KILL = 4;

/** What a trial comes to, without times: equal for equal seeds. */
function result({ number, state, values, seed, outcome }: TrialRecord) {
  const { objective, constraints, plainConstraints, accuracies } = outcome ?? {};
  return { number, state, values, seed, objective, constraints, plainConstraints, accuracies };
}

/** The part of an outcome by which a report and the store are compared. */
function mark(state: unknown, objective: unknown, constraints: unknown): string {
  return JSON.stringify([state, objective, constraints]);
}

describe('a search that is killed', { timeout: 400_000 }, () => {
  const folder = temporaryFolder();
  const path = join(folder.path, 'study.db');
  afterAll(() => folder.remove());

  /** Starts a search and kills it at a random moment; gives the trials that it reported, by number. */
  async function killOnce(args: readonly string[], reportsBefore: number): Promise<Map<number, string>> {
    const run = startTacet(args, folder.path);
    const reports = () => run.stdout().split('"kind":"trial"').length - 1;
    while (run.stdout() === '' || reports() < reportsBefore) {
      if (run.child.exitCode !== null) throw new Error(`ended before it was killed: ${run.stderr()}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    run.child.kill('SIGKILL');
    const { signal, stdout } = await run.finished;
    expect(signal).toBe('SIGKILL');
    // The last line may be cut.
    const lines = jsonLines(stdout.slice(0, stdout.lastIndexOf('\n') + 1)).filter(
      ({ kind }) => kind === 'trial',
    );
    return new Map(
      lines.map(({ number, state, objective, constraints }) => {
        return [Number(number), mark(state, objective, constraints)];
      }),
    );
  }

  /** Kills a search again and again, lets it end, and holds what it reported against the store. */
  async function killAgainAndAgain(name: string, args: readonly string[], kills: number, trials: number) {
    const reported = new Map<number, string>();
    for (let kill = 0; kill < kills; kill++) {
      for (const [number, text] of await killOnce(args, kill % (MOST_BEFORE_KILL + 1))) {
        expect(reported.has(number), `trial ${number} was reported twice`).toBe(false);
        reported.set(number, text);
      }
      using store = openSqliteStore(path);
      const finished = store.trials(name).filter(({ outcome }) => outcome !== undefined);
      const stored = new Map(
        finished.map(({ number, state, outcome }) => {
          return [number, mark(state, outcome?.objective, outcome?.constraints)];
        }),
      );
      for (const [number, text] of reported) expect(stored.get(number)).toBe(text);
      const orders = finished.map(({ finishOrder = -1 }) => finishOrder).sort((a, b) => a - b);
      expect(orders).toEqual(finished.map((_, i) => i));
    }
    expect(reported.size).toBeGreaterThan(kills);
    expect(await tacet(args, folder.path)).toMatchObject({ code: 0 });
    using store = openSqliteStore(path);
    const all = store.trials(name);
    expect(all.map(({ number }) => number)).toEqual(Array.from({ length: trials }, (_, i) => i));
    expect(all.every(({ outcome }) => outcome?.state === 'complete')).toBe(true);
    return all;
  }

  it('loses no finished trial in 15 runs, records none twice, and ends as if it had not been killed', async () => {
    const args = [...SMALL_SEARCH, '--trials', String(MANY_TRIALS), '--json'];
    const killed = await killAgainAndAgain('killed', [...args, '--name', 'killed'], 15, MANY_TRIALS);
    expect(await tacet([...args, '--name', 'undisturbed'], folder.path)).toMatchObject({ code: 0 });
    using store = openSqliteStore(path);
    expect(killed.map(result)).toEqual(store.trials('undisturbed').map(result));
  });

  it('proposes in 5 more runs what it would have undisturbed, deterministic, with an optimizer that learns', async () => {
    const args = [
      ...SMALL_SEARCH,
      '--trials',
      '60',
      '--json',
      '--set',
      'optimizer.initial=10',
      '--deterministic',
      '6',
    ].map((word) => (word === 'sobol' ? 'scbo' : word));
    const killed = await killAgainAndAgain('learning', [...args, '--name', 'learning'], 5, 60);
    expect(await tacet([...args, '--name', 'learning-undisturbed'], folder.path)).toMatchObject({ code: 0 });
    using store = openSqliteStore(path);
    expect(killed.map(result)).toEqual(store.trials('learning-undisturbed').map(result));
  });
});
