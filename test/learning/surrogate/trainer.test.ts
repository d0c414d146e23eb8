/** What the trainer does with gradients: optimizers, schedules, clipping, slots, dropout, saving, errors. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Device } from '../../../src/device/index.ts';
import type {
  GradientOptimizer,
  Layer,
  TrainingDescription,
} from '../../../src/learning/surrogate/description.ts';
import { TrainingError } from '../../../src/learning/surrogate/errors.ts';
import { loadNetwork, meansNetwork, saveNetwork } from '../../../src/learning/surrogate/saved.ts';
import { resolveLayers } from '../../../src/learning/surrogate/structure.ts';
import { SurrogateTrainer } from '../../../src/learning/surrogate/trainer.ts';
import { describeOnDevices } from '../../devices.ts';
import { description, neuron, READOUT, randomSpikes } from './networks.ts';

const HIDDEN: Layer = {
  kind: 'dense',
  neurons: 24,
  init: { kind: 'uniform', gain: 2 },
  bias: true,
  neuron: neuron('arctangent'),
};
const data = randomSpikes(12, 10, [1, 1, 30]);
const FEW = Uint32Array.of(0, 1, 2, 3);

function make(
  device: Device,
  networks: readonly TrainingDescription[],
  batchSize = 4,
): Promise<SurrogateTrainer> {
  return SurrogateTrainer.create(device, { slots: networks.length, batchSize, input: data, networks });
}

async function weights(trainer: SurrogateTrainer, slot = 0, name = '0.weight'): Promise<Float32Array> {
  return (await trainer.save(slot)).parameters[name]?.values as Float32Array;
}

/** Three updates on one batch by the optimizer, and by its equations in double precision from the same gradients. */
async function follow(device: Device, network: TrainingDescription, epoch = 0): Promise<number> {
  using trainer = await make(device, [network]);
  trainer.load(0, network);
  const { optimizer, weightDecay = 0, clipNorm = 0, schedule } = network;
  const expected = Float64Array.from(await weights(trainer));
  const [m, v] = [new Float64Array(expected.length), new Float64Array(expected.length)];
  const rate = optimizer.rate * (schedule?.kind === 'exponential' ? schedule.gamma ** epoch : 1);
  let worst = 0;
  for (let n = 1; n <= 3; n++) {
    await trainer.differentiate(data, FEW);
    const all = await trainer.gradients(0);
    const learned = ['0.weight', '0.bias', '1.weight'];
    const squares = learned
      .flatMap((name) => [...(all[name]?.values ?? [])])
      .reduce((sum, g) => sum + g * g, 0);
    const scale = clipNorm > 0 && Math.sqrt(squares) > clipNorm ? clipNorm / Math.sqrt(squares) : 1;
    const raws = all['0.weight']?.values ?? new Float32Array();
    raws.forEach((raw, i) => {
      const value = expected[i] as number;
      if (optimizer.kind === 'sgd') {
        const { momentum = 0, nesterov = false } = optimizer;
        const g = scale * raw + weightDecay * value;
        m[i] = momentum * (m[i] as number) + g;
        expected[i] = value - rate * (nesterov ? g + momentum * (m[i] as number) : (m[i] as number));
        return;
      }
      const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = optimizer;
      const g = scale * raw + (optimizer.kind === 'adam' ? weightDecay * value : 0);
      m[i] = beta1 * (m[i] as number) + (1 - beta1) * g;
      v[i] = beta2 * (v[i] as number) + (1 - beta2) * g * g;
      const along =
        (m[i] as number) / (1 - beta1 ** n) / (Math.sqrt((v[i] as number) / (1 - beta2 ** n)) + epsilon);
      expected[i] = value - rate * (along + (optimizer.kind === 'adamw' ? weightDecay * value : 0));
    });
    await trainer.step(data, FEW, { epoch });
    const found = await weights(trainer);
    // Follow what is on the device, so that roundings do not add up.
    found.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - (expected[i] as number)));
      expected[i] = value;
    });
  }
  return worst / rate;
}

describeOnDevices('the trainer', (open) => {
  const optimizers: readonly (readonly [string, GradientOptimizer, Partial<TrainingDescription>])[] = [
    ['gradient descent', { kind: 'sgd', rate: 0.1 }, {}],
    [
      'Nesterov momentum, decay, clipping',
      { kind: 'sgd', rate: 0.1, momentum: 0.9, nesterov: true },
      { weightDecay: 0.01, clipNorm: 0.05 },
    ],
    ['Adam with decay', { kind: 'adam', rate: 0.01, epsilon: 1e-4 }, { weightDecay: 0.01 }],
    ['AdamW with decay', { kind: 'adamw', rate: 0.01, epsilon: 1e-4 }, { weightDecay: 0.1 }],
    ['a falling rate', { kind: 'sgd', rate: 0.1 }, { schedule: { kind: 'exponential', gamma: 0.5 } }],
  ];
  it.each(optimizers)('follows the equations of %s', async (_, optimizer, more) => {
    const network = description([HIDDEN, READOUT], { optimizer, ...more });
    // In units of the rate; Adam divides two small numbers.
    expect(await follow(await open(), network, 2)).toBeLessThan(2e-3);
  });

  it('learns twelve samples by heart', async () => {
    const network = description([HIDDEN, READOUT], { optimizer: { kind: 'adam', rate: 0.02 } });
    using trainer = await make(await open(), [network]);
    trainer.load(0, network);
    const [before] = await trainer.evaluate(data);
    for (let epoch = 0; epoch < 40; epoch++) await trainer.epoch(data, { epoch });
    const [after] = await trainer.evaluate(data);
    expect(after?.accuracy).toBe(1);
    expect(after?.loss).toBeLessThan((before?.loss as number) / 10);
  });

  it('gives a slot the same bits whatever is in the others', async () => {
    const device = await open();
    const network = description([HIDDEN, READOUT]);
    const other = description([{ ...HIDDEN, neurons: 7 }, READOUT], {
      seed: 9,
      optimizer: { kind: 'sgd', rate: 1 },
    });
    using alone = await make(device, [network]);
    alone.load(0, network);
    await alone.epoch(data);
    using together = await make(device, [network, other]);
    together.load(0, other);
    together.load(1, network);
    await together.epoch(data);
    expect(await weights(together, 1)).toEqual(await weights(alone));
  });

  it('gives a slot with batches of its own the same bits as alone, whatever is and was around it', async () => {
    const device = await open();
    const own: Layer = { ...HIDDEN, dropout: 0.3, recurrent: {} } as Layer;
    const network = description([own, READOUT], { clipNorm: 0.01, optimizer: { kind: 'adamw', rate: 0.01 } });
    const large = description([{ ...HIDDEN, neurons: 70, dropout: 0.2, recurrent: {} } as Layer, READOUT], {
      seed: 9,
    });
    const short = randomSpikes(9, 7, [1, 1, 30]);
    const order = Uint32Array.of(3, 0, 8, 1, 7, 2, 5);
    using alone = await SurrogateTrainer.create(device, { batchSize: 4, input: short, networks: [network] });
    alone.load(0, network);
    await alone.epoch(short, { order, pass: 2 });

    const rooms = { slots: 3, batchSize: 6, input: data, networks: [large], ownSamples: true };
    using together = await SurrogateTrainer.create(device, rooms);
    const other = { source: data, learn: true, alpha: 1, pass: 0, when: { epoch: 0, overall: 0, batch: 0 } };
    // What was there before, larger and with more steps, leaves no trace.
    for (const slot of [0, 1, 2]) together.load(slot, large);
    await together.round(
      [0, 1, 2].map((slot) => ({ ...other, slot, indices: Uint32Array.of(1, 2, 3, 4, 5, 6) })),
    );
    together.load(1, network);
    for (const [batch, first] of [0, 4].entries()) {
      const when = { epoch: 0, overall: batch / 2, batch };
      const mine = { ...other, slot: 1, source: short, pass: 2, when };
      const [report] = await together.round([
        { ...mine, indices: order.subarray(first, first + 4) },
        // One learns too, one is only looked at.
        { ...other, slot: 0, indices: Uint32Array.of(4, 9) },
        { ...other, slot: 2, learn: false, indices: Uint32Array.of(0) },
      ]);
      expect(report?.samples).toBe(batch === 0 ? 4 : 3);
    }
    expect(await weights(together, 1)).toEqual(await weights(alone));
    expect(await weights(together, 1, '0.recurrent')).toEqual(await weights(alone, 0, '0.recurrent'));
    using untouched = await SurrogateTrainer.create(device, rooms);
    untouched.load(2, large);
    await untouched.round([{ ...other, slot: 2, indices: Uint32Array.of(1, 2, 3, 4, 5, 6) }]);
    expect(await weights(together, 2)).toEqual(await weights(untouched, 2));
  });

  it('stops a slot in the middle of a pass, and leaves it as it is', async () => {
    const network = description([HIDDEN, READOUT]);
    using trainer = await make(await open(), [network, network]);
    trainer.load(0, network);
    trainer.load(1, network);
    const [first, second] = await trainer.epoch(data, {
      onBatch: ({ batch, stop }) => {
        if (batch === 0) stop(0);
      },
    });
    expect([first?.samples, second?.samples]).toEqual([4, 12]);
    using once = await make(await open(), [network]);
    once.load(0, network);
    await once.step(data, FEW);
    expect(await weights(trainer, 0)).toEqual(await weights(once));
  });

  it('drops neurons in training alone, by the share asked for', async () => {
    // Most neurons spike in every sample.
    const lively: Layer = { ...HIDDEN, init: { kind: 'uniform', gain: 8 } } as Layer;
    const network = description([{ ...lively, dropout: 0.5 }, READOUT]);
    const plain = description([lively, READOUT]);
    using trainer = await make(await open(), [network, plain], 12);
    trainer.load(0, network);
    trainer.load(1, plain);
    const [dropped, whole] = await trainer.evaluate(data);
    expect(dropped?.loss).toBe(whole?.loss);
    await trainer.differentiate(
      data,
      Uint32Array.from({ length: 12 }, (_, index) => index),
    );
    const masked = (await trainer.gradients(0))['1.weight']?.values as Float32Array;
    const full = (await trainer.gradients(1))['1.weight']?.values as Float32Array;
    const norm = (values: Float32Array) => Math.hypot(...values);
    expect(norm(masked)).not.toBe(norm(full));
    // Of a single sample, the rows of dropped neurons have no gradient.
    await trainer.differentiate(data, Uint32Array.of(0));
    const one = (await trainer.gradients(0))['1.weight']?.values as Float32Array;
    const all = (await trainer.gradients(1))['1.weight']?.values as Float32Array;
    const present = (values: Float32Array) => Array.from({ length: 24 }, (_, j) => values[3 * j] !== 0);
    const kept = present(one).filter(Boolean).length;
    const spiking = present(all).filter(Boolean).length;
    expect(kept).toBeGreaterThan(spiking / 5);
    expect(kept).toBeLessThan((4 * spiking) / 5);
  });

  it('counts silent samples, with finite loss and gradients of spike-max', async () => {
    const silent: Layer = { kind: 'dense', neurons: 3, neuron: { ...neuron('gaussian'), threshold: 1e6 } };
    const network = description([HIDDEN, silent], { loss: { kind: 'spike-max' } });
    using trainer = await make(await open(), [network]);
    trainer.load(0, network);
    const [report] = await trainer.epoch(data);
    expect(report?.silentSamples).toBe(12);
    expect(report?.finite).toBe(true);
    expect(report?.loss).toBeCloseTo(Math.log(3), 5);
  });

  it('leaves a slot alone whose gradients are not finite, and says so', async () => {
    const network = description([HIDDEN, READOUT]);
    using trainer = await make(await open(), [network]);
    trainer.load(0, network);
    const saved = await trainer.save(0);
    const spoilt = {
      ...saved,
      parameters: {
        ...saved.parameters,
        '1.weight': { shape: [24, 3], values: new Float32Array(72).fill(Number.POSITIVE_INFINITY) },
      },
    };
    trainer.load(0, spoilt);
    const before = await weights(trainer);
    const [report] = await trainer.step(data, FEW);
    expect(report?.finite).toBe(false);
    expect(await weights(trainer)).toEqual(before);
  });

  it('saves a network that gives the same outputs when it is loaded', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tacet-'));
    try {
      const file = join(folder, 'network.json');
      const network = description([{ ...HIDDEN, recurrent: { density: 0.3 } } as Layer, READOUT]);
      using trainer = await make(await open(), [network]);
      trainer.load(0, network);
      await trainer.epoch(data);
      const recurrent = await weights(trainer, 0, '0.recurrent');
      expect(recurrent.filter((weight) => weight === 0).length).toBeGreaterThan(recurrent.length / 2);
      const [before] = await trainer.evaluate(data);
      await saveNetwork(file, await trainer.save(0), { recipe: 'none', params: {}, accuracy: 0.5 });
      expect(meansNetwork(file)).toBe(true);
      using again = await make(await open(), [network]);
      again.load(0, loadNetwork(file).network);
      expect(await again.evaluate(data)).toEqual([before]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('mistakes', () => {
  const shape = [1, 1, 30] as const;
  it.each<readonly [string, TrainingDescription, RegExp]>([
    ['no layers', description([]), /no layers/],
    [
      'an integrator below',
      description([READOUT, READOUT]),
      /layer 1: it reads an integrator|layer 0: an integrator/,
    ],
    [
      'neurons',
      description([{ ...HIDDEN, neurons: 2.5 } as Layer, READOUT]),
      /layer 0: neurons is 2.5; give a whole number/,
    ],
    ['dropout', description([{ ...HIDDEN, dropout: 1 }, READOUT]), /layer 0: dropout is 1; give a share/],
    [
      'a decay',
      description([{ ...HIDDEN, neuron: neuron('gaussian', { membraneDecay: 1.2 }) }, READOUT]),
      /membraneDecay is 1.2/,
    ],
    [
      'the loss',
      description([HIDDEN, READOUT], { loss: { kind: 'spike-max' } }),
      /spike-max needs a last layer of spiking/,
    ],
    [
      'a kernel',
      description([{ kind: 'conv', channels: 2, kernel: 9, neuron: neuron() }, READOUT]),
      /a kernel of 9 does not fit into an input of 1 x 1/,
    ],
  ])('%s', (_, network, message) => {
    expect(() => resolveLayers(network, shape)).toThrow(message);
  });

  it('in a file of a network name the file and the remedy', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tacet-'));
    try {
      const file = join(folder, 'x.json');
      writeFileSync(file, '{"format":"other"}');
      expect(meansNetwork(file)).toBe(false);
      expect(() => loadNetwork(file)).toThrow(TrainingError);
      expect(() => loadNetwork(file)).toThrow(
        /x\.json is no tacet-network of version 1; give a file that tacet train/,
      );
      expect(() => loadNetwork(join(folder, 'none.json'))).toThrow(/can't be read/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
