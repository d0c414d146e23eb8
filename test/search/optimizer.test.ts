import { describe, expect, it } from 'vitest';
import {
  createOptimizer,
  OPTIMIZERS,
  type Optimizer,
  OptimizerError,
  type Outcome,
  type Proposal,
  restoreOptimizer,
  SearchSpace,
  type SettingsInput,
} from '../../src/search/index.ts';

const MIXED = SearchSpace.from({
  x: { type: 'real', low: 0, high: 1 },
  y: { type: 'real', low: 0.01, high: 100, scale: 'log' },
  n: { type: 'integer', low: 1, high: 40 },
  kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
});

/** Small models: the tests are about the protocol. */
const QUICK: SettingsInput = { seed: 5, constraints: 2, initial: 6, candidates: 200, features: 64 };

function evaluate({ id, values }: Proposal): Outcome {
  const x = values.x as number;
  const y = Math.log10(values.y as number);
  const n = values.n as number;
  const status = id % 7 === 3 ? 'failed' : id % 5 === 4 ? 'silent' : 'complete';
  return {
    id,
    values,
    status,
    ...(status === 'complete'
      ? { objective: -((x - 0.3) ** 2) - y * y - (values.kind === 'b' ? 0 : 0.5) }
      : {}),
    ...(status === 'failed' ? {} : { constraints: [x - 0.8, n - 35] }),
    cost: 1 + n,
  };
}

/** Keeps eight pending and tells them out of order; the points in the order in which they were asked for. */
async function work(optimizer: Optimizer, pending: Proposal[], rounds: number): Promise<Proposal[]> {
  const asked: Proposal[] = [];
  for (let round = 0; round < rounds; round++) {
    const fresh = await optimizer.ask(8 - pending.length);
    asked.push(...fresh);
    pending.push(...fresh);
    const done = [pending.splice(5, 1), pending.splice(1, 2)].flat();
    optimizer.tell(done.map(evaluate));
  }
  return asked;
}

describe.each(OPTIMIZERS)('%s', (name) => {
  // A grid has no reals.
  const space = name === 'grid' ? MIXED.fix({ x: 0.5, y: 1 }) : MIXED;

  it('goes on identically from a saved state, with trials pending', async () => {
    const settings = name === 'turbo' ? { ...QUICK, constraints: 0 } : QUICK;
    const straight = createOptimizer(name, space, settings);
    const pending: Proposal[] = [];
    await work(straight, pending, 5);
    const kept = JSON.stringify({ state: straight.save(), history: straight.history() });
    const { state, history } = JSON.parse(kept);
    const restored = restoreOptimizer(state, space, history);
    expect(restored.summary()).toEqual(straight.summary());
    const expected = await work(straight, [...pending], 4);
    const found = await work(restored, [...pending], 4);
    expect(found).toEqual(expected);
    expect(restored.save()).toEqual(straight.save());
    expect(restored.history()).toEqual(straight.history());
  });

  it('gives the same points for the same seed, and others for another where it draws at random', async () => {
    const points = async (seed: number) => {
      const optimizer = createOptimizer(name, space, { ...QUICK, seed });
      return (await work(optimizer, [], 4)).map(({ values }) => values);
    };
    expect(await points(1)).toEqual(await points(1));
    if (name === 'grid') expect(await points(1)).toEqual(await points(2));
    else expect(await points(1)).not.toEqual(await points(2));
  });

  it('gives values of the space, no two pending ones alike', async () => {
    const optimizer = createOptimizer(name, space, QUICK);
    optimizer.tell((await optimizer.ask(8)).map(evaluate));
    const proposals = await optimizer.ask(40);
    for (const { values } of proposals) expect(() => space.toUnit(values)).not.toThrow();
    expect(new Set(proposals.map(({ values }) => JSON.stringify(values))).size).toBe(40);
    expect(proposals.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, i) => 8 + i));
  });

  it('counts what was told', async () => {
    const optimizer = createOptimizer(name, space, QUICK);
    const proposals = await optimizer.ask(8);
    const outcomes = proposals.slice(0, 7).map(evaluate);
    optimizer.tell(outcomes);
    const summary = optimizer.summary();
    expect(summary).toMatchObject({ optimizer: name, asked: 8, told: 7, pending: 1, failed: 1, silent: 1 });
    const feasible = outcomes.filter(
      ({ objective, constraints }) =>
        objective !== undefined && (name === 'turbo' || constraints?.every((c) => c <= 0)),
    );
    expect(summary.feasible).toBe(feasible.length);
    const best = Math.max(...feasible.map(({ objective }) => objective as number));
    if (feasible.length > 0) expect(summary.incumbent).toMatchObject({ feasible: true, objective: best });
  });
});

describe('grid', () => {
  const space = SearchSpace.from({
    method: { type: 'categorical', choices: ['a', 'b', 'c'] },
    seed: { type: 'integer', low: 5, high: 6 },
  });

  it('goes through all combinations, the last parameter slowest, and says when there are none left', async () => {
    const optimizer = createOptimizer('grid', space);
    const points = [...(await optimizer.ask(2)), ...(await optimizer.ask(4))];
    expect(points.map(({ values }) => `${values.method}${values.seed}`).join()).toBe('a5,b5,c5,a6,b6,c6');
    await expect(optimizer.ask(1)).rejects.toThrow('the grid has 6 points, and 7 are asked for');
    expect(() => createOptimizer('grid', MIXED)).toThrow("can't go through the real parameter x: list its");
  });
});

describe('misuse', () => {
  const refused = async (code: OptimizerError['code'], act: () => unknown) => {
    // Called at once: an ask under way may be done a moment later.
    const error = await (async () => act())().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(OptimizerError);
    expect((error as OptimizerError).code).toBe(code);
  };

  it('is refused with a code', async () => {
    const optimizer = createOptimizer('scbo', MIXED, QUICK);
    await refused('ask', () => optimizer.ask(0));
    await refused('ask', () => optimizer.ask(257));
    const [proposal] = await optimizer.ask(1);
    const outcome = evaluate(proposal as Proposal);
    await refused('tell', () => optimizer.tell([{ ...outcome, id: 99 }]));
    optimizer.tell([outcome]);
    await refused('tell', () => optimizer.tell([outcome]));
    await refused('settings', () => createOptimizer('scbo', MIXED, { initial: 0 }));
    await refused('settings', () => createOptimizer('scbo', MIXED, { sed: 1 } as SettingsInput));
    await refused('unknown-optimizer', () => createOptimizer('best' as 'scbo', MIXED));
    const state = optimizer.save();
    const history = optimizer.history();
    const { proposals, outcomes } = history;
    await refused('saved-state', () => restoreOptimizer({ format: 1 }, MIXED, history));
    await refused('saved-state', () => restoreOptimizer(state, MIXED.fix({ x: 0.5 }), history));
    await refused('saved-state', () => restoreOptimizer(state, MIXED, { proposals: [], outcomes: [] }));
    await refused('saved-state', () => restoreOptimizer(state, MIXED, { proposals, outcomes: [] }));
    const elsewhere = [{ ...(proposals[0] as Proposal), id: 1 }];
    await refused('saved-state', () => restoreOptimizer(state, MIXED, { proposals: elsewhere, outcomes }));
    const blunt = [{ ...(proposals[0] as Proposal), unit: [0.5] }];
    await refused('saved-state', () => restoreOptimizer(state, MIXED, { proposals: blunt, outcomes }));
  });

  it('of overlapping asks is refused, and the first one is kept', async () => {
    const optimizer = createOptimizer('scbo', MIXED, QUICK);
    const first = optimizer.ask(3);
    const second = refused('ask', () => optimizer.ask(1));
    expect(() => optimizer.save()).toThrow(/under way/);
    await second;
    expect((await first).length).toBe(3);
    expect((await optimizer.ask(1))[0]?.id).toBe(3);
  });
});

describe('hard histories do not break the search', () => {
  const cases: [string, (proposal: Proposal) => Partial<Outcome> & Pick<Outcome, 'status'>][] = [
    ['constant objective and constraints', () => ({ status: 'complete', objective: 1, constraints: [0, 0] })],
    ['all infeasible', ({ id }) => ({ status: 'complete', objective: id, constraints: [1 + id, 2] })],
    ['all infeasible without objectives', () => ({ status: 'silent', constraints: [0.9, 0.9] })],
    ['all failed', () => ({ status: 'failed' })],
    ['not a number', () => ({ status: 'complete', objective: Number.NaN, constraints: [Number.NaN, 1] })],
    ['infinite', () => ({ status: 'complete', objective: Infinity, constraints: [Infinity, -Infinity] })],
    [
      'huge and tiny',
      ({ id }) => ({ status: 'complete', objective: id * 1e200, constraints: [id * 1e-200, -1e150] }),
    ],
    [
      'one feasible among failures',
      ({ id }) =>
        id === 2 ? { status: 'complete', objective: 3, constraints: [-1, -1] } : { status: 'failed' },
    ],
  ];
  for (const name of ['scbo', 'casbo', 'turbo'] as const) {
    it.each(cases)(`${name}: %s`, async (_, outcomeOf) => {
      const optimizer = createOptimizer(name, MIXED, QUICK);
      for (let round = 0; round < 5; round++) {
        const proposals = await optimizer.ask(4);
        for (const { values } of proposals) expect(() => MIXED.toUnit(values)).not.toThrow();
        optimizer.tell(proposals.map((proposal) => ({ ...proposal, ...outcomeOf(proposal) })));
      }
      expect(optimizer.summary()).toMatchObject({ asked: 20, told: 20, pending: 0 });
    });
  }

  it('a space with fewer values than trials is searched on, each value once before any twice', async () => {
    const few = SearchSpace.from({
      n: { type: 'integer', low: 0, high: 3 },
      kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
    });
    const optimizer = createOptimizer('scbo', few, { ...QUICK, initial: 3, constraints: 0 });
    const seen: string[] = [];
    for (let i = 0; i < 14; i++) {
      const [proposal] = await optimizer.ask(1);
      const { values } = proposal as Proposal;
      seen.push(JSON.stringify(values));
      optimizer.tell([{ ...(proposal as Proposal), status: 'complete', objective: values.n as number }]);
    }
    expect(new Set(seen.slice(0, 12)).size).toBe(12);
  });

  it('more points than the models hold, and the same point many times, still give proposals', async () => {
    const grid = SearchSpace.from({
      n: { type: 'integer', low: 0, high: 5 },
      m: { type: 'integer', low: 0, high: 5 },
    });
    const optimizer = createOptimizer('scbo', grid, {
      ...QUICK,
      constraints: 1,
      maximumPoints: 20,
      fitPoints: 10,
    });
    for (let round = 0; round < 6; round++) {
      const proposals = await optimizer.ask(10);
      optimizer.tell(
        proposals.map((proposal) => ({
          ...proposal,
          status: 'complete',
          objective: Number(proposal.values.n) - Number(proposal.values.m),
          constraints: [Number(proposal.values.n) - 4],
        })),
      );
    }
    expect(optimizer.summary().incumbent).toMatchObject({
      values: { n: 4, m: 0 },
      feasible: true,
      objective: 4,
    });
  });

  it('a space in which everything is fixed gives its one point', async () => {
    const one = MIXED.fix({ x: 0.5, y: 1, n: 3, kind: 'a' });
    const optimizer = createOptimizer('scbo', one, QUICK);
    for (let i = 0; i < 12; i++) {
      const [proposal] = await optimizer.ask(1);
      expect(proposal?.values).toEqual({ x: 0.5, y: 1, n: 3, kind: 'a' });
      optimizer.tell([{ ...(proposal as Proposal), status: 'complete', objective: 1, constraints: [0, 0] }]);
    }
  });
});

describe('where violations show no way', () => {
  it('the space is covered until something feasible is found, and then searched around it', async () => {
    const cube = SearchSpace.from(
      Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`x${i}`, { type: 'real', low: 0, high: 1 }])),
    );
    let found = 0;
    for (let seed = 0; seed < 5; seed++) {
      const optimizer = createOptimizer('scbo', cube, { ...QUICK, seed, constraints: 1 });
      for (let i = 0; i < 60; i++) {
        const [proposal] = (await optimizer.ask(1)) as [Proposal];
        const x = Object.values(proposal.values).map(Number);
        // Alive in 1/16 of the space; elsewhere a constant.
        const alive = x.every((v) => v > 0.3 && v < 0.8);
        optimizer.tell([
          {
            ...proposal,
            status: 'complete',
            objective: alive ? (x[0] as number) : 0,
            constraints: [alive ? -0.1 : 0.9],
          },
        ]);
      }
      const { incumbent } = optimizer.summary();
      if (incumbent?.feasible) {
        found += 1;
        expect(incumbent.objective).toBeGreaterThan(0.6);
      }
    }
    // A random search fails with probability (15/16)^60 = 2 %.
    expect(found).toBeGreaterThanOrEqual(4);
  });
});
