/** The native network against the plain reference: spikes exactly, gradients closely. */
import { describe, expect, inject, it } from 'vitest';
import { NativeSlayer } from '../../../src/learning/slayer/native.ts';
import {
  initialParameters,
  networkOf,
  type SlayerHyperparameters,
  type SlayerImages,
  slayerSizes,
} from '../../../src/learning/slayer/network.ts';
import { ReferenceSlayer } from '../../../src/learning/slayer/reference.ts';
import { Draws } from '../../../src/random/draws.ts';
import { keyOf, STREAMS } from '../../../src/random/philox.ts';

const hyperparameters: SlayerHyperparameters = {
  frames: 12,
  rate_true: 0.7,
  rate_false: 0.05,
  c1_filters: 9,
  c2_filters: 11,
  c1_k: 11,
  c2_k: 8,
  tau_grad: 0.05,
  scale_grad: 0.5,
  threshold: 1.3,
  threshold_step: 0.2,
  current_decay: 0.2,
  voltage_decay: 0.05,
  threshold_decay: 0.1,
  refractory_decay: 0.3,
  dropout: 0.2,
};

/** Images whose spikes lie in one part of the field, with a rate of about a third there. */
function images(count: number, steps: number): SlayerImages {
  const draws = new Draws(keyOf(3), STREAMS.encoding);
  const offsets: number[] = [];
  const events: number[] = [];
  for (let image = 0; image < count; image++) {
    draws.at(image, 0);
    offsets.push(events.length);
    for (let t = 0; t < steps; t++) {
      for (let y = 4 + image; y < 20; y++) {
        for (let x = 0; x < 12 + 4 * image; x++) if (draws.unit() < 0.3) events.push(28 * y + x);
      }
      offsets.push(events.length);
    }
  }
  const labels = Uint8Array.from({ length: count }, (_, image) => (3 * image) % 10);
  return { offsets: Uint32Array.from(offsets), events: Uint16Array.from(events), labels, first: 7 };
}

const worst = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
  let scale = 0;
  let error = 0;
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i] as number));
    error = Math.max(error, Math.abs((found[i] as number) - (expected[i] as number)));
  }
  return error / scale;
};

const isPresent = inject('presentDevices').some(({ spec }) => spec.startsWith('native'));

describe.skipIf(!isPresent)('the native network', () => {
  it.each([
    ['training, with dropout and delays', { train: true, longDelays: true, k: [11, 8] }],
    ['training, without delays', { train: true, longDelays: false, k: [5, 14] }],
    ['evaluation', { train: false, longDelays: true, k: [11, 8] }],
  ] as const)('%s', async (_, { train, longDelays, k }) => {
    const h = { ...hyperparameters, c1_k: k[0], c2_k: k[1] };
    const parameters = initialParameters(h, 5);
    // Larger weights, so that all layers spike; delays of which some pass the end.
    for (const { lengths } of parameters.weights) {
      for (const [i, length] of lengths.entries()) lengths[i] = 4 * length;
    }
    if (longDelays) {
      for (const delays of parameters.delays) for (const i of delays.keys()) delays[i] = (i ** 3 / 31) % 14;
    }
    const network = networkOf(h, parameters, { train, pass: 3, seed: 11 });
    const batch = images(3, h.frames);
    const found = await new NativeSlayer(2).run(network, batch);
    const expected = await new ReferenceSlayer().run(network, batch);
    expect(expected.spikes[5]).toBeGreaterThan(10);
    expect([...found.classSpikes]).toEqual([...expected.classSpikes]);
    for (const [layer, spikes] of expected.spikes.entries()) {
      // Whole numbers of spikes times an amplitude.
      expect(found.spikes[layer]).toBeCloseTo(spikes, 2);
    }
    expect(found.loss).toBeCloseTo(expected.loss, 5);
    if (!train) return;
    for (const name of ['first', 'second', 'output', 'firstDelays', 'secondDelays', 'decays'] as const) {
      expect({ [name]: worst(found[name], expected[name]) < 1e-4 }).toEqual({ [name]: true });
    }
  });

  it('gives the same for any number of threads', async () => {
    const network = networkOf(hyperparameters, initialParameters(hyperparameters, 5), {
      train: true,
      pass: 0,
      seed: 1,
    });
    const batch = images(5, hyperparameters.frames);
    const one = await new NativeSlayer(1).run(network, batch);
    const three = await new NativeSlayer(3).run(network, batch);
    expect(three.second).toEqual(one.second);
    expect(three.decays).toEqual(one.decays);
  });

  it('refuses what does not fit', async () => {
    const network = networkOf(hyperparameters, initialParameters(hyperparameters, 5), {
      train: false,
      pass: 0,
      seed: 1,
    });
    const batch = images(1, hyperparameters.frames);
    const run = (change: Partial<typeof network>, other: Partial<SlayerImages> = {}) =>
      (async () => new NativeSlayer(1).run({ ...network, ...change }, { ...batch, ...other }))();
    await expect(run({ first: new Int32Array(3) })).rejects.toThrow(/first has 3 values/);
    await expect(run({ sizes: [12, 9, 11, 20, 8] })).rejects.toThrow(/smaller kernels/);
    await expect(run({}, { events: batch.events.map(() => 784) })).rejects.toThrow(/out of range/);
  });
});

it('counts what learns as the recorded table does', () => {
  const sized = (c1_filters: number, c2_filters: number, c1_k: number, c2_k: number) =>
    slayerSizes({ ...hyperparameters, c1_filters, c2_filters, c1_k, c2_k }).trainable;
  expect(sized(35, 6, 6, 10)).toBe(31_004);
  expect(sized(34, 18, 4, 4)).toBe(82_462);
});
