/** `randman`: random smooth manifolds, told apart by the times of single spikes. */
import { z } from 'zod';
import { randman as generate, type RandmanOptions } from '../../data/randman.ts';
import { type SampleSource, type SpikeSamples, storedSpikes } from '../../data/samples.ts';
import type { TrainingDescription } from '../../learning/surrogate/description.ts';
import type { TrainingRecipe } from './recipe.ts';

const params = z.strictObject({
  epochs: z.int().min(1).default(20),
  batchSize: z.int().min(1).max(4096).default(64),
  seed: z.int().min(0).default(0),
  /** Seed of the manifolds and of the points on them. */
  dataSeed: z.int().min(0).default(0),
  classes: z.int().min(2).max(1000).default(10),
  /** A fifth of them is the test set. */
  samplesPerClass: z.int().min(5).max(10_000).default(1000),
  inputs: z.int().min(1).max(65_536).default(20),
  dimensions: z.int().min(1).max(8).default(1),
  /** Smoothness of the manifolds. */
  alpha: z.number().min(0.5).max(10).default(1),
  /** Of 1 ms. */
  steps: z.int().min(2).max(10_000).default(100),
  /** Share of the steps in which spikes fall. */
  span: z.number().positive().max(1).default(0.5),
  hidden: z.int().min(1).max(65_536).default(100),
  learningRate: z.number().positive().default(0.005),
  tauMembraneMs: z.number().positive().default(10),
  tauSynapseMs: z.number().positive().default(5),
  tauReadoutMs: z.number().positive().default(20),
  slope: z.number().positive().default(10),
});

type Params = z.output<typeof params>;

/** The network and task of Zenke and Vogels (2021): 100 current-based neurons, cross-entropy of the highest potential. */
export const randman: TrainingRecipe = {
  name: 'randman',
  summary: 'random smooth manifolds (generated), 10 classes by spike times, dense 20-100-10',
  params,
  async load(p: Params) {
    const options: RandmanOptions = {
      classes: p.classes,
      samplesPerClass: p.samplesPerClass,
      inputs: p.inputs,
      dimensions: p.dimensions,
      alpha: p.alpha,
      steps: p.steps,
      span: p.span,
      seed: p.dataSeed,
    };
    const all = generate(options);
    const learned = Math.floor(0.8 * p.samplesPerClass);
    const isTrain = (sample: number) => sample % p.samplesPerClass < learned;
    return { train: part(all, isTrain), test: part(all, (sample) => !isTrain(sample)) };
  },
  describe(p: Params): TrainingDescription {
    return {
      layers: [
        {
          kind: 'dense',
          name: 'hidden',
          neurons: p.hidden,
          init: { kind: 'uniform', gain: 2 },
          neuron: {
            kind: 'lif',
            membraneDecay: Math.exp(-1 / p.tauMembraneMs),
            currentDecay: Math.exp(-1 / p.tauSynapseMs),
            threshold: 1,
            surrogate: { kind: 'fast-sigmoid', slope: p.slope },
          },
        },
        {
          kind: 'dense',
          name: 'readout',
          neurons: p.classes,
          neuron: {
            kind: 'integrator',
            membraneDecay: Math.exp(-1 / p.tauReadoutMs),
            currentDecay: Math.exp(-1 / p.tauSynapseMs),
          },
        },
      ],
      loss: { kind: 'membrane-max' },
      optimizer: { kind: 'adam', rate: p.learningRate },
      schedule: { kind: 'cosine', epochs: p.epochs, end: 0.05 },
      seed: p.seed,
    };
  },
};

/** The samples that are chosen, in their order. */
function part(all: SpikeSamples, chosen: (sample: number) => boolean): SampleSource {
  const numbers = Uint32Array.from([...all.labels.keys()].filter(chosen));
  const whole = storedSpikes(all);
  return {
    ...whole,
    samples: numbers.length,
    labels: all.labels
      .slice(0, numbers.length)
      .map((_, place) => all.labels[numbers[place] as number] as number),
    batch: (indices, pass) =>
      whole.batch(
        indices.map((index) => numbers[index] as number),
        pass,
      ),
  };
}
