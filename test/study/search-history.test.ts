import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createOptimizer,
  type Optimizer,
  type OptimizerName,
  restoreOptimizer,
  SearchSpace,
} from '../../src/search/index.ts';
import { historyOf, outcomeOf, proposalRecord } from '../../src/study/search-history.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import type { StartedTrial } from '../../src/study/store.ts';
import type { Hyperparameters, TrialOutcome } from '../../src/study/trial.ts';
import { SPEC } from './store-suite.ts';

const SPACE = SearchSpace.from({
  x: { type: 'real', low: -3, high: 7 },
  y: { type: 'real', low: 0.01, high: 100, scale: 'log' },
  z: { type: 'real', low: 0.01, high: 100, scale: 'reversed-log' },
  n: { type: 'integer', low: 1, high: 40 },
  kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
});

function run(number: number, { x, y, n, kind }: Hyperparameters): TrialOutcome {
  const state = number % 9 === 5 ? 'failed' : number % 7 === 4 ? 'silent' : 'complete';
  const objective = -((Number(x) - 1) ** 2) - Math.log10(Number(y)) ** 2 - (kind === 'b' ? 0 : 0.5);
  return {
    state,
    ...(state === 'complete' ? { objective } : {}),
    constraints: state === 'failed' ? [] : [Number(x) - 5, number % 11 === 3 ? Number.NaN : Number(n) - 35],
    plainConstraints: [],
    accuracies: {},
    phases: [],
    history: [],
    seconds: 0.1 + Number(n),
    device: 'none',
  };
}

describe('an optimizer restored from the trials of a store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-history-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Six pending, told out of order, two at a time; with `killed` the process forgets everything at each transaction. */
  async function search(name: OptimizerName, killed: boolean): Promise<unknown[]> {
    using store = openSqliteStore(join(folder, `${name}-${killed}.db`));
    store.openStudy(SPEC);
    const settings = {
      seed: 3,
      constraints: 2,
      initial: 8,
      candidates: 150,
      features: 32,
      budgetSeconds: 500,
    };
    let optimizer: Optimizer = createOptimizer(name, SPACE, settings);
    const transaction = (record: () => void): void => {
      record();
      if (!killed) return;
      const state = store.optimizer(SPEC.name);
      if (state === undefined) throw new Error('the state was not recorded');
      optimizer = restoreOptimizer(state, SPACE, historyOf(store.trials(SPEC.name)));
    };
    const pending: StartedTrial[] = [];
    let begun = 0;
    for (let round = 0; round < 12; round++) {
      const proposals = await optimizer.ask(6 - pending.length);
      const started = proposals.map((proposal, index) => {
        const { values } = proposal;
        return { number: begun + index, values, seed: 1, proposal: proposalRecord(proposal), startedAt: 0 };
      });
      begun += started.length;
      transaction(() => store.begin(SPEC.name, started, optimizer.save()));
      pending.push(...started);
      const ended = [pending.splice(round % 4, 1), pending.splice(0, 1)].flat().map((trial) => {
        return { trial, outcome: run(trial.number, trial.values) };
      });
      optimizer.tell(ended.map(({ trial, outcome }) => outcomeOf(trial, outcome)));
      transaction(() => {
        store.finish(
          SPEC.name,
          ended.map(({ trial, outcome }) => ({ number: trial.number, outcome })),
          optimizer.save(),
        );
      });
    }
    return [
      store.trials(SPEC.name).map(({ values, proposal, finishOrder }) => [values, proposal, finishOrder]),
      store.optimizer(SPEC.name),
      optimizer.history(),
    ];
  }

  it.each<OptimizerName>(['scbo', 'casbo', 'sobol', 'random'])(
    '%s goes on to the last bit as if it had never been killed',
    async (name) => {
      expect(await search(name, true)).toEqual(await search(name, false));
    },
  );

  it('has a state whose size does not grow with the search', async () => {
    const optimizer = createOptimizer('scbo', SPACE, { constraints: 2, initial: 600 });
    const sizes: number[] = [];
    for (let round = 0; round < 5; round++) {
      const proposals = await optimizer.ask(100);
      optimizer.tell(
        proposals.map((proposal) =>
          outcomeOf({ ...proposal, proposal: proposalRecord(proposal) }, run(proposal.id, proposal.values)),
        ),
      );
      sizes.push(JSON.stringify(optimizer.save()).length);
    }
    // Counters get longer by a digit.
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(10);
  });
});
