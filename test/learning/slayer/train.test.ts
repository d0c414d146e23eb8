/** Training around the engine: the order of images, the stop, the optimizer; the engine's answers are made up. */
import { describe, expect, it } from 'vitest';
import type {
  SlayerEngine,
  SlayerImages,
  SlayerNetwork,
  SlayerResult,
} from '../../../src/learning/slayer/network.ts';
import {
  type SlayerData,
  type SlayerTrainingParameters,
  trainSlayer,
} from '../../../src/learning/slayer/train.ts';

const hyperparameters: SlayerTrainingParameters = {
  frames: 10,
  train_size: 0.5,
  epochs: 2,
  batch_size: 30,
  learning_rate: 0.1,
  mu: 0.9,
  gamma: 0.5,
  rate_true: 0.8,
  rate_false: 0.1,
  c1_filters: 2,
  c2_filters: 3,
  c1_k: 11,
  c2_k: 11,
  tau_grad: 0.1,
  scale_grad: 0.5,
  threshold: 1,
  threshold_step: 0.1,
  current_decay: 0.2,
  voltage_decay: 0.1,
  threshold_decay: 0.1,
  refractory_decay: 0.1,
  dropout: 0.1,
};

/** 200 images of which the first 100 are learned from, in the reversed order. */
const data: SlayerData = {
  images: { pixels: new Uint8Array(200 * 784).fill(100), pixelsPerImage: 784 },
  labels: Uint8Array.from({ length: 200 }, (_, i) => i % 10),
  train: Array.from({ length: 180 }, (_, i) => 199 - i),
  test: Array.from({ length: 20 }, (_, i) => i),
};

/** Answers with these spikes of the labelled class, and with the same gradient everywhere. */
class Echo implements SlayerEngine {
  readonly calls: { network: SlayerNetwork; images: SlayerImages }[] = [];
  readonly spikes: (image: number) => number;
  readonly gradient: number;

  constructor(spikes: (image: number) => number, gradient = 0) {
    this.spikes = spikes;
    this.gradient = gradient;
  }

  async run(network: SlayerNetwork, images: SlayerImages): Promise<SlayerResult> {
    this.calls.push({ network, images });
    const classSpikes = new Uint32Array(10 * images.labels.length);
    for (const [image, label] of images.labels.entries()) {
      classSpikes[10 * image + label] = this.spikes(images.first + image);
    }
    return {
      classSpikes,
      loss: images.labels.length,
      spikes: new Float64Array(6).fill(images.labels.length),
      first: new Float32Array(network.first.length).fill(this.gradient),
      second: new Float32Array(network.second.length).fill(this.gradient),
      output: new Float32Array(network.output.length).fill(this.gradient),
      firstDelays: new Float64Array(2).fill(this.gradient),
      secondDelays: new Float64Array(3).fill(this.gradient),
      decays: new Float64Array(6).fill(this.gradient),
    };
  }
}

describe('training as recorded', () => {
  it('shows the first images of the order, the same in each epoch, with other noise', async () => {
    const engine = new Echo(() => 9);
    const found = await trainSlayer(engine, data, hyperparameters, { seed: 1 });
    expect(found).toMatchObject({ stopped: false, processed: 180 });
    expect(found.constraint).toBeCloseTo(-0.03, 12);
    expect(found.test.map(({ images, accuracy }) => [images, accuracy])).toEqual([
      [20, 1],
      [20, 1],
    ]);
    const train = engine.calls.filter(({ network }) => network.train);
    expect(train.map(({ images }) => images.labels.length)).toEqual([30, 30, 30, 30, 30, 30]);
    expect([...(train[0]?.images.labels ?? [])].slice(0, 5)).toEqual([9, 8, 7, 6, 5]);
    expect(train[3]?.images.labels).toEqual(train[0]?.images.labels);
    expect(train[3]?.images.events).not.toEqual(train[0]?.images.events);
    // Dropout is drawn anew for each batch.
    expect(train.map(({ network }) => network.pass)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('stops where too many images were silent, then tests once', async () => {
    // 3 % of 90 images are 2.7: the third silent one is in the second batch.
    const engine = new Echo((image) => ([4, 20, 50].includes(image) ? 4 : 5));
    const found = await trainSlayer(engine, data, hyperparameters, { seed: 1 });
    expect(found).toMatchObject({ stopped: true, processed: 60 });
    expect(found.constraint).toBeCloseTo(1 - 57 / 90 - 0.03, 12);
    expect(found.test.length).toBe(1);
    expect(found.train[0]?.silent).toBe(3);
  });

  it('counts silent images anew in each epoch', async () => {
    const engine = new Echo((image) => ([4, 50].includes(image) ? 0 : 5));
    expect(await trainSlayer(engine, data, hyperparameters, { seed: 1 })).toMatchObject({ stopped: false });
  });

  it('takes the lowest class of equal counts', async () => {
    const found = await trainSlayer(new Echo(() => 0), data, hyperparameters, { seed: 1 });
    // Of 30 images three have label 0; the network is stopped after the first batch, as silent as can be.
    expect(found.train[0]?.accuracy).toBeCloseTo(0.1, 12);
    expect(found.constraint).toBeCloseTo(0.97, 12);
  });

  it('descends with Nesterov momentum and a rate that shrinks by epoch', async () => {
    const found = await trainSlayer(new Echo(() => 9, 0.01), data, hyperparameters, { seed: 1 });
    // The decays see the gradient itself: m = mu m + g, p = p - rate (g + mu m).
    let momentum = 0;
    let expected = 0.2 * 4096;
    for (let batch = 0; batch < 6; batch++) {
      momentum = 0.9 * momentum + 0.01;
      expected -= 0.1 * (batch < 3 ? 1 : 0.5) * (0.01 + 0.9 * momentum);
    }
    expect(found.parameters.decays[0]).toBeCloseTo(expected, 3);
  });

  it('keeps delays and decays where they may be', async () => {
    const falling = await trainSlayer(new Echo(() => 9, 1e5), data, hyperparameters, { seed: 1 });
    expect([...falling.parameters.delays[0], ...falling.parameters.decays]).toEqual(new Array(8).fill(0));
    const rising = await trainSlayer(new Echo(() => 9, -1e5), data, hyperparameters, { seed: 1 });
    expect([...rising.parameters.delays[1]]).toEqual([62, 62, 62]);
    expect(rising.parameters.decays[1]).toBe(4096);
  });
});
