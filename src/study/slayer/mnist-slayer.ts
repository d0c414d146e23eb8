/**
 * `mnist-slayer`: the recorded asynchronous multi-fidelity experiment (`docs/slayer.md`): its 22 hyperparameters with the
 * bounds of its record, train_size, frames and epochs being what a trial costs.
 */
import { z } from 'zod';
import { type LabelledImages, loadMnist } from '../../data/mnist.ts';
import { DeviceError } from '../../device/index.ts';
import { NativeSlayer } from '../../learning/slayer/native.ts';
import { checksumOf } from '../checksum.ts';
import { openedSlots, type Recipe } from '../recipe.ts';
import { SlayerSlots } from './slots.ts';

export const slayerSettings = z
  .strictObject({
    /** Training images, from MNIST's 60,000, and images held out of the same for the objective. */
    trainSamples: z.int().min(1).max(60_000).default(48_000),
    holdOutSamples: z.int().min(1).max(60_000).default(12_000),
    /** Of MNIST's test images, the first so many; they play no part in a search. */
    testSamples: z.int().min(1).max(10_000).default(10_000),
    /** Share of a trial's training images that may be silent in an epoch before it is stopped. */
    beta: z.number().min(0).max(1).default(0.03),
    /** An image is silent with fewer output spikes. */
    outputAlpha: z.int().min(0).default(5),
    /** Seed of the split: the same for all trials of a study. */
    dataSeed: z.int().min(0).default(0),
  })
  .refine(({ trainSamples, holdOutSamples }) => trainSamples + holdOutSamples <= 60_000, {
    path: ['trainSamples'],
    message: 'give fewer, or fewer holdOutSamples: together at most the 60,000 images of MNIST',
  });

export type SlayerSettings = z.output<typeof slayerSettings>;

export interface SlayerStudyData {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

const loadData = (): SlayerStudyData => ({ train: loadMnist('train'), test: loadMnist('test') });

export const mnistSlayer: Recipe = {
  name: 'mnist-slayer',
  summary: 'convolutional networks learn MNIST by SLAYER; 22 hyperparameters; native engine alone',
  settings: slayerSettings,
  space: {
    train_size: { type: 'real', low: 0.1, high: 1, scale: 'log' },
    frames: { type: 'integer', low: 10, high: 69, scale: 'log' },
    epochs: { type: 'integer', low: 1, high: 39 },
    batch_size: { type: 'integer', low: 20, high: 200, scale: 'reversed-log' },
    rate_true: { type: 'real', low: 0.1, high: 0.9, scale: 'log' },
    rate_false: { type: 'real', low: 0.01, high: 0.09, scale: 'log' },
    c1_filters: { type: 'integer', low: 1, high: 47 },
    c2_filters: { type: 'integer', low: 1, high: 47 },
    c1_k: { type: 'integer', low: 4, high: 11 },
    c2_k: { type: 'integer', low: 4, high: 11 },
    learning_rate: { type: 'real', low: 0.001, high: 0.1, scale: 'log' },
    mu: { type: 'real', low: 0.8, high: 0.999, scale: 'reversed-log' },
    gamma: { type: 'real', low: 0.9, high: 1, scale: 'reversed-log' },
    tau_grad: { type: 'real', low: 0.001, high: 1, scale: 'log' },
    scale_grad: { type: 'real', low: 0.1, high: 1, scale: 'log' },
    threshold: { type: 'real', low: 0.5, high: 8, scale: 'reversed-log' },
    threshold_step: { type: 'real', low: 0.05, high: 0.4, scale: 'reversed-log' },
    current_decay: { type: 'real', low: 0.05, high: 0.5, scale: 'log' },
    voltage_decay: { type: 'real', low: 0.01, high: 0.2, scale: 'log' },
    threshold_decay: { type: 'real', low: 0.01, high: 0.5, scale: 'log' },
    refractory_decay: { type: 'real', low: 0.05, high: 0.5, scale: 'log' },
    dropout: { type: 'real', low: 0.01, high: 0.9, scale: 'log' },
  },
  constraints: ['silence_output'],
  // Most networks are silent before their first update: of few images that is a large share.
  quick: () => ({
    settings: { trainSamples: 2_000, holdOutSamples: 500, testSamples: 500, beta: 0.3 },
    trials: 40,
  }),
  checkData: () => {},
  checksum: () => {
    const { train, test } = loadData();
    return checksumOf(...[train, test].flatMap(({ pixels, labels }) => [pixels, labels]));
  },
  load: async () => loadData(),
  openSlots: async (device, setup, data) => {
    if (device.info.kind !== 'native') {
      throw new DeviceError(
        'native-missing',
        `mnist-slayer runs on the native engine alone, not on ${device.info.name}: give --devices native`,
      );
    }
    const settings = slayerSettings.parse(setup.settings);
    const engine = new NativeSlayer(setup.threads ?? 0);
    // A batch of one network keeps all threads busy; with a second one the optimizer is not waited for.
    return openedSlots(setup, 2, new SlayerSlots(engine, settings, data as SlayerStudyData));
  },
};
