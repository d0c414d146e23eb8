/** A description resolved for its input: sizes, shapes, and the rows that the kernels read. */
import type { KernelRow, LayerRoom } from '../../kernels/surrogate-shape.ts';
import {
  type GradientOptimizer,
  type Layer,
  type LearnableConstant,
  type Loss,
  type Neuron,
  SURROGATE_KINDS,
  type TrainingDescription,
} from './description.ts';
import { TrainingError } from './errors.ts';

/** [height, width, channels] */
export type Extent = readonly [number, number, number];

/** A layer with everything known of it. */
export interface ResolvedLayer {
  readonly name: string;
  readonly layer: Layer;
  readonly input: Extent;
  readonly output: Extent;
  readonly inputs: number;
  readonly neurons: number;
  readonly room: LayerRoom;
  /** The row of `Slot` without `runs`. */
  readonly row: KernelRow;
  /** Bits of `Step.learns`. */
  readonly learns: number;
  /** Columns of the weights that are not padding. */
  readonly columns: number;
  /** Inputs of a neuron, for initial weights. */
  readonly fanIn: number;
}

const LOSSES: readonly Loss['kind'][] = [
  'rate-mse',
  'rate-cross-entropy',
  'spike-max',
  'membrane-max',
  'membrane-mean',
];
const LEARNS: Readonly<Record<LearnableConstant, number>> = {
  currentDecay: 8,
  membraneDecay: 16,
  threshold: 32,
};

/**
 * Resolves every layer in turn.
 *
 * @throws {TrainingError} naming the layer and the value
 */
export function resolveLayers(description: TrainingDescription, input: Extent): ResolvedLayer[] {
  const { layers } = description;
  if (layers.length === 0) throw new TrainingError('a network has no layers: give at least one');
  const resolved: ResolvedLayer[] = [];
  for (const [index, layer] of layers.entries()) {
    const below = resolved[index - 1];
    resolved.push(resolveLayer(layer, index, below?.output ?? input, below, index === layers.length - 1));
  }
  checkLoss(description.loss, layers.at(-1) as Layer);
  checkOptimizer(description.optimizer);
  return resolved;
}

function resolveLayer(
  layer: Layer,
  index: number,
  input: Extent,
  below: ResolvedLayer | undefined,
  last: boolean,
): ResolvedLayer {
  const name = layer.name ?? `layer ${index}`;
  const fail = (what: string): never => {
    throw new TrainingError(`${name}: ${what}`);
  };
  if (below?.layer.neuron.kind === 'integrator')
    fail('it reads an integrator, which never spikes; put it last');
  if (layer.neuron.kind === 'integrator' && !last) fail('an integrator can only be the last layer');
  checkNeuron(layer.neuron, fail);
  const { dropout = 0 } = layer;
  if (!(dropout >= 0 && dropout < 1)) fail(`dropout is ${dropout}; give a share of at least 0 and below 1`);
  if (dropout > 0 && last) fail('dropout on the last layer would drop classes: remove it');
  const inputs = input[0] * input[1] * input[2];
  const { output, fanIn, rows } = connect(layer, input, fail);
  const neurons = output[0] * output[1] * output[2];
  const dense = layer.kind === 'dense';
  const width = dense ? 32 * Math.ceil(neurons / 32) : neurons;
  const columns = dense ? neurons : output[2];
  const recurrent = layer.kind === 'dense' && layer.recurrent !== undefined;
  const neuron = neuronRow(layer.neuron);
  const learned = 'learn' in layer.neuron ? (layer.neuron.learn ?? []) : [];
  if (learned.length > 0 && !dense) fail('constants are learned in dense layers only: remove `learn`');
  const lag = layer.shift === true ? 1 : 0;
  const learns =
    (layer.kind === 'pool' ? 0 : 1) |
    (recurrent ? 2 : 0) |
    (layer.kind === 'dense' && layer.bias === true ? 4 : 0) |
    learned.reduce((bits, constant) => bits | LEARNS[constant], 0) |
    (recurrent && (layer.recurrent?.density ?? 1) < 1 ? 64 : 0);
  const room: LayerRoom = {
    inputs,
    // Kernels work on vectors of neurons: quads in WGSL, sixteen in the native engine.
    width: 16 * Math.ceil(width / 16),
    columns: dense ? width : columns,
    rows,
    projection: layer.kind,
    recurrent,
    keepCurrents: learned.some((constant) => constant !== 'threshold'),
    keepAdaptations: neuron.adaptation !== 0 || neuron.refractory !== 0,
    dropout: dropout > 0,
    lag,
  };
  const row: KernelRow = {
    inputs,
    neurons,
    width,
    columns: room.columns,
    projection: dense ? 0 : layer.kind === 'conv' ? 1 : 2,
    in_x: input[1],
    in_y: input[0],
    in_channels: input[2],
    out_x: output[1],
    out_y: output[0],
    kernel: dense ? 1 : layer.kernel,
    stride: dense ? 1 : (layer.stride ?? 1),
    padding: layer.kind === 'conv' ? (layer.padding ?? 0) : 0,
    dilation: layer.kind === 'conv' ? (layer.dilation ?? 1) : 1,
    recurrent: Number(recurrent),
    input_scale: 1 / (1 - (below?.layer.dropout ?? 0)),
    output_scale: 1 / (1 - dropout),
    pool_weight: layer.kind === 'pool' ? (layer.weight ?? 1) : 0,
    rate_low: layer.rate?.low ?? 0,
    rate_high: layer.rate?.high ?? 1,
    rate_weight: layer.rate?.weight ?? 0,
    ...neuron,
  };
  return { name, layer, input, output, inputs, neurons, room, row, learns, columns, fanIn };
}

type Fail = (what: string) => never;

function connect(
  layer: Layer,
  [height, width, channels]: Extent,
  fail: Fail,
): { readonly output: Extent; readonly fanIn: number; readonly rows: number } {
  const whole = (value: number, what: string, least: number): number => {
    if (!Number.isInteger(value) || value < least)
      fail(`${what} is ${value}; give a whole number from ${least} on`);
    return value;
  };
  if (layer.kind === 'dense') {
    const neurons = whole(layer.neurons, 'neurons', 1);
    const inputs = height * width * channels;
    return { output: [1, 1, neurons], fanIn: inputs, rows: inputs };
  }
  const kernel = whole(layer.kernel, 'kernel', 1);
  const stride = whole(layer.stride ?? 1, 'stride', 1);
  const padding = layer.kind === 'conv' ? whole(layer.padding ?? 0, 'padding', 0) : 0;
  const dilation = layer.kind === 'conv' ? whole(layer.dilation ?? 1, 'dilation', 1) : 1;
  const side = (size: number): number =>
    Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
  const [outHeight, outWidth] = [side(height), side(width)];
  if (outHeight < 1 || outWidth < 1) {
    fail(`a kernel of ${kernel} does not fit into an input of ${height} x ${width}; give a smaller one`);
  }
  if (layer.kind === 'pool') {
    return { output: [outHeight, outWidth, channels], fanIn: kernel * kernel, rows: 0 };
  }
  const rows = channels * kernel * kernel;
  return { output: [outHeight, outWidth, whole(layer.channels, 'channels', 1)], fanIn: rows, rows };
}

function checkNeuron(neuron: Neuron, fail: Fail): void {
  const decay = (value: number | undefined, what: string): void => {
    if (value !== undefined && !(value >= 0 && value <= 1))
      fail(`${what} is ${value}; give a factor from 0 to 1`);
  };
  decay(neuron.membraneDecay, 'membraneDecay');
  decay(neuron.currentDecay, 'currentDecay');
  if (neuron.kind === 'lif') {
    decay(neuron.adaptationDecay, 'adaptationDecay');
    decay(neuron.refractoryDecay, 'refractoryDecay');
    if (!(neuron.threshold > 0)) fail(`threshold is ${neuron.threshold}; give one above 0`);
    if (!(neuron.surrogate.slope > 0))
      fail(`the surrogate's slope is ${neuron.surrogate.slope}; give one above 0`);
    if (!SURROGATE_KINDS.includes(neuron.surrogate.kind)) {
      fail(`there is no surrogate "${neuron.surrogate.kind}"; there is ${SURROGATE_KINDS.join(', ')}`);
    }
  }
}

/** The part of the row that the neuron gives; its decays and threshold are parameters. */
function neuronRow(neuron: Neuron): KernelRow & { readonly adaptation: number; readonly refractory: number } {
  if (neuron.kind !== 'lif') {
    const none = {
      reset: 0,
      detach: 1,
      surrogate: 0,
      slope: 1,
      scale: 0,
      adaptation: 0,
      adaptation_decay: 0,
      adaptation_gradient: 0,
      refractory: 0,
      refractory_decay: 0,
    };
    return { integrator: 1, ...none };
  }
  const { surrogate, reset = 'subtract', detachReset = true } = neuron;
  const { adaptation = 0, adaptationDecay = 0, detachAdaptation = false } = neuron;
  return {
    integrator: 0,
    reset: ['none', 'subtract', 'zero'].indexOf(reset),
    detach: Number(detachReset),
    surrogate: SURROGATE_KINDS.indexOf(surrogate.kind),
    slope: surrogate.slope,
    scale: surrogate.scale ?? 1,
    adaptation,
    adaptation_decay: adaptationDecay,
    adaptation_gradient: detachAdaptation ? 0 : adaptation,
    refractory: neuron.refractory ?? 0,
    refractory_decay: neuron.refractoryDecay ?? 0,
  };
}

function checkLoss(loss: Loss, last: Layer): void {
  if (!LOSSES.includes(loss.kind)) {
    throw new TrainingError(`there is no loss "${loss.kind}"; there is ${LOSSES.join(', ')}`);
  }
  const onMembrane = loss.kind === 'membrane-max' || loss.kind === 'membrane-mean';
  if (onMembrane !== (last.neuron.kind === 'integrator')) {
    throw new TrainingError(
      `the loss ${loss.kind} needs a last layer of ${onMembrane ? 'integrators' : 'spiking neurons'}`,
    );
  }
}

function checkOptimizer(optimizer: GradientOptimizer): void {
  if (!(optimizer.rate >= 0 && Number.isFinite(optimizer.rate))) {
    throw new TrainingError(`the optimizer's rate is ${optimizer.rate}; give a number from 0 on`);
  }
}

/** The row of `Goal`. */
export function goalRow(description: TrainingDescription, batch: number): KernelRow {
  const { loss, reduction = 'mean' } = description;
  return {
    runs: 1,
    kind: LOSSES.indexOf(loss.kind),
    rate_true: loss.kind === 'rate-mse' ? loss.rateTrue : 0,
    rate_false: loss.kind === 'rate-mse' ? loss.rateFalse : 0,
    gain: 'gain' in loss ? (loss.gain ?? 1) : 1,
    epsilon: loss.kind === 'spike-max' ? (loss.epsilon ?? 0.01) : 0,
    weight: reduction === 'mean' ? 1 / batch : 1,
  };
}

/** The row of `Step` without `runs` and `learns`, for the n-th update (from 1) at a rate. */
export function stepRow(description: TrainingDescription, factor: number, n: number): KernelRow {
  const { optimizer, weightDecay = 0, clipNorm = 0 } = description;
  const common = { rate: factor * optimizer.rate, weight_decay: weightDecay, clip: clipNorm };
  if (optimizer.kind === 'sgd') {
    const { momentum = 0, nesterov = false } = optimizer;
    const unused = { beta1: 0, beta2: 0, epsilon: 0, correction1: 1, correction2: 1 };
    return { ...common, ...unused, kind: 0, momentum, nesterov: Number(nesterov) };
  }
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = optimizer;
  return {
    ...common,
    kind: optimizer.kind === 'adam' ? 1 : 2,
    momentum: 0,
    nesterov: 0,
    beta1,
    beta2,
    epsilon,
    correction1: 1 / (1 - beta1 ** n),
    correction2: 1 / (1 - beta2 ** n),
  };
}

/** The room that a layer of several networks needs. */
export function largestRoom(rooms: readonly LayerRoom[]): LayerRoom {
  const most = (of: (room: LayerRoom) => number): number => Math.max(...rooms.map(of));
  const any = (of: (room: LayerRoom) => boolean): boolean => rooms.some(of);
  const [first] = rooms as [LayerRoom];
  return {
    inputs: most((room) => room.inputs),
    width: most((room) => room.width),
    columns: most((room) => room.columns),
    rows: most((room) => room.rows),
    projection: first.projection,
    recurrent: any((room) => room.recurrent),
    keepCurrents: any((room) => room.keepCurrents),
    keepAdaptations: any((room) => room.keepAdaptations),
    dropout: any((room) => room.dropout),
    lag: first.lag,
  };
}
