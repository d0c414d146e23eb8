/** Records of a comparison as outcomes of trials, and trials that fail. */
import { describe, expect, it } from 'vitest';
import { Comparison, type ComparisonRecord } from '../../../src/pruning/comparison.ts';
import { outcomeOfRecord, recordOfTrial } from '../../../src/study/pruning/outcome.ts';
import { comparisonOf, comparisonSettings, pruneCompare } from '../../../src/study/pruning/recipe.ts';
import { ComparisonSlots } from '../../../src/study/pruning/slots.ts';
import { describeOnDevices } from '../../devices.ts';
import { algebra } from '../../pruning/graphs.ts';

const score = {
  error: 0.25,
  validPredictionTime: 1.5,
  rateHz: 10,
  synapticOperationsHz: 1e6,
  energyNanowatts: 900,
  errorBefore: 0.5,
  synapticOperationsBeforeHz: 2e6,
};
const record: ComparisonRecord = {
  method: 'noise',
  density: 0.2,
  seed: 3,
  synapses: 100,
  neurons: 10,
  read: 10,
  pruningSeconds: 2,
  shift: 0.5,
  timescale: 0.7,
  exponents: [
    [0, -1.5],
    [7, -20],
  ],
  tasks: {
    lorenz: score,
    'file.csv': { ...score, error: 0.75, validPredictionTime: Number.NaN },
  },
};

describe('a record', () => {
  it('comes back from a trial, and its objective is the mean error, negated', () => {
    const outcome = outcomeOfRecord(record, 5, 'here');
    expect(outcome).toMatchObject({ state: 'complete', objective: -0.5, device: 'here' });
    // JSON and tables of numbers have no NaN.
    expect(Object.values(outcome.accuracies).every(Number.isFinite)).toBe(true);
    const trial = {
      number: 0,
      state: 'complete' as const,
      values: { method: 'noise', density: 0.2, seed: 3 },
      seed: 1,
      proposal: null,
      startedAt: 0,
      outcome,
    };
    expect(recordOfTrial(trial, ['lorenz', 'file.csv'])).toEqual(record);
    expect(recordOfTrial({ ...trial, state: 'failed' }, ['lorenz'])).toBeUndefined();
  });
});

describe('settings', () => {
  it('refuse what pruning has not, and change no method where nothing is given', () => {
    expect(comparisonOf(comparisonSettings.parse({})).settings).toEqual({});
    const found = comparisonSettings.safeParse({ pruning: { rescaling: 'most' } });
    expect(found.error?.issues[0]?.path).toEqual(['pruning', 'rescaling']);
    expect(pruneCompare.checksum({ tasks: ['lorenz'] })).not.toBe(
      pruneCompare.checksum({ tasks: ['rossler'] }),
    );
  });
});

describeOnDevices(
  'slots',
  (open) => {
    it('tell what recurrent synapses did before and after they were trained by STDP', async () => {
      const device = await open();
      const given = { size: 40, train: 200, tasks: ['lorenz'], training: 'stdp' };
      const comparison = new Comparison(comparisonOf(comparisonSettings.parse(given)));
      const variants = [{ method: 'dense', density: 0.2 }];
      const [first, second] = [
        await comparison.run(device, algebra, 1, variants),
        await comparison.run(device, algebra, 1, variants),
      ].map(([one]) => one?.tasks.lorenz);
      expect(second).toEqual(first);
      const { error, errorBefore, synapticOperationsHz, synapticOperationsBeforeHz } = first ?? score;
      expect(Math.max(error, errorBefore)).toBeLessThan(1);
      expect(error).not.toBe(errorBefore);
      // It changes how much the network spikes, not beyond recognition.
      expect(synapticOperationsHz).not.toBe(synapticOperationsBeforeHz);
      expect(Math.abs(Math.log(synapticOperationsHz / synapticOperationsBeforeHz))).toBeLessThan(1);
    });

    it('fail a trial that can not run, and not its neighbours', async () => {
      const device = await open();
      const settings = comparisonSettings.parse({ size: 40, train: 200, tasks: ['lorenz'] });
      const slots = new ComparisonSlots(new Comparison(comparisonOf(settings)), device, algebra);
      const trials = ['dense', 'nothing'].map((method, slot) => {
        const values = { method, density: 0.2, seed: 1 };
        return { slot, trial: slots.begin(slot, { number: slot, values, seed: 0 }) };
      });
      const { ends, done } = slots.launch(trials);
      expect(ends).toEqual([true, true]);
      expect(await done).toEqual({ samples: 2, reads: [] });
      const [good, bad] = trials.map(({ trial }) => trial.outcome('d'));
      expect(good).toMatchObject({ state: 'complete' });
      expect(good?.objective).toBe(-(good?.accuracies['lorenz error'] as number));
      expect(bad).toMatchObject({ state: 'failed' });
      expect(bad?.reason).toContain('there is no method "nothing"');
    });
  },
  { kind: 'native' },
);
