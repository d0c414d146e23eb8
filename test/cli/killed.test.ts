import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import type { TrialRecord } from '../../src/study/store.ts';
import { jsonLines, SMALL_SEARCH, startTacet, tacet, temporaryFolder } from './tacet.ts';

const KILLS = 20;
const TRIALS = 160;
/** Trials that a run may report before it is killed; 20 runs of this and of what is in flight stay below the budget. */
const TRIALS_BEFORE_KILL = 4;

/** What a trial comes to, without times: equal for equal seeds. */
function result({ number, state, values, seed, outcome }: TrialRecord) {
  const { objective, constraints, plainConstraints, accuracies } = outcome ?? {};
  return { number, state, values, seed, objective, constraints, plainConstraints, accuracies };
}

describe('a search that is killed', () => {
  it(`loses no finished trial and records none twice in ${KILLS} runs`, { timeout: 400_000 }, async () => {
    const folder = temporaryFolder();
    try {
      const args = [...SMALL_SEARCH, '--trials', String(TRIALS), '--json', '--name', 'killed'];
      const path = join(folder.path, 'study.db');
      /** Everything that any run has reported, by number. */
      const reported = new Map<number, string>();
      let killed = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const run = startTacet(args, folder.path);
        // A moment before, while or after trials end; the machine's own timing does the rest.
        const trials = kill % (TRIALS_BEFORE_KILL + 1);
        const delayMs = Math.random() * 30;
        const enough = () => run.stdout().split('"kind":"trial"').length > trials && run.stdout() !== '';
        while (!enough() && run.child.exitCode === null)
          await new Promise((resolve) => setTimeout(resolve, 1));
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        run.child.kill('SIGKILL');
        const { signal, stdout } = await run.finished;
        killed += signal === 'SIGKILL' ? 1 : 0;
        // The last line may be cut.
        const lines = jsonLines(stdout.slice(0, stdout.lastIndexOf('\n') + 1));
        for (const line of lines.filter(({ kind }) => kind === 'trial')) {
          const number = Number(line.number);
          expect(reported.has(number), `trial ${number} was reported twice`).toBe(false);
          reported.set(number, JSON.stringify([line.state, line.objective, line.constraints]));
        }
        using store = openSqliteStore(path);
        const finished = store.trials('killed').filter(({ outcome }) => outcome !== undefined);
        const stored = new Map(
          finished.map(({ number, state, outcome }) => {
            return [number, JSON.stringify([state, outcome?.objective, outcome?.constraints])];
          }),
        );
        for (const [number, text] of reported) expect(stored.get(number)).toBe(text);
        expect(finished.map(({ finishOrder }) => finishOrder).sort((a = 0, b = 0) => a - b)).toEqual(
          finished.map((_, i) => i),
        );
      }
      expect(killed).toBe(KILLS);
      expect(reported.size).toBeGreaterThan(KILLS);

      expect(await tacet(args, folder.path)).toMatchObject({ code: 0 });
      const undisturbed = args.with(-1, 'undisturbed');
      expect(await tacet(undisturbed, folder.path)).toMatchObject({ code: 0 });
      using store = openSqliteStore(path);
      const trials = store.trials('killed');
      expect(trials.map(({ number }) => number)).toEqual(Array.from({ length: TRIALS }, (_, i) => i));
      expect(trials.map(result)).toEqual(store.trials('undisturbed').map(result));
    } finally {
      folder.remove();
    }
  });
});
