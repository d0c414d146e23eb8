/** `mnist-dense`: rate-coded MNIST through 784-256-10 leaky integrate-and-fire neurons. */
import { z } from 'zod';
import { loadMnist } from '../../data/mnist.ts';
import { rateCode } from '../../data/rate-code.ts';
import type { TrainingDescription } from '../../learning/surrogate/description.ts';
import type { TrainingRecipe } from './recipe.ts';

const share = z.number().min(0).max(1);

const params = z.strictObject({
  epochs: z.int().min(1).default(5),
  batchSize: z.int().min(1).max(4096).default(64),
  seed: z.int().min(0).default(0),
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
  surrogate: z
    .enum(['fast-sigmoid', 'arctangent', 'triangular', 'gaussian', 'exponential', 'straight-through'])
    .default('arctangent'),
  slope: z.number().positive().default(2),
});

type Params = z.output<typeof params>;

export const mnistDense: TrainingRecipe = {
  name: 'mnist-dense',
  summary: 'rate-coded MNIST, dense 784-256-10, leaky readout',
  params,
  async load({ trainSamples, steps, maxRate }: Params) {
    const [train, test] = [loadMnist('train'), loadMnist('test')];
    const all = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, index) => index);
    const code = { steps, maxRate };
    return { train: rateCode(train, all(trainSamples), code), test: rateCode(test, all(10_000), code) };
  },
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
