/** What bench/training.ts times: one batch of a network each. */
import { type SampleSource, storedSpikes } from '../../src/data/samples.ts';
import type { TrainingDescription } from '../../src/learning/surrogate/description.ts';
import { Draws } from '../../src/random/draws.ts';
import { spokenDigits } from '../../src/study/training/spoken-digits.ts';

export interface Task {
  readonly source: SampleSource;
  readonly description: TrainingDescription;
}

const neuron = { kind: 'lif', threshold: 1, surrogate: { kind: 'fast-sigmoid', slope: 10 } } as const;

/** 700-256-20, T = 100, batch 64, event inputs (3 % of all inputs and steps), recurrent hidden layer. */
export function recurrent(): Task {
  return {
    source: randomSpikes({ steps: 100, samples: 64, inputs: 700, classes: 20, density: 0.03 }),
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
 * The network of the recipe `spoken-digits` as it is by default, 64-128-10, 80 steps, batch 32, on random spikes: as many
 * as the recordings have. Weights so that the hidden neurons spike in 3 % of the steps, as trained ones do.
 */
export function spokenDigitsBatch(): Task {
  const params = spokenDigits.params.parse({ path: 'none', inputGain: 1.5 });
  return {
    source: randomSpikes({ steps: 80, samples: params.batchSize, inputs: 64, classes: 10, density: 0.126 }),
    description: spokenDigits.describe(params),
  };
}

/** Spikes of each input in each step with the same probability. */
function randomSpikes(of: {
  readonly steps: number;
  readonly samples: number;
  readonly inputs: number;
  readonly classes: number;
  readonly density: number;
}): SampleSource {
  const { steps, samples, inputs, classes, density } = of;
  const draws = new Draws([7, 0], 98);
  const offsets: number[] = [];
  const events: number[] = [];
  for (let b = 0; b < samples; b++) {
    offsets.push(events.length);
    for (let t = 0; t < steps; t++) {
      for (let i = 0; i < inputs; i++) if (draws.unit() < density) events.push(i);
      offsets.push(events.length);
    }
  }
  return storedSpikes({
    ...{ steps, inputs, shape: [1, 1, inputs], classes },
    labels: Uint8Array.from({ length: samples }, (_, b) => b % classes),
    offsets: Uint32Array.from(offsets),
    events: Uint16Array.from(events),
  });
}

/**
 * n to n neurons, batch 16, T = 500, normal inputs: the task of the snn-library-benchmarks; its loss there is the sum of all
 * spikes, here the mean square of rates, whose gradient costs the same to spread over time.
 */
export function dense(n: number): Task {
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
