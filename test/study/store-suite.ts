/** What every store must do, whatever database is behind it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StartedTrial, Store, StudyErrorCode, StudySpec } from '../../src/study/store.ts';
import type { TrialOutcome } from '../../src/study/trial.ts';

/** A place for a store, empty when it is made. */
export interface StorePlace {
  /** Opens the store there; again and again, also while it is open. */
  open(): Store | Promise<Store>;
  /** Removes the place with all that is in it. */
  remove(): void | Promise<void>;
}

export const SPEC: StudySpec = {
  name: 'first',
  recipe: 'mnist-stdp',
  space: {
    rate: { type: 'real', low: 1e-4, high: 1e-2, scale: 'log' },
    neurons: { type: 'integer', low: 20, high: 400 },
    decoder: { type: 'categorical', choices: ['all', 'vote'] },
  },
  settings: { samples: 100, alpha: 5, beta: 0.05 },
  optimizer: { name: 'sobol', initial: 4 },
  seed: 7,
  trials: 20,
};

export function startedTrial(number: number): StartedTrial {
  const values = {
    rate: 0.1 + 0.2 + number,
    neurons: 20 + number,
    decoder: number % 2 === 0 ? 'all' : 'vote',
  };
  return {
    number,
    values,
    seed: 2 ** 32 - 1 - number,
    proposal: { origin: 'sobol' },
    startedAt: 1e12 + number,
  };
}

/** An outcome with everything that an outcome can have. */
export function fullOutcome(objective: number, constraints = [-0.05, -0.01]): TrialOutcome {
  return {
    state: 'complete',
    objective,
    constraints,
    plainConstraints: constraints.map((constraint) => constraint / 3),
    accuracies: { all: objective, vote: 1 / 3, '2-gram': 0 },
    phases: [
      {
        phase: 'train',
        samples: 100,
        layers: [
          { layer: 'excitatory', spikes: 12_345_678_901, silentSamples: 3 },
          { layer: 'inhibitory', spikes: 0, silentSamples: 100 },
        ],
        inputSpikes: 98_765,
        seconds: 0.125,
      },
      {
        phase: 'hold-out',
        samples: 25,
        layers: [{ layer: 'excitatory', spikes: 5, silentSamples: 20 }],
        inputSpikes: 7,
        seconds: 1 / 7,
      },
    ],
    history: [
      { phase: 'train', samples: 50, silentShares: [0.01, 0.02] },
      { phase: 'train', samples: 100, silentShares: [0.03, 1] },
      { phase: 'hold-out', samples: 25, silentShares: [], accuracy: 0.1 + 0.7 },
    ],
    seconds: 1.1,
    device: 'llvmpipe (LLVM 19, 256 bits)',
  };
}

const SILENT: TrialOutcome = {
  state: 'silent',
  constraints: [0.95, -0.05],
  plainConstraints: [0.01, -0.05],
  reason: 'layer excitatory fell silent',
  accuracies: {},
  phases: [],
  history: [{ phase: 'train', samples: 10, silentShares: [0.1, 0] }],
  seconds: 0.5,
  device: 'llvmpipe',
};

const FAILED: TrialOutcome = {
  state: 'failed',
  constraints: [],
  plainConstraints: [],
  reason: 'weights are not finite',
  accuracies: {},
  phases: [],
  history: [],
  seconds: 0.25,
  device: 'llvmpipe',
};

/** Runs the suite on stores at new, empty places. */
export function testStore(name: string, makePlace: () => StorePlace | Promise<StorePlace>): void {
  describe(name, () => {
    let place: StorePlace;
    let store: Store;

    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
    });
    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      await place.remove();
    });

    /** Closes the store and opens it again. */
    async function reopen(): Promise<void> {
      await store[Symbol.asyncDispose]();
      store = await place.open();
    }

    /** The error that `work` throws or rejects with. */
    async function refusal(work: () => unknown): Promise<{ code: StudyErrorCode; message: string }> {
      try {
        await work();
      } catch (error) {
        return error as { code: StudyErrorCode; message: string };
      }
      throw new Error('nothing was refused');
    }

    it('is empty at first', async () => {
      expect(await store.studies()).toEqual([]);
      expect(await refusal(() => store.study('first'))).toMatchObject({ code: 'unknown-study' });
    });

    it('keeps a study as it was given', async () => {
      expect(await store.openStudy(SPEC)).toEqual({ resumed: false });
      await reopen();
      const { spec, counts, best, createdAt } = await store.study('first');
      expect(spec).toEqual(SPEC);
      expect(Object.keys(spec.space)).toEqual(['rate', 'neurons', 'decoder']);
      expect(counts).toEqual({ waiting: 0, running: 0, complete: 0, silent: 0, failed: 0 });
      expect(best).toBeUndefined();
      expect(Math.abs(createdAt - Date.now())).toBeLessThan(60_000);
      expect(await store.optimizer('first')).toBeUndefined();
    });

    it('finds a study again and takes its new budget', async () => {
      await store.openStudy(SPEC);
      expect(await store.openStudy({ ...SPEC, trials: 50 })).toEqual({ resumed: true });
      expect((await store.study('first')).spec.trials).toBe(50);
      expect(await store.studies()).toHaveLength(1);
    });

    it.each<[string, Partial<StudySpec>, RegExp]>([
      ['recipe', { recipe: 'other' }, /recipe = "mnist-stdp", not "other"/],
      ['seed', { seed: 8 }, /seed = 7, not 8/],
      [
        'bound',
        { space: { ...SPEC.space, neurons: { type: 'integer', low: 20, high: 500 } } },
        /space\.neurons\.high = 400, not 500/,
      ],
      [
        'choice',
        { space: { ...SPEC.space, decoder: { type: 'categorical', choices: ['all'] } } },
        /space\.decoder\.choices\.1 = "vote", not nothing/,
      ],
      [
        'parameter',
        { space: { ...SPEC.space, gain: { type: 'real', low: 0, high: 1 } } },
        /space\.gain = nothing, not/,
      ],
      [
        'order of the parameters',
        { space: Object.fromEntries(Object.entries(SPEC.space).reverse()) },
        /the order of the parameters/,
      ],
      ['setting', { settings: { ...SPEC.settings, samples: 200 } }, /settings\.samples = 100, not 200/],
      ['optimizer', { optimizer: { name: 'random' } }, /optimizer\.name = "sobol", not "random"/],
    ])('refuses another %s under the same name', async (_what, change, message) => {
      await store.openStudy(SPEC);
      const error = await refusal(() => store.openStudy({ ...SPEC, ...change, trials: 99 }));
      expect(error).toMatchObject({ code: 'conflict', name: 'StudyError' });
      expect(error.message).toMatch(message);
      expect(error.message).toContain('--name');
      expect((await store.study('first')).spec).toEqual(SPEC);
    });

    it('names every place where a study differs', async () => {
      await store.openStudy(SPEC);
      const changed = { ...SPEC, seed: 8, settings: { ...SPEC.settings, alpha: 1 } };
      const { message } = await refusal(() => store.openStudy(changed));
      expect(message).toContain('seed = 7, not 8, and differs in settings.alpha');
    });

    it('gives back a trial bit for bit', async () => {
      await store.openStudy(SPEC);
      const trial = startedTrial(0);
      await store.begin('first', [trial], { step: 1 });
      expect(await store.trial('first', 0)).toEqual({ ...trial, state: 'running' });
      const outcome = fullOutcome(0.1 + 0.2);
      await store.finish('first', [{ number: 0, outcome }], { step: 2 });
      await reopen();
      const stored = await store.trial('first', 0);
      expect(stored).toEqual({
        ...trial,
        state: 'complete',
        finishedAt: stored.finishedAt,
        finishOrder: 0,
        outcome,
      });
      expect(Math.abs((stored.finishedAt ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(await store.optimizer('first')).toEqual({ step: 2 });
    });

    it('lists histories only when asked', async () => {
      await store.openStudy(SPEC);
      await store.begin('first', [startedTrial(0), startedTrial(1)], null);
      const outcome = fullOutcome(0.5);
      await store.finish('first', [{ number: 1, outcome }], null);
      const [running, without] = await store.trials('first');
      expect(running?.outcome).toBeUndefined();
      expect(without?.outcome).toEqual({ ...outcome, history: [] });
      expect((await store.trials('first', { history: true }))[1]?.outcome).toEqual(outcome);
    });

    it('keeps a long history in order', async () => {
      await store.openStudy(SPEC);
      await store.begin('first', [startedTrial(0)], null);
      const history = Array.from({ length: 2_500 }, (_, i) => {
        return { phase: 'train' as const, samples: i, silentShares: [i / 2_500] };
      });
      await store.finish('first', [{ number: 0, outcome: { ...SILENT, history } }], null);
      expect((await store.trial('first', 0)).outcome?.history).toEqual(history);
    });

    it('gives back numbers that are none', async () => {
      await store.openStudy(SPEC);
      await store.begin('first', [startedTrial(0)], null);
      const outcome: TrialOutcome = {
        ...FAILED,
        constraints: [Number.NaN],
        plainConstraints: [Number.NaN],
        accuracies: { all: Number.NaN },
        history: [{ phase: 'train', samples: 1, silentShares: [Number.NaN] }],
      };
      await store.finish('first', [{ number: 0, outcome }], null);
      expect((await store.trial('first', 0)).outcome).toEqual(outcome);
    });

    it('remembers the order in which trials were told, over several calls', async () => {
      await store.openStudy(SPEC);
      await store.begin('first', [0, 1, 2, 3].map(startedTrial), 'asked');
      await store.finish('first', [{ number: 2, outcome: SILENT }], 'told 1');
      const ends = await store.finish(
        'first',
        [
          { number: 3, outcome: FAILED },
          { number: 0, outcome: fullOutcome(0.5) },
        ],
        'told 3',
      );
      const trials = await store.trials('first');
      expect(trials.map((trial) => trial.finishOrder)).toEqual([2, undefined, 0, 1]);
      const { finishedAt: last } = trials[0] ?? {};
      const { finishedAt: before } = trials[3] ?? {};
      expect(ends).toEqual([
        { number: 3, finishedAt: before, finishOrder: 1 },
        { number: 0, finishedAt: last, finishOrder: 2 },
      ]);
      expect(trials.map((trial) => trial.state)).toEqual(['complete', 'running', 'silent', 'failed']);
      expect(await store.optimizer('first')).toBe('told 3');
      expect((await store.study('first')).counts).toMatchObject({
        running: 1,
        complete: 1,
        silent: 1,
        failed: 1,
      });
    });

    it('records an outcome once, and nothing of a call that is refused', async () => {
      await store.openStudy(SPEC);
      await store.begin('first', [startedTrial(0), startedTrial(1)], 'asked');
      await store.finish('first', [{ number: 0, outcome: SILENT }], 'told');
      const again = [
        { number: 1, outcome: fullOutcome(0.5) },
        { number: 0, outcome: fullOutcome(0.9) },
      ];
      const error = await refusal(() => store.finish('first', again, 'told again'));
      expect(error).toMatchObject({ code: 'not-running' });
      expect(error.message).toContain('trial 0 of study first is silent');
      const unknown = [{ number: 5, outcome: SILENT }];
      expect(await refusal(() => store.finish('first', unknown, null))).toMatchObject({
        code: 'not-running',
      });
      expect((await store.trials('first')).map((trial) => trial.state)).toEqual(['silent', 'running']);
      expect(await store.optimizer('first')).toBe('told');
    });

    it('begins a trial once, and nothing of a call that is refused', async () => {
      await store.openStudy(SPEC);
      await store.begin('first', [startedTrial(0)], 'asked');
      const both = [startedTrial(1), startedTrial(0)];
      expect(await refusal(() => store.begin('first', both, 'asked again'))).toMatchObject({
        code: 'conflict',
      });
      expect(await store.trials('first')).toHaveLength(1);
      expect(await store.optimizer('first')).toBe('asked');
    });

    it('names what there is when asked for what there is not', async () => {
      await store.openStudy(SPEC);
      await store.openStudy({ ...SPEC, name: 'second' });
      const study = await refusal(() => store.trials('third'));
      expect(study.code).toBe('unknown-study');
      expect(study.message).toContain('first, second');
      await store.begin('first', [startedTrial(0), startedTrial(1)], null);
      const trial = await refusal(() => store.trial('first', 2));
      expect(trial.code).toBe('unknown-trial');
      expect(trial.message).toContain('0 to 1');
    });

    it('calls the best trial the complete, feasible one with the highest objective', async () => {
      await store.openStudy(SPEC);
      const outcomes: TrialOutcome[] = [
        fullOutcome(0.9, [-0.05, 0.01]),
        fullOutcome(0.6, [0, -0.01]),
        fullOutcome(0.7, []),
        fullOutcome(0.8, [Number.NaN, -1]),
        { ...SILENT, objective: 0.99, constraints: [-1, -1] },
        fullOutcome(0.7, [-1, -1]),
      ];
      await store.begin(
        'first',
        outcomes.map((_, i) => startedTrial(i)),
        null,
      );
      await store.finish(
        'first',
        outcomes.map((outcome, number) => ({ number, outcome })),
        null,
      );
      const { best } = await store.study('first');
      expect(best?.number).toBe(2);
      expect(best?.outcome?.objective).toBe(0.7);
    });

    it('keeps studies apart', async () => {
      await store.openStudy(SPEC);
      await store.openStudy({ ...SPEC, name: 'second', seed: 8 });
      await store.begin('first', [startedTrial(0)], 'first');
      await store.begin('second', [startedTrial(0), startedTrial(1)], 'second');
      await store.finish('second', [{ number: 0, outcome: fullOutcome(0.5) }], 'second');
      expect(await store.trials('first')).toEqual([{ ...startedTrial(0), state: 'running' }]);
      expect(await store.optimizer('first')).toBe('first');
      expect((await store.studies()).map(({ spec }) => spec.name)).toEqual(['first', 'second']);
    });

    it('shows to a second reader what was finished', async () => {
      await store.openStudy(SPEC);
      await store.begin('first', [startedTrial(0)], null);
      const reader = await place.open();
      try {
        await store.finish('first', [{ number: 0, outcome: SILENT }], null);
        expect((await reader.trials('first'))[0]?.state).toBe('silent');
      } finally {
        await reader[Symbol.asyncDispose]();
      }
    });

    it('gives a study to another store as it was', async () => {
      await store.openStudy(SPEC);
      await store.begin('first', [0, 1, 2, 3].map(startedTrial), 'asked');
      const infinite = { ...fullOutcome(0.5), constraints: [Number.NaN, Number.POSITIVE_INFINITY] };
      await store.finish('first', [{ number: 2, outcome: infinite }], { told: 1 });
      await store.finish('first', [{ number: 0, outcome: SILENT }], { told: 2 });
      const contents = await store.contents('first');
      expect(contents.trials).toEqual(await store.trials('first', { history: true }));
      expect(contents.trials[2]?.outcome).toEqual(infinite);
      expect(contents.optimizer).toEqual({ told: 2 });
      const elsewhere = await makePlace();
      const other = await elsewhere.open();
      try {
        await other.restore(contents);
        expect(await other.contents('first')).toEqual(contents);
        expect(await refusal(() => other.restore(contents))).toMatchObject({ code: 'conflict' });
        // It goes on there.
        const [end] = await other.finish('first', [{ number: 1, outcome: FAILED }], null);
        expect(end?.finishOrder).toBe(2);
      } finally {
        await other[Symbol.asyncDispose]();
        await elsewhere.remove();
      }
    });

    it('is claimed, and claimed again once that is over', async () => {
      await store.openStudy(SPEC);
      const claim = await store.claim('first');
      await store.begin('first', [startedTrial(0)], null);
      await store.finish('first', [{ number: 0, outcome: SILENT }], null);
      expect(claim.lost.aborted).toBe(false);
      await claim[Symbol.asyncDispose]();
      await using _ = await store.claim('first');
      const unknown = await refusal(() => store.claim('none'));
      expect(unknown.code).toBe('unknown-study');
    });

    it('keeps every kind of name and text', async () => {
      const odd = `Ω "quoted" 'single'; drop table study; -- \n`;
      await store.openStudy({ ...SPEC, name: odd });
      await store.begin(odd, [{ ...startedTrial(0), values: { [odd]: odd } }], odd);
      await store.finish(
        odd,
        [{ number: 0, outcome: { ...FAILED, reason: odd, accuracies: { [odd]: 1 } } }],
        odd,
      );
      const trial = await store.trial(odd, 0);
      expect(trial.values).toEqual({ [odd]: odd });
      expect(trial.outcome).toMatchObject({ reason: odd, accuracies: { [odd]: 1 } });
      expect(await store.optimizer(odd)).toBe(odd);
    });
  });
}
