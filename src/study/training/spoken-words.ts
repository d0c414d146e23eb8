/** The network that the recipes of spoken words train: one recurrent layer, and a leaky readout of its spikes. */
import type { TrainingDescription } from '../../learning/surrogate/description.ts';

/** Hyperparameters that these recipes share. */
export interface SpokenWordsParams {
  readonly epochs: number;
  readonly seed: number;
  readonly hidden: number;
  readonly learningRate: number;
  readonly dropout: number;
  /** Shares of what decays that are left after a step; without a current's the neurons have no synaptic filter. */
  readonly membraneDecay: number;
  readonly currentDecay?: number;
  readonly readoutDecay: number;
  /** Of the surrogate, a fast sigmoid. */
  readonly slope: number;
  readonly weightDecay: number;
}

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
        recurrent: { init: { kind: 'uniform', gain: 0.5 } },
        dropout: p.dropout,
        neuron: {
          kind: 'lif',
          membraneDecay: p.membraneDecay,
          ...(p.currentDecay === undefined ? {} : { currentDecay: p.currentDecay }),
          threshold: 1,
          surrogate: { kind: 'fast-sigmoid', slope: p.slope },
        },
      },
      {
        kind: 'dense',
        name: 'readout',
        neurons: classes,
        ...biased,
        neuron: { kind: 'integrator', membraneDecay: p.readoutDecay },
      },
    ],
    loss: { kind: 'membrane-mean' },
    optimizer: { kind: 'adamw', rate: p.learningRate },
    schedule: { kind: 'cosine', epochs: p.epochs, end: 0.02 },
    weightDecay: p.weightDecay,
    clipNorm: 5,
    seed: p.seed,
  };
}
