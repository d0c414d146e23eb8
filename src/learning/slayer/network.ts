/**
 * The network of the recorded SLAYER experiment: conv, sum pool 2 x 2 at stride 1, conv, the same pool, dense to ten
 * classes, each followed by adaptive LIF neurons with the same constants. Every layer sends what it spikes a step
 * later; conv layers have dropout and learned delays besides.
 */
import { Draws } from '../../random/draws.ts';
import { keyOf, STREAMS } from '../../random/philox.ts';
import { wholeDelay } from './delay.ts';
import { STATE_SCALE, slayerConstants } from './neuron.ts';
import { type NormedWeights, quantizedWeights } from './weights.ts';

/** The hyperparameters of the network and of its neurons, by the names of the recorded table. */
export interface SlayerHyperparameters {
  /** Time steps of an image. */
  readonly frames: number;
  readonly rate_true: number;
  readonly rate_false: number;
  readonly c1_filters: number;
  readonly c2_filters: number;
  readonly c1_k: number;
  readonly c2_k: number;
  readonly tau_grad: number;
  readonly scale_grad: number;
  readonly threshold: number;
  readonly threshold_step: number;
  readonly current_decay: number;
  readonly voltage_decay: number;
  readonly threshold_decay: number;
  readonly refractory_decay: number;
  readonly dropout: number;
}

export const SLAYER_CLASSES = 10;
const SIDE = 28;

export interface SlayerSizes {
  /** Side of conv, pool, conv, pool. */
  readonly sides: readonly [number, number, number, number];
  /** Weights that lead to one output of conv, conv, dense. */
  readonly fanIns: readonly [number, number, number];
  /** Channels of conv, conv, dense. */
  readonly outputs: readonly [number, number, number];
  /** Numbers that learn; as the recorded table counts, which has the two decays without gradient among them. */
  readonly trainable: number;
}

export function slayerSizes(parameters: SlayerHyperparameters): SlayerSizes {
  const { c1_filters, c2_filters, c1_k, c2_k } = parameters;
  const conv1 = SIDE + 1 - c1_k;
  const conv2 = conv1 - c2_k;
  const sides = [conv1, conv1 - 1, conv2, conv2 - 1] as const;
  const fanIns = [c1_k ** 2, c1_filters * c2_k ** 2, c2_filters * (conv2 - 1) ** 2] as const;
  const outputs = [c1_filters, c2_filters, SLAYER_CLASSES] as const;
  const weights = fanIns.reduce((sum, fanIn, layer) => sum + (outputs[layer] as number) * (fanIn + 1), 0);
  // Weights, lengths, delays of two layers, four decays of three.
  return { sides, fanIns, outputs, trainable: weights + c1_filters + c2_filters + 12 };
}

/** Everything that learns. */
export interface SlayerParameters {
  /** Of conv, conv, dense: [channel][input channel][row][column]. */
  readonly weights: readonly [NormedWeights, NormedWeights, NormedWeights];
  /** Of both convolutions, by channel, in steps. */
  readonly delays: readonly [Float32Array, Float32Array];
  /** Of conv, conv, dense: current, voltage, in 1/4096. */
  readonly decays: Float32Array;
}

/** All arrays of the parameters, always in one order. */
export function parameterArrays({ weights, delays, decays }: SlayerParameters): Float32Array[] {
  return [...weights.flatMap(({ directions, lengths }) => [directions, lengths]), ...delays, decays];
}

/**
 * Initial parameters: weights uniform in +-1/sqrt(fan-in), their lengths the norms of those, delays uniform in [0, 1).
 */
export function initialParameters(hyperparameters: SlayerHyperparameters, seed: number): SlayerParameters {
  const { fanIns, outputs } = slayerSizes(hyperparameters);
  const key = keyOf(seed);
  const draws = new Draws(key, STREAMS.weights);
  const layer = (index: number): NormedWeights => {
    const inputs = fanIns[index] as number;
    const count = outputs[index] as number;
    const bound = 1 / Math.sqrt(inputs);
    const directions = new Float32Array(count * inputs);
    draws.at(index, 0);
    for (let i = 0; i < directions.length; i++) directions[i] = bound * (2 * draws.unit() - 1);
    const lengths = Float32Array.from({ length: count }, (_, output) => {
      let sum = 0;
      for (let i = output * inputs; i < (output + 1) * inputs; i++) sum += (directions[i] as number) ** 2;
      return Math.sqrt(sum);
    });
    return { directions, lengths };
  };
  const delayDraws = new Draws(key, STREAMS.delays);
  const delays = (index: number) => {
    delayDraws.at(index, 0);
    return Float32Array.from({ length: outputs[index] as number }, () => delayDraws.unit());
  };
  const decays = [hyperparameters.current_decay, hyperparameters.voltage_decay];
  return {
    weights: [layer(0), layer(1), layer(2)],
    delays: [delays(0), delays(1)],
    decays: Float32Array.from({ length: 6 }, (_, place) => STATE_SCALE * (decays[place % 2] as number)),
  };
}

/** The network as a batch sees it: everything rounded. What an engine computes with. */
export interface SlayerNetwork {
  /** Steps, channels of both convolutions, kernels of both. */
  readonly sizes: readonly number[];
  /** For conv, pool, conv, pool, output: what a step keeps of current, voltage, threshold, refractory, in 1/4096. */
  readonly keeps: Int32Array;
  /** Threshold and its step, in 1/4096. */
  readonly thresholds: readonly number[];
  /** The surrogate's peak, and its width. */
  readonly surrogate: readonly number[];
  /** 32 times the weights: [channel][input channel][row][column]. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly output: Int32Array;
  readonly firstDelays: Uint32Array;
  readonly secondDelays: Uint32Array;
  readonly targets: readonly number[];
  /** Share of the conv layers' neurons that is dropped, with `train` only. */
  readonly dropout: number;
  readonly seedWords: readonly number[];
  /** Tells the draws of this batch from others'. */
  readonly pass: number;
  /** Compute gradients. */
  readonly train: boolean;
}

/** A batch of images as events; the form of `EventLists`. */
export interface SlayerImages {
  /** [image][step + 1]: where the events of a step begin. */
  readonly offsets: Uint32Array;
  /** Pixels that spike, row x 28 + column, each at most once in a step. */
  readonly events: Uint16Array;
  readonly labels: Uint8Array;
  /** Number of the first image in its pass, for dropout. */
  readonly first: number;
}

export interface SlayerResult {
  /** [image][class] */
  readonly classSpikes: Uint32Array;
  /** Sum over images and classes of (rate - target)^2. */
  readonly loss: number;
  /** Of the batch: input, conv, pool, conv, pool, output, as they are sent (dropout's amplitude included). */
  readonly spikes: Float64Array;
  /** Gradients of the quantized weights, in the weights' layout; empty without `train`. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly output: Float32Array;
  readonly firstDelays: Float64Array;
  readonly secondDelays: Float64Array;
  /** Of conv, conv, output: current, voltage. */
  readonly decays: Float64Array;
}

/** What computes batches: the native engine or the reference. */
export interface SlayerEngine {
  run(network: SlayerNetwork, images: SlayerImages): Promise<SlayerResult>;
}

export function networkOf(
  hyperparameters: SlayerHyperparameters,
  parameters: SlayerParameters,
  { train, pass, seed }: { readonly train: boolean; readonly pass: number; readonly seed: number },
): SlayerNetwork {
  const h = hyperparameters;
  const neuron = {
    threshold: h.threshold,
    thresholdStep: h.threshold_step,
    tauGrad: h.tau_grad,
    scaleGrad: h.scale_grad,
  };
  const decays = (current: number, voltage: number) =>
    slayerConstants(neuron, {
      current,
      voltage,
      threshold: Math.fround(STATE_SCALE * h.threshold_decay),
      refractory: Math.fround(STATE_SCALE * h.refractory_decay),
    });
  const fixed = decays(
    Math.fround(STATE_SCALE * h.current_decay),
    Math.fround(STATE_SCALE * h.voltage_decay),
  );
  const learned = [0, 1, 2].map((layer) =>
    decays(parameters.decays[2 * layer] as number, parameters.decays[2 * layer + 1] as number),
  );
  const layers = [learned[0], fixed, learned[1], fixed, learned[2]] as (typeof fixed)[];
  const [first, second, output] = parameters.weights;
  return {
    sizes: [h.frames, h.c1_filters, h.c2_filters, h.c1_k, h.c2_k],
    keeps: Int32Array.from(layers.flatMap(({ keep }) => keep)),
    thresholds: [fixed.threshold, fixed.thresholdStep],
    surrogate: [fixed.surrogatePeak, fixed.surrogateWidth],
    first: quantizedWeights(first),
    second: quantizedWeights(second),
    output: quantizedWeights(output),
    firstDelays: Uint32Array.from(parameters.delays[0], wholeDelay),
    secondDelays: Uint32Array.from(parameters.delays[1], wholeDelay),
    targets: [h.rate_true, h.rate_false],
    dropout: h.dropout,
    seedWords: [...keyOf(seed)],
    pass,
    train,
  };
}
