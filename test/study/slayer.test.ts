/** Trials of `mnist-slayer`: what they run, when they end, and that neighbours make no difference. */
import { describe, expect, it } from 'vitest';
import type {
  SlayerEngine,
  SlayerImages,
  SlayerNetwork,
  SlayerResult,
} from '../../src/learning/slayer/network.ts';
import type { TrialOrder } from '../../src/study/messages.ts';
import { recipeOf } from '../../src/study/recipes.ts';
import { slayerSettings } from '../../src/study/slayer/mnist-slayer.ts';
import { SlayerSlots } from '../../src/study/slayer/slots.ts';
import type { Hyperparameters, TrialOutcome } from '../../src/study/trial.ts';
import { serveOrders } from './serve-orders.ts';

const settings = slayerSettings.parse({ trainSamples: 40, holdOutSamples: 12, testSamples: 8, beta: 0.2 });
const VALUES = {
  train_size: 1,
  frames: 10,
  epochs: 2,
  batch_size: 16,
  rate_true: 0.5,
  rate_false: 0.03,
  c1_filters: 2,
  c2_filters: 3,
  c1_k: 5,
  c2_k: 4,
  learning_rate: 0.01,
  mu: 0.9,
  gamma: 0.95,
  tau_grad: 0.1,
  scale_grad: 0.5,
  threshold: 2,
  threshold_step: 0.1,
  current_decay: 0.2,
  voltage_decay: 0.05,
  threshold_decay: 0.1,
  refractory_decay: 0.1,
  dropout: 0.05,
};

const images = (count: number, shift: number) => ({
  pixels: Uint8Array.from({ length: 784 * count }, (_, index) => (index * 7 + shift) % 256),
  pixelsPerImage: 784,
  labels: Uint8Array.from({ length: count }, (_, index) => index % 10),
  classes: 10,
});
const DATA = { train: images(60, 0), test: images(10, 3) };

/** Names the right class, but for each third image; one channel in the first layer is a network that never spikes. */
class Guesses implements SlayerEngine {
  async run({ sizes, first }: SlayerNetwork, { labels }: SlayerImages): Promise<SlayerResult> {
    const silent = sizes[1] === 1;
    const classSpikes = new Uint32Array(10 * labels.length);
    labels.forEach((label, image) => {
      if (!silent) classSpikes[10 * image + ((label + Number(image % 3 === 0)) % 10)] = 9;
    });
    // As large as the weights, so that momenta go on from batch to batch.
    const like = (length: number) => new Float64Array(length).fill(0.01) as never;
    const c1 = sizes[1] ?? 0;
    const c2 = sizes[2] ?? 0;
    const side = 28 - (sizes[3] ?? 0) - (sizes[4] ?? 0);
    return {
      classSpikes,
      loss: labels.length,
      spikes: Float64Array.of(5, 4, 3, 2, 1, silent ? 0 : 9).map((spikes) => spikes * labels.length),
      first: like(first.length),
      second: like(c2 * c1 * (sizes[4] ?? 0) ** 2),
      output: like(10 * c2 * side ** 2),
      firstDelays: like(c1),
      secondDelays: like(c2),
      decays: like(6),
    };
  }
}

async function serve(changes: readonly Hyperparameters[], slots: number): Promise<TrialOutcome[]> {
  const orders = changes.map(
    (one, number): TrialOrder => ({ number, seed: number, values: { ...VALUES, ...one } }),
  );
  return await serveOrders(new SlayerSlots(new Guesses(), settings, DATA), orders, slots);
}

describe('trials of mnist-slayer', () => {
  const TRIALS = [{}, { c1_filters: 1 }, { train_size: 0.5, epochs: 3 }, { frames: 0 }];

  it('learn, are judged on what is held out and tested; silent ones stop', async () => {
    const [whole, silent, half, refused] = await serve(TRIALS, 1);
    // Of a batch each third is wrong: of 12 held out 4, of 8 tested 3.
    expect(whole).toMatchObject({
      state: 'complete',
      objective: 8 / 12,
      accuracies: { hold_out: 8 / 12, test: 5 / 8 },
    });
    expect(whole?.phases).toMatchObject([
      {
        phase: 'train',
        samples: 80,
        inputSpikes: 400,
        layers: [{ layer: 'output', spikes: 720, silentSamples: 0 }],
      },
      { phase: 'hold-out', samples: 12 },
    ]);
    expect(whole?.constraints[0]).toBeCloseTo(-0.2, 12);
    expect(half?.phases[0]).toMatchObject({ samples: 60 });
    // More than 8 of 40 with the first batch of 16.
    expect(silent).toMatchObject({
      state: 'silent',
      reason: 'output layer silent',
      accuracies: {},
      phases: [{ samples: 16 }],
    });
    expect(silent?.plainConstraints[0]).toBeCloseTo(16 / 40 - 0.2, 12);
    expect(silent?.constraints[0]).toBeCloseTo(1 - 0.2, 12);
    expect(refused).toMatchObject({ state: 'failed', reason: expect.stringMatching(/mnist-slayer: frames/) });
  });

  it('come to the same beside others', async () => {
    expect(await serve(TRIALS, 3)).toEqual(await serve(TRIALS, 1));
  });

  it('have the hyperparameters of the record', () => {
    expect(Object.keys(recipeOf('mnist-slayer').space).sort()).toEqual(Object.keys(VALUES).sort());
  });
});
