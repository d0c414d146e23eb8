/** Small networks and samples that the tests of training share. */
import { type SampleSource, storedSpikes } from '../../../src/data/samples.ts';
import type {
  Layer,
  SpikingNeuron,
  SurrogateKind,
  TrainingDescription,
} from '../../../src/learning/surrogate/description.ts';
import { Draws } from '../../../src/random/draws.ts';

export function neuron(
  surrogate: SurrogateKind = 'fast-sigmoid',
  more: Partial<SpikingNeuron> = {},
): SpikingNeuron {
  return {
    kind: 'lif',
    membraneDecay: 0.85,
    threshold: 1,
    surrogate: { kind: surrogate, slope: surrogate === 'exponential' ? 2 : 0.8, scale: 0.7 },
    ...more,
  };
}

export const READOUT: Layer = {
  kind: 'dense',
  neurons: 3,
  init: { kind: 'uniform', gain: 1 },
  neuron: { kind: 'integrator', membraneDecay: 0.9 },
};

export function description(
  layers: readonly Layer[],
  more: Partial<TrainingDescription> = {},
): TrainingDescription {
  return {
    layers,
    loss: { kind: 'membrane-max' },
    optimizer: { kind: 'adam', rate: 1e-3 },
    seed: 5,
    ...more,
  };
}

/** Random spikes: each input with probability `rate` in each step. */
export function randomSpikes(
  samples: number,
  steps: number,
  shape: readonly [number, number, number],
  { rate = 0.2, classes = 3, seed = 1 } = {},
): SampleSource & { readonly dense: number[][][] } {
  const inputs = shape[0] * shape[1] * shape[2];
  const draws = new Draws([seed, 0], 99);
  const dense = Array.from({ length: samples }, () =>
    Array.from({ length: steps }, () => Array.from({ length: inputs }, () => Number(draws.unit() < rate))),
  );
  const offsets: number[] = [];
  const events: number[] = [];
  for (const sample of dense) {
    offsets.push(events.length);
    for (const row of sample) {
      row.forEach((spike, input) => {
        if (spike) events.push(input);
      });
      offsets.push(events.length);
    }
  }
  const labels = Uint8Array.from({ length: samples }, (_, b) => b % classes);
  const data = { steps, inputs, shape, classes, labels };
  const stored = storedSpikes({
    ...data,
    offsets: Uint32Array.from(offsets),
    events: Uint16Array.from(events),
  });
  return { ...stored, dense };
}

/** Normal values for each input and step. */
export function randomValues(
  samples: number,
  steps: number,
  inputs: number,
  { classes = 3, seed = 2 } = {},
): SampleSource & { readonly dense: number[][][] } {
  const draws = new Draws([seed, 0], 99);
  const dense = Array.from({ length: samples }, () =>
    Array.from({ length: steps }, () => Array.from({ length: inputs }, () => Math.fround(draws.normal()))),
  );
  const labels = Uint8Array.from({ length: samples }, (_, b) => b % classes);
  return {
    kind: 'values',
    samples,
    steps,
    inputs,
    shape: [1, 1, inputs],
    classes,
    labels,
    dense,
    batch: (indices) => ({
      kind: 'values',
      values: Float32Array.from([...indices].flatMap((sample) => (dense[sample] as number[][]).flat())),
    }),
  };
}
