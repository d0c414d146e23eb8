/** Loss and gradients of one recurrent network as snnTorch has them (bench/peers/snntorch_gradients.py). */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { storedSpikes } from '../../../src/data/samples.ts';
import type { TrainingDescription } from '../../../src/learning/surrogate/description.ts';
import { SurrogateTrainer } from '../../../src/learning/surrogate/trainer.ts';
import type { TrainedNetwork } from '../../../src/learning/surrogate/training.ts';
import { describeOnDevices } from '../../devices.ts';
import { Reference } from './reference.ts';

interface Golden {
  readonly loss: number;
  readonly hiddenSpikes: number;
  readonly outputSpikes: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const file = new URL('../../golden/snntorch-recurrent.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;
const [INPUTS, HIDDEN, CLASSES, STEPS, SAMPLES] = [12, 16, 4, 20, 3];
const SHAPE = [1, 1, INPUTS] as const;

const list = <T>(count: number, of: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => of(index));

function wave(rows: number, columns: number, scale: number, shift: number) {
  const values = Float32Array.from({ length: rows * columns }, (_, index) => {
    const [r, c] = [Math.floor(index / columns), index % columns];
    return scale * Math.sin(1.7 * r + 0.9 * c + 0.31 * r * c + shift);
  });
  return { shape: [rows, columns], values };
}

function constants(layer: number, neurons: number) {
  const each = (value: number) => ({ shape: [neurons], values: new Float32Array(neurons).fill(value) });
  return {
    [`${layer}.bias`]: each(0),
    [`${layer}.currentDecay`]: each(0),
    [`${layer}.membraneDecay`]: each(0.9),
    [`${layer}.threshold`]: each(1),
  };
}

const neuron = {
  kind: 'lif',
  membraneDecay: 0.9,
  threshold: 1,
  reset: 'subtract',
  surrogate: { kind: 'fast-sigmoid', slope: 5 },
} as const;
const description: TrainingDescription = {
  layers: [
    { kind: 'dense', neurons: HIDDEN, recurrent: {}, neuron },
    { kind: 'dense', neurons: CLASSES, neuron },
  ],
  // snnTorch's loss is of spike counts: the rate times the steps.
  loss: { kind: 'rate-cross-entropy', gain: STEPS },
  optimizer: { kind: 'sgd', rate: 0 },
  seed: 0,
};
const network: TrainedNetwork = {
  description,
  input: SHAPE,
  steps: STEPS,
  parameters: {
    '0.weight': wave(INPUTS, HIDDEN, 0.9, 0.2),
    '0.recurrent': wave(HIDDEN, HIDDEN, 0.4, 1.1),
    ...constants(0, HIDDEN),
    '1.weight': wave(HIDDEN, CLASSES, 0.7, 2.3),
    ...constants(1, CLASSES),
  },
};
const dense = list(SAMPLES, (b) =>
  list(STEPS, (t) => list(INPUTS, (i) => Number((7 * b + 5 * t + 3 * i + t * i) % 6 === 0))),
);
const labels = Uint8Array.from({ length: SAMPLES }, (_, b) => b % CLASSES);

function source() {
  const offsets: number[] = [];
  const events: number[] = [];
  for (const sample of dense) {
    offsets.push(events.length);
    for (const row of sample) {
      row.forEach((spike, i) => {
        if (spike) events.push(i);
      });
      offsets.push(events.length);
    }
  }
  const shape = { steps: STEPS, inputs: INPUTS, shape: SHAPE, classes: CLASSES, labels };
  return storedSpikes({ ...shape, offsets: Uint32Array.from(offsets), events: Uint16Array.from(events) });
}

function expectClose(found: ArrayLike<number>, right: readonly number[], tolerance: number): void {
  const scale = Math.max(...right.map(Math.abs));
  const worst = Math.max(...right.map((value, index) => Math.abs(value - (found[index] as number)) / scale));
  expect(worst).toBeLessThan(tolerance);
}

it('the reference agrees with snnTorch', () => {
  const reference = new Reference(description, SHAPE, STEPS, network.parameters);
  const runs = dense.map((sample, b) =>
    reference.run(sample, labels[b] as number, { smooth: false, gradients: true }),
  );
  const mean = (of: (run: (typeof runs)[number]) => number): number =>
    runs.reduce((sum, run) => sum + of(run) / SAMPLES, 0);
  expect(mean(({ loss }) => loss)).toBeCloseTo(golden.loss, 6);
  for (const [name, right] of Object.entries(golden.gradients)) {
    // Weights are those of f32 here, of f64 there.
    expectClose(
      right.map((_, index) => mean(({ gradients }) => gradients[name]?.[index] ?? Number.NaN)),
      right,
      5e-6,
    );
  }
});

describeOnDevices('a recurrent network of snnTorch', (open) => {
  it('has the same loss, spikes and gradients to 1e-4', async () => {
    const data = source();
    using trainer = await SurrogateTrainer.create(await open(), {
      batchSize: SAMPLES,
      input: data,
      networks: [description],
    });
    trainer.load(0, network);
    const [report] = await trainer.differentiate(data, Uint32Array.of(0, 1, 2));
    expect(report?.layerSpikes.map((count) => Math.round(count * SAMPLES))).toEqual([
      golden.hiddenSpikes,
      golden.outputSpikes,
    ]);
    expect(Math.abs((report?.loss ?? Number.NaN) - golden.loss)).toBeLessThan(1e-4 * golden.loss);
    const gradients = await trainer.gradients(0);
    for (const [name, right] of Object.entries(golden.gradients)) {
      expectClose(gradients[name]?.values ?? [], right, 1e-4);
    }
  });
});
