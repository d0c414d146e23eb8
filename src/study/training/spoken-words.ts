/** The network that the recipes of spoken words train: one recurrent layer, and a leaky readout of its spikes. */
import { z } from 'zod';
import type { TrainingDescription } from '../../learning/surrogate/description.ts';
import { SURROGATE_KINDS } from '../../learning/surrogate/description.ts';
import type { SpaceInput } from '../../search/index.ts';
import { decayOf } from './common.ts';

/** Hyperparameters that these recipes share, with the defaults of spoken digits. */
export const spokenWordsParams = {
  hidden: z.int().min(1).max(65_536).default(128),
  learningRate: z.number().positive().default(3e-3),
  dropout: z.number().min(0).max(0.95).default(0.3),
  tauMembraneMs: z.number().min(0).default(95),
  /** Of the hidden neurons' synaptic filter; 0: none. */
  tauSynapseMs: z.number().min(0).default(0),
  tauReadoutMs: z.number().min(0).default(330),
  surrogate: z.enum(SURROGATE_KINDS).default('fast-sigmoid'),
  /** Of the surrogate. */
  slope: z.number().positive().default(5),
  /** Initial weights are uniform in +-gain / sqrt(inputs). */
  inputGain: z.number().positive().default(1),
  recurrentGain: z.number().positive().default(0.5),
  weightDecay: z.number().min(0).default(0.01),
  /** What the classes are compared by: potentials of the readout, their mean over time or the highest. */
  readout: z.enum(['mean', 'max']).default('mean'),
};

export interface SpokenWordsParams extends Readonly<z.output<z.ZodObject<typeof spokenWordsParams>>> {
  readonly epochs: number;
  readonly seed: number;
  readonly stepMs: number;
}

/** Where a search of these recipes looks: wide bounds, learning rates over four decades, nothing chosen beforehand. */
export const spokenWordsSpace: SpaceInput = {
  epochs: { type: 'integer', low: 3, high: 100, scale: 'log' },
  trainShare: { type: 'real', low: 0.1, high: 1 },
  batchSize: { type: 'integer', low: 16, high: 128, scale: 'log' },
  stepMs: { type: 'integer', low: 5, high: 40, scale: 'log' },
  hidden: { type: 'integer', low: 16, high: 512, scale: 'log' },
  learningRate: { type: 'real', low: 1e-5, high: 1e-1, scale: 'log' },
  weightDecay: { type: 'real', low: 1e-5, high: 1, scale: 'log' },
  dropout: { type: 'real', low: 0, high: 0.8 },
  tauMembraneMs: { type: 'real', low: 2, high: 1000, scale: 'log' },
  tauSynapseMs: { type: 'real', low: 1, high: 200, scale: 'log' },
  tauReadoutMs: { type: 'real', low: 5, high: 2000, scale: 'log' },
  surrogate: { type: 'categorical', choices: [...SURROGATE_KINDS] },
  slope: { type: 'real', low: 0.2, high: 100, scale: 'log' },
  inputGain: { type: 'real', low: 0.1, high: 10, scale: 'log' },
  recurrentGain: { type: 'real', low: 0.01, high: 5, scale: 'log' },
  readout: { type: 'categorical', choices: ['mean', 'max'] },
};

/** @param bias whether both layers learn one */
export function spokenWordsNetwork(
  p: SpokenWordsParams,
  { classes, bias }: { readonly classes: number; readonly bias: boolean },
): TrainingDescription {
  const biased = bias ? { bias } : {};
  return {
    layers: [
      {
        kind: 'dense',
        name: 'hidden',
        neurons: p.hidden,
        ...biased,
        init: { kind: 'uniform', gain: p.inputGain },
        recurrent: { init: { kind: 'uniform', gain: p.recurrentGain } },
        dropout: p.dropout,
        neuron: {
          kind: 'lif',
          membraneDecay: decayOf(p.tauMembraneMs, p.stepMs),
          currentDecay: decayOf(p.tauSynapseMs, p.stepMs),
          threshold: 1,
          surrogate: { kind: p.surrogate, slope: p.slope },
        },
      },
      {
        kind: 'dense',
        name: 'readout',
        neurons: classes,
        ...biased,
        neuron: { kind: 'integrator', membraneDecay: decayOf(p.tauReadoutMs, p.stepMs) },
      },
    ],
    loss: { kind: p.readout === 'mean' ? 'membrane-mean' : 'membrane-max' },
    optimizer: { kind: 'adamw', rate: p.learningRate },
    schedule: { kind: 'cosine', epochs: p.epochs, end: 0.02 },
    weightDecay: p.weightDecay,
    clipNorm: 5,
    seed: p.seed,
  };
}
