/** `mnist-dense`: rate-coded MNIST through 784-256-10 leaky integrate-and-fire neurons. */
import { z } from 'zod';
import { loadMnist } from '../../data/mnist.ts';
import { rateCode } from '../../data/rate-code.ts';
import type { SampleSource } from '../../data/samples.ts';
import type { TrainingDescription } from '../../learning/surrogate/description.ts';
import { SURROGATE_KINDS } from '../../learning/surrogate/description.ts';
import { checksumOf } from '../checksum.ts';
import { common, share } from './common.ts';
import type { SampleSet, TrainingRecipe } from './recipe.ts';

const params = z.strictObject({
  ...common,
  epochs: z.int().min(1).default(5),
  batchSize: common.batchSize.default(64),
  /** Of MNIST's 60,000 training images; the test is on its 10,000 test images. */
  trainSamples: z.int().min(1).max(60_000).default(60_000),
  steps: z.int().min(1).max(1000).default(20),
  /** Spikes per step of a white pixel. */
  maxRate: share.default(0.5),
  hidden: z.int().min(1).max(65_536).default(256),
  learningRate: z.number().positive().default(2e-3),
  weightDecay: z.number().min(0).default(0),
  dropout: z.number().min(0).max(0.95).default(0.2),
  membraneDecay: share.default(0.9),
  readoutDecay: share.default(0.95),
  threshold: z.number().positive().default(1),
  surrogate: z.enum(SURROGATE_KINDS).default('arctangent'),
  slope: z.number().positive().default(2),
});

type Params = z.output<typeof params>;

export const mnistDense: TrainingRecipe = {
  name: 'mnist-dense',
  summary: 'rate-coded MNIST, dense 784-256-10, leaky readout',
  params,
  space: {
    epochs: { type: 'integer', low: 1, high: 5 },
    trainShare: { type: 'real', low: 0.05, high: 1 },
    batchSize: { type: 'integer', low: 16, high: 256, scale: 'log' },
    steps: { type: 'integer', low: 5, high: 40, scale: 'log' },
    maxRate: { type: 'real', low: 0.05, high: 1 },
    hidden: { type: 'integer', low: 16, high: 512, scale: 'log' },
    learningRate: { type: 'real', low: 1e-5, high: 1e-1, scale: 'log' },
    weightDecay: { type: 'real', low: 1e-5, high: 1, scale: 'log' },
    dropout: { type: 'real', low: 0, high: 0.8 },
    membraneDecay: { type: 'real', low: 0, high: 1 },
    readoutDecay: { type: 'real', low: 0, high: 1 },
    surrogate: { type: 'categorical', choices: [...SURROGATE_KINDS] },
    slope: { type: 'real', low: 0.2, high: 100, scale: 'log' },
  },
  trials: 20,
  checksum: () => {
    const parts = [loadMnist('train'), loadMnist('test')];
    return checksumOf(...parts.flatMap(({ pixels, labels }) => [pixels, labels]));
  },
  async load({ trainSamples }: Params) {
    const train = loadMnist('train');
    const pixels = train.pixels.subarray(0, trainSamples * train.pixelsPerImage);
    const labels = train.labels.subarray(0, trainSamples);
    return { train: { ...train, pixels, labels }, test: loadMnist('test') };
  },
  view: (set, { steps, maxRate }: Params) => imagesAsRates(set, { steps, maxRate }),
  describe(p: Params): TrainingDescription {
    return {
      layers: [
        {
          kind: 'dense',
          name: 'hidden',
          neurons: p.hidden,
          bias: true,
          init: { kind: 'uniform', gain: 2 },
          dropout: p.dropout,
          neuron: {
            kind: 'lif',
            membraneDecay: p.membraneDecay,
            threshold: p.threshold,
            surrogate: { kind: p.surrogate, slope: p.slope },
          },
        },
        {
          kind: 'dense',
          name: 'readout',
          neurons: 10,
          bias: true,
          neuron: { kind: 'integrator', membraneDecay: p.readoutDecay },
        },
      ],
      loss: { kind: 'membrane-mean' },
      optimizer: { kind: 'adamw', rate: p.learningRate },
      schedule: { kind: 'cosine', epochs: p.epochs, end: 0.02 },
      weightDecay: p.weightDecay,
      seed: p.seed,
    };
  },
};

function imagesAsRates(
  set: SampleSet,
  code: { readonly steps: number; readonly maxRate: number },
): SampleSource {
  if (!('pixels' in set)) throw new TypeError('mnist-dense has images');
  const all = Uint32Array.from(set.labels, (_, index) => index);
  return rateCode(set, all, code);
}
