/**
 * What the kernels of surrogate-gradient training have to move and to compute, by the formulas at the heads of
 * `shaders/surrogate_*.wgsl`; see `costs.ts`.
 */
import { type KernelCost, sumOfCosts } from './costs.ts';

/** One layer in a batch, all slots together. */
export interface LayerWork {
  readonly slots: number;
  /** Samples of all slots. */
  readonly samples: number;
  readonly steps: number;
  readonly inputs: number;
  readonly neurons: number;
  /** Pairs of input and neuron that a weight connects: inputs x neurons where the layer is dense. */
  readonly connections: number;
  /** Numbers of a slot that weights are: fewer than connections where they are shared. */
  readonly weights: number;
  readonly recurrent: boolean;
  /** Spikes that the layer receives, and that it emits; all samples. */
  readonly inputSpikes: number;
  readonly ownSpikes: number;
  /** The layer below learns too. */
  readonly sendsErrors: boolean;
  /** Errors go back by a product of matrices (dense), not by the transposed sums. */
  readonly dense: boolean;
  /** The optimizer keeps moments of everything that is learned. */
  readonly learned: number;
}

/** By kernel: what a batch forward, backward and an update needs. */
export function surrogateCosts(
  layers: readonly LayerWork[],
  classes: number,
): Readonly<Record<string, KernelCost>> {
  const over = (cost: (layer: LayerWork) => KernelCost) => sumOfCosts(layers.map(cost));
  const last = layers.at(-1);
  // Scores of a sample and step.
  const outputs = last ? neuronSteps({ ...last, neurons: classes }) : 0;
  const passing = layers.filter(({ sendsErrors }) => sendsErrors);
  return {
    surrogate_forward: over(forward),
    surrogate_backward: over(backward),
    surrogate_weights: over(weights),
    surrogate_matmul: sumOfCosts(passing.filter(({ dense }) => dense).map(sentBack)),
    surrogate_transposed: sumOfCosts(passing.filter(({ dense }) => !dense).map(sentBack)),
    surrogate_loss: inOrder(6 * outputs, 6 * outputs),
    surrogate_norm: over(({ learned, slots }) => inOrder(4 * learned * slots, 2 * learned * slots)),
    surrogate_update: over(({ learned, slots }) => inOrder(24 * learned * slots, 15 * learned * slots)),
  };
}

/** Additions of weights that a layer's events take: those of its input, and of its own spikes. */
function eventSums(layer: LayerWork): number {
  const { connections, inputs, inputSpikes, recurrent, ownSpikes, neurons } = layer;
  return inputSpikes * (connections / Math.max(1, inputs)) + (recurrent ? ownSpikes * neurons : 0);
}

function neuronSteps({ neurons, steps, samples }: LayerWork): number {
  return neurons * steps * samples;
}

/** 4 B a weight and event; 12 B and 10 operations a neuron and step. */
function forward(layer: LayerWork): KernelCost {
  const sums = eventSums(layer);
  return {
    operations: sums + 10 * neuronSteps(layer),
    traffic: [
      { bytes: 4 * sums, within: 4 * layer.weights },
      { bytes: 12 * neuronSteps(layer), within: 12 * neuronSteps(layer) },
    ],
    scattered: [],
  };
}

/** 20 B and 20 operations a neuron and step; recurrent, a multiply-add a weight, which all samples of a step may share. */
function backward(layer: LayerWork): KernelCost {
  const { recurrent, neurons, steps, slots } = layer;
  const recurrentWeights = recurrent ? neurons * neurons : 0;
  return {
    operations: 20 * neuronSteps(layer) + recurrentWeights * steps * layer.samples,
    traffic: [
      { bytes: 20 * neuronSteps(layer), within: 20 * neuronSteps(layer) },
      { bytes: 4 * recurrentWeights * steps * slots, within: 4 * recurrentWeights },
    ],
    scattered: [],
  };
}

/** 8 B and an addition an event and column; and each gradient once. */
function weights(layer: LayerWork): KernelCost {
  const sums = eventSums(layer);
  return {
    operations: sums,
    traffic: [
      // The errors of a sample, which all events of it come back to.
      { bytes: 8 * sums, within: 4 * layer.neurons * layer.steps },
      { bytes: 4 * layer.learned * layer.slots, within: 4 * layer.learned * layer.slots },
    ],
    scattered: [],
  };
}

/** The errors of a layer times its weights: a multiply-add a connection; errors, weights and what goes down once each. */
function sentBack(layer: LayerWork): KernelCost {
  const { connections, weights, steps, samples, slots, inputs, neurons } = layer;
  const rows = steps * samples;
  return inOrder(4 * (rows * (inputs + neurons) + weights * slots), connections * rows);
}

/** Bytes that are read or written once: small ones are still in a cache from the kernel before. */
function inOrder(bytes: number, operations: number): KernelCost {
  return { operations, traffic: [{ bytes, within: bytes }], scattered: [] };
}
