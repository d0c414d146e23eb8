/** Studies of training: what a trial sees, when it ends, and that it depends on nothing but itself. */
import { describe, expect, it } from 'vitest';
import type { Device } from '../../../src/device/index.ts';
import type { SlotBatch } from '../../../src/learning/surrogate/training.ts';
import type { TrialOrder, WorkerSetup } from '../../../src/study/messages.ts';
import { recipeOf } from '../../../src/study/recipes.ts';
import { openTrainingSlots } from '../../../src/study/training/open.ts';
import { paramsOfTrial, settingsSchemaOf } from '../../../src/study/training/params.ts';
import { trainingRecipeOf } from '../../../src/study/training/recipe.ts';
import { TrainingTrial } from '../../../src/study/training/trial.ts';
import type { Hyperparameters, TrialOutcome } from '../../../src/study/trial.ts';
import { describeOnDevices } from '../../devices.ts';
import { serveOrders } from '../serve-orders.ts';

const recipe = trainingRecipeOf('randman');
const SMALL = { classes: 3, samplesPerClass: 20, steps: 24, alpha: 1.5, beta: 0.2 };
const settings = settingsSchemaOf(recipe).parse({ ...SMALL, dimensions: 1 });
const VALUES = {
  epochs: 2,
  trainShare: 1,
  batchSize: 8,
  hidden: 20,
  learningRate: 0.01,
  weightDecay: 1e-4,
  tauMembraneMs: 10,
  tauSynapseMs: 5,
  tauReadoutMs: 20,
  surrogate: 'fast-sigmoid',
  slope: 10,
  inputGain: 8,
  readoutGain: 1,
  readout: 'max',
};

function order(number: number, changes: Hyperparameters = {}): TrialOrder {
  return { number, seed: 2 ** 40 + number, values: { ...VALUES, ...changes } };
}

async function serve(device: Device, orders: readonly TrialOrder[], slots: number) {
  const data = await recipe.load(paramsOfTrial(recipe, settings, {}));
  const setup: WorkerSetup = {
    device: { kind: 'native', spec: 'native', name: '', software: true, why: 'given' },
    recipe: 'randman',
    settings,
    networks: orders.map(({ values }) => values),
    slots,
  };
  using opened = await openTrainingSlots(device, setup, recipe, settings, data);
  return await serveOrders(opened.engine, orders, slots);
}

/** An outcome without its times. */
function timeless(outcome: TrialOutcome) {
  return { ...outcome, seconds: 0, phases: outcome.phases.map((phase) => ({ ...phase, seconds: 0 })) };
}

describeOnDevices('trials of training', (open) => {
  it('come to the same in any slot, beside any others, whenever they begin', async () => {
    const device = await open();
    const orders = [
      order(0, { epochs: 3 }),
      order(1, { hidden: 33, batchSize: 16, surrogate: 'gaussian' }),
      order(2, { trainShare: 0.4, learningRate: 1e-3, readout: 'mean' }),
      order(3, { inputGain: 0.1 }),
      order(4),
    ];
    const [alone, together] = [await serve(device, orders, 1), await serve(device, orders, 3)];
    expect(together.map(timeless)).toEqual(alone.map(timeless));
    expect(alone.map(({ state }) => state)).toEqual([
      'complete',
      'complete',
      'complete',
      'silent',
      'complete',
    ]);
    const [first, , , silent] = alone as [TrialOutcome, TrialOutcome, TrialOutcome, TrialOutcome];
    // 48 samples to learn from, 7 of them held out; 12 to be tested on.
    expect(first.phases).toMatchObject([
      { phase: 'train', samples: 123, layers: [{ layer: 'hidden' }] },
      { phase: 'hold-out', samples: 7 },
    ]);
    // Every input spikes once in a sample.
    expect(first.phases.map(({ inputSpikes }) => inputSpikes)).toEqual([123 * 20, 7 * 20]);
    expect(first.objective).toBe(first.accuracies.hold_out);
    expect(Math.round((first.accuracies.test as number) * 12) / 12).toBeCloseTo(
      first.accuracies.test as number,
      9,
    );
    expect(first.constraints).toEqual([expect.closeTo(-0.2, 9)]);
    // More than a fifth of 41 is silent with the second batch of eight.
    expect(silent).toMatchObject({
      reason: 'hidden layer silent',
      accuracies: {},
      phases: [{ samples: 16 }],
    });
    expect(silent.constraints[0]).toBeCloseTo(1 - 0 / 41 - 0.2, 9);
    expect(silent.plainConstraints[0]).toBeCloseTo(16 / 41 - 0.2, 9);
  });

  it('that can not be run fail with the reason, and the others go on', async () => {
    const outcomes = await serve(await open(), [order(0, { tauMembraneMs: -1 }), order(1)], 2);
    expect(outcomes[0]).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/randman: tauMembraneMs/),
    });
    expect(outcomes[1]?.state).toBe('complete');
  });
});

describe('a trial of training', () => {
  const report = (samples: number) => {
    const all = { loss: 1, accuracy: 0.5, inputSpikes: 20, silentSamples: 0, finite: true };
    return { ...all, samples, layerSpikes: [9, 0], silentByLayer: [0, samples] };
  };

  async function seen(values: Hyperparameters) {
    const data = await recipe.load(paramsOfTrial(recipe, settings, {}));
    const trial = new TrainingTrial(order(0, values), recipe, settings, data);
    const batches: SlotBatch[] = [];
    let left = trial.samplesLeft;
    while (!trial.finished) {
      const batch = trial.nextBatch(0, 5);
      batches.push(batch);
      trial.advance(report(batch.indices.length));
      expect(left - trial.samplesLeft).toBe(batch.indices.length);
      left = trial.samplesLeft;
    }
    const numbers = (learn: boolean) =>
      batches.filter((batch) => batch.learn === learn).map(({ indices }) => [...indices]);
    return { batches, learned: numbers(true), judged: numbers(false).flat(), outcome: trial.outcome('any') };
  }

  it('sees every sample once an epoch, in an order of its own, and never what is held out', async () => {
    const { learned, judged, batches, outcome } = await seen({});
    const epochs = [learned.slice(0, 6).flat(), learned.slice(6).flat()] as const;
    for (const epoch of epochs) expect(new Set(epoch).size).toBe(41);
    expect(epochs[0]).not.toEqual(epochs[1]);
    const heldOut = judged.slice(0, 7);
    expect(new Set([...epochs[0], ...heldOut]).size).toBe(48);
    expect(judged.slice(7)).toEqual(Array.from({ length: 12 }, (_, index) => index));
    expect(batches.map(({ when }) => when.overall).slice(0, 7)).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((b) => b / 6),
    );
    expect(outcome).toMatchObject({ state: 'complete', objective: expect.any(Number) });
    expect(outcome.history.length).toBeGreaterThan(5);
  });

  it('learns from a part of what another of a larger share learns from', async () => {
    const all = new Set((await seen({})).learned.flat());
    const few = new Set((await seen({ trainShare: 0.3, epochs: 1 })).learned.flat());
    expect(few.size).toBe(12);
    expect([...few].every((sample) => all.has(sample))).toBe(true);
  });
});

describe('recipes of training as studies', () => {
  it.each(['mnist-dense', 'randman', 'shd-recurrent', 'spoken-digits'])(
    '%s: settings are what no search moves',
    (name) => {
      const { settings: schema, space, constraints } = recipeOf(name);
      const held = Object.keys(schema.parse({}));
      expect(held).toEqual(expect.arrayContaining(['holdOutShare', 'beta', 'silenceAlpha', 'splitSeed']));
      expect(held.filter((key) => Object.hasOwn(space, key))).toEqual([]);
      expect(held).not.toContain('seed');
      expect(constraints).toEqual(['silence_hidden']);
    },
  );
});
