/** What bench/training.ts times: one batch of a network each. */
import { type SampleSource, storedSpikes } from '../../src/data/samples.ts';
import type { TrainingDescription } from '../../src/learning/surrogate/description.ts';
import { Draws } from '../../src/random/draws.ts';

const neuron = { kind: 'lif', threshold: 1, surrogate: { kind: 'fast-sigmoid', slope: 10 } } as const;

/** 700-256-20, T = 100, batch 64, event inputs (3 % of all inputs and steps), recurrent hidden layer. */
export function recurrent(): { source: SampleSource; description: TrainingDescription } {
  const [steps, samples, inputs] = [100, 64, 700];
  const draws = new Draws([7, 0], 98);
  const offsets: number[] = [];
  const events: number[] = [];
  for (let b = 0; b < samples; b++) {
    offsets.push(events.length);
    for (let t = 0; t < steps; t++) {
      for (let i = 0; i < inputs; i++) if (draws.unit() < 0.03) events.push(i);
      offsets.push(events.length);
    }
  }
  const labels = Uint8Array.from({ length: samples }, (_, b) => b % 20);
  const shape = [1, 1, inputs] as const;
  const data = { steps, inputs, shape, classes: 20, labels };
  return {
    source: storedSpikes({ ...data, offsets: Uint32Array.from(offsets), events: Uint16Array.from(events) }),
    description: {
      layers: [
        {
          kind: 'dense',
          neurons: 256,
          // So that the hidden neurons spike in some per cent of the steps, as trained ones do.
          init: { kind: 'uniform', gain: 4 },
          recurrent: {},
          neuron: { ...neuron, membraneDecay: 0.9 },
        },
        { kind: 'dense', neurons: 20, neuron: { kind: 'integrator', membraneDecay: 0.95 } },
      ],
      loss: { kind: 'membrane-mean' },
      optimizer: { kind: 'sgd', rate: 0 },
      seed: 1,
    },
  };
}

/**
 * n to n neurons, batch 16, T = 500, normal inputs: the task of the snn-library-benchmarks; its loss there is the sum of all
 * spikes, here the mean square of rates, whose gradient costs the same to spread over time.
 */
export function dense(n: number): { source: SampleSource; description: TrainingDescription } {
  const [steps, samples] = [500, 16];
  const draws = new Draws([7, 0], 98);
  const normal = Float32Array.from({ length: 1 << 16 }, () => draws.normal());
  const all = Float32Array.from(
    { length: samples * steps * n },
    (_, index) => normal[(index * 40_503) & 0xffff] as number,
  );
  const source: SampleSource = {
    kind: 'values',
    samples,
    steps,
    inputs: n,
    shape: [1, 1, n],
    classes: n,
    labels: new Uint16Array(samples),
    batch: () => ({ kind: 'values', values: all }),
  };
  return {
    source,
    description: {
      layers: [{ kind: 'dense', neurons: n, bias: true, neuron: { ...neuron, membraneDecay: 0.95 } }],
      loss: { kind: 'rate-mse', rateTrue: 0.5, rateFalse: 0.1 },
      optimizer: { kind: 'sgd', rate: 0 },
      seed: 1,
    },
  };
}
