/**
 * Training the network as the recorded experiment did: the images in one fixed order, fresh Poisson noise in every
 * pass, SGD with Nesterov momentum on the sum of the batch's losses, a learning rate that shrinks by gamma an epoch,
 * and the stop of networks that are silent for too many images.
 */
import { type ByteImages, encodePoisson } from '../../network/encoders/poisson.ts';
import { LONGEST_DELAY } from './delay.ts';
import {
  initialParameters,
  networkOf,
  parameterArrays,
  SLAYER_CLASSES,
  type SlayerEngine,
  type SlayerHyperparameters,
  type SlayerImages,
  type SlayerParameters,
  type SlayerResult,
} from './network.ts';
import { STATE_SCALE } from './neuron.ts';
import { normedGradients } from './weights.ts';

/** All hyperparameters of the recorded table. */
export interface SlayerTrainingParameters extends SlayerHyperparameters {
  /** Share of the training images; 0.99 or more means all. */
  readonly train_size: number;
  readonly epochs: number;
  readonly batch_size: number;
  readonly learning_rate: number;
  readonly mu: number;
  readonly gamma: number;
}

/** Images, labels, and which of them are for what, in the order in which they are shown. */
export interface SlayerData {
  readonly images: ByteImages;
  readonly labels: Uint8Array;
  readonly train: ArrayLike<number>;
  readonly test: ArrayLike<number>;
}

export interface SlayerOptions {
  readonly seed: number;
  /** An image with fewer output spikes is silent. */
  readonly alpha?: number;
  /** Share of the training images that may be silent in an epoch; training stops beyond. */
  readonly beta?: number;
  /** Test after each epoch, as recorded, or only after the last one. The result's noise differs, nothing else. */
  readonly testEveryEpoch?: boolean;
  /** Whether a network that was stopped is tested too, as recorded (default). */
  readonly testStopped?: boolean;
  readonly onProgress?: (progress: { epoch: number; done: number; of: number; accuracy: number }) => void;
  readonly signal?: AbortSignal;
}

/** What one pass over images gave. */
export interface SlayerPass {
  readonly images: number;
  readonly accuracy: number;
  /** Mean over the images. */
  readonly loss: number;
  readonly silent: number;
  /** Per image: input, conv, pool, conv, pool, output. */
  readonly spikes: readonly number[];
}

export interface SlayerOutcome {
  readonly stopped: boolean;
  /** Images of all epochs together. */
  readonly processed: number;
  /** At most 0 where it is met: 1 - share of the last epoch's images that were seen and not silent - beta. */
  readonly constraint: number;
  /** By epoch; the last one's training pass ends early where it was stopped. */
  readonly train: readonly SlayerPass[];
  readonly test: readonly SlayerPass[];
  readonly parameters: SlayerParameters;
}

/** White pixels fire at 510 Hz, in steps of 1 ms. */
const MAX_RATE_HZ = 510;
const TEST_BATCH = 100;

/** Sums of a pass. */
class Tally {
  images = 0;
  right = 0;
  loss = 0;
  silent = 0;
  readonly spikes = new Float64Array(6);

  add(result: SlayerResult, labels: Uint8Array, alpha: number): void {
    for (const [image, label] of labels.entries()) {
      const spikes = result.classSpikes.subarray(image * SLAYER_CLASSES, (image + 1) * SLAYER_CLASSES);
      let best = 0;
      let total = 0;
      for (const [c, count] of spikes.entries()) {
        total += count;
        // Of equal counts the lowest class.
        if (count > (spikes[best] as number)) best = c;
      }
      if (best === label) this.right++;
      if (total < alpha) this.silent++;
    }
    this.images += labels.length;
    this.loss += result.loss;
    for (const [layer, count] of result.spikes.entries()) {
      this.spikes[layer] = (this.spikes[layer] as number) + count;
    }
  }

  done(): SlayerPass {
    const { images, right, loss, silent, spikes } = this;
    return {
      images,
      accuracy: right / images,
      loss: loss / images,
      silent,
      spikes: Array.from(spikes, (count) => count / images),
    };
  }
}

/** A batch that was run. */
export interface SlayerStep {
  readonly part: 'train' | 'test';
  /** Of the batch. */
  readonly images: number;
  /** The pass so far. */
  readonly pass: SlayerPass;
}

/** Trains a network and tests it. */
export function trainSlayer(
  engine: SlayerEngine,
  data: SlayerData,
  hyperparameters: SlayerTrainingParameters,
  options: SlayerOptions,
): Promise<SlayerOutcome> {
  return toTheEnd(slayerTraining(engine, data, hyperparameters, options));
}

async function toTheEnd<Result>(steps: AsyncGenerator<unknown, Result>): Promise<Result> {
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return value;
  }
}

/** {@link trainSlayer} batch by batch, so that several networks can take turns. */
export async function* slayerTraining(
  engine: SlayerEngine,
  data: SlayerData,
  hyperparameters: SlayerTrainingParameters,
  options: SlayerOptions,
): AsyncGenerator<SlayerStep, SlayerOutcome> {
  const { seed, alpha = 5, beta = 0.03, testEveryEpoch = true, testStopped = true } = options;
  const { onProgress, signal } = options;
  const { train_size, epochs, batch_size, gamma } = hyperparameters;
  const count = train_size < 0.99 ? Math.floor(data.train.length * train_size) : data.train.length;
  const order = Array.from({ length: count }, (_, place) => data.train[place] as number);
  const parameters = initialParameters(hyperparameters, seed);
  const momenta = parameterArrays(parameters).map((values) => new Float32Array(values.length));
  const train: SlayerPass[] = [];
  const test: SlayerPass[] = [];
  let stopped = false;
  let processed = 0;
  let batches = 0;
  for (let epoch = 0; epoch < epochs && !stopped; epoch++) {
    const tally = new Tally();
    const rate = hyperparameters.learning_rate * gamma ** epoch;
    for (const batch of encodedBatches(data, order, batch_size, hyperparameters.frames, seed, 2 * epoch)) {
      signal?.throwIfAborted();
      clampLearned(parameters);
      const network = networkOf(hyperparameters, parameters, { train: true, pass: batches++, seed });
      const result = await engine.run(network, batch);
      tally.add(result, batch.labels, alpha);
      descend(parameters, momenta, result, rate, hyperparameters.mu);
      onProgress?.({ epoch, done: tally.images, of: count, accuracy: tally.right / tally.images });
      stopped = tally.silent > beta * count;
      yield { part: 'train', images: batch.labels.length, pass: tally.done() };
      if (stopped) break;
    }
    processed += tally.images;
    train.push(tally.done());
    const last = epoch === epochs - 1;
    if (stopped ? testStopped : testEveryEpoch || last) {
      test.push(yield* slayerTest(engine, data, hyperparameters, parameters, { ...options, pass: epoch }));
    }
  }
  const last = train.at(-1);
  const constraint = 1 - ((last?.images ?? 0) - (last?.silent ?? 0)) / count - beta;
  return { stopped, processed, constraint, train, test, parameters };
}

/** A pass over the test images. `pass` tells its noise from that of others. */
export function testSlayer(...given: Parameters<typeof slayerTest>): Promise<SlayerPass> {
  return toTheEnd(slayerTest(...given));
}

/** {@link testSlayer} batch by batch. */
export async function* slayerTest(
  engine: SlayerEngine,
  data: SlayerData,
  hyperparameters: SlayerHyperparameters,
  parameters: SlayerParameters,
  options: Pick<SlayerOptions, 'seed' | 'alpha' | 'signal'> & { readonly pass: number },
): AsyncGenerator<SlayerStep, SlayerPass> {
  const { seed, alpha = 5, signal, pass } = options;
  const tally = new Tally();
  clampLearned(parameters);
  const network = networkOf(hyperparameters, parameters, { train: false, pass: 0, seed });
  const order = Array.from(data.test);
  for (const batch of encodedBatches(data, order, TEST_BATCH, hyperparameters.frames, seed, 2 * pass + 1)) {
    signal?.throwIfAborted();
    tally.add(await engine.run(network, batch), batch.labels, alpha);
    yield { part: 'test', images: batch.labels.length, pass: tally.done() };
  }
  return tally.done();
}

/** Batches in order. */
function* encodedBatches(
  { images, labels }: SlayerData,
  order: readonly number[],
  size: number,
  steps: number,
  seed: number,
  pass: number,
): Generator<SlayerImages> {
  // Noise of its own for each seed and pass.
  const encoding = { steps, maxRateHz: MAX_RATE_HZ, dtMs: 1, seed: seed * 1009 + pass };
  for (let first = 0; first < order.length; first += size) {
    const indices = order.slice(first, first + size);
    const { offsets, events } = encodePoisson(images, indices, encoding);
    yield {
      offsets,
      events,
      labels: Uint8Array.from(indices, (index) => labels[index] as number),
      first,
    };
  }
}

function clampLearned({ delays, decays }: SlayerParameters): void {
  for (const values of delays) clamp(values, LONGEST_DELAY);
  clamp(decays, STATE_SCALE);
}

function clamp(values: Float32Array, highest: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max(values[i] as number, 0), highest);
}

/** One step of SGD with Nesterov momentum: m = mu m + g, p = p - rate (g + mu m). */
function descend(
  parameters: SlayerParameters,
  momenta: readonly Float32Array[],
  result: SlayerResult,
  rate: number,
  mu: number,
): void {
  const [first, second, output] = parameters.weights;
  const gradients: ArrayLike<number>[] = [
    ...Object.values(normedGradients(first, result.first)),
    ...Object.values(normedGradients(second, result.second)),
    ...Object.values(normedGradients(output, result.output)),
    result.firstDelays,
    result.secondDelays,
    result.decays,
  ];
  for (const [place, values] of parameterArrays(parameters).entries()) {
    const gradient = gradients[place] as ArrayLike<number>;
    const momentum = momenta[place] as Float32Array;
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i] as number;
      const m = mu * (momentum[i] as number) + g;
      momentum[i] = m;
      values[i] = (values[i] as number) - rate * (g + mu * m);
    }
  }
}
