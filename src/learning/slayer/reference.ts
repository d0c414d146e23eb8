/**
 * The network computed plainly: every neuron with `neuron.ts`, every product summed as written, in double precision.
 * It is what the native engine is tested against; far too slow for more than a few images.
 */
import { keyOf, philox4x32, STREAMS } from '../../random/philox.ts';
import { delayed, delayedBackward } from './delay.ts';
import type { SlayerEngine, SlayerImages, SlayerNetwork, SlayerResult } from './network.ts';
import {
  runNeuron,
  runNeuronBackward,
  type SlayerConstants,
  type SlayerTrace,
  STATE_SCALE,
} from './neuron.ts';

/** Signals of a layer: [channel][row][column], each a series over time. */
type Signals = Float64Array[];

interface Layer {
  readonly constants: SlayerConstants;
  readonly channels: number;
  readonly side: number;
  readonly inputChannels: number;
  readonly inputSide: number;
  readonly kernel: number;
  /** Weight from an input channel at a place of the kernel; 0 where there is none. */
  weight(output: number, input: number, row: number, column: number): number;
  /** The gradient of the same weight; undefined for pools. */
  readonly gradient: Float64Array | undefined;
  readonly delays: Uint32Array | undefined;
}

interface Pass {
  readonly traces: SlayerTrace[];
  /** After dropout and the shift, before delays. */
  readonly shifted: Signals;
  readonly sent: Signals;
  /** Amplitude by neuron. */
  readonly amplitudes: Float64Array;
}

export class ReferenceSlayer implements SlayerEngine {
  async run(network: SlayerNetwork, images: SlayerImages): Promise<SlayerResult> {
    return runBatch(network, images);
  }
}

function layersOf(network: SlayerNetwork): Layer[] {
  const [, c1, c2, k1, k2] = network.sizes as [number, number, number, number, number];
  const side1 = 29 - k1;
  const side2 = side1 - k2;
  const constants = (layer: number): SlayerConstants => ({
    keep: [...network.keeps.subarray(4 * layer, 4 * layer + 4)] as unknown as SlayerConstants['keep'],
    threshold: network.thresholds[0] as number,
    thresholdStep: network.thresholds[1] as number,
    surrogatePeak: network.surrogate[0] as number,
    surrogateWidth: network.surrogate[1] as number,
  });
  const full = (
    index: number,
    channels: number,
    inputChannels: number,
    inputSide: number,
    kernel: number,
    weights: Int32Array,
    delays?: Uint32Array,
  ): Layer => ({
    constants: constants(index),
    channels,
    side: inputSide + 1 - kernel,
    inputChannels,
    inputSide,
    kernel,
    weight: (output, input, row, column) =>
      (weights[((output * inputChannels + input) * kernel + row) * kernel + column] as number) / 32,
    gradient: new Float64Array(weights.length),
    delays,
  });
  const pool = (index: number, channels: number, inputSide: number): Layer => ({
    constants: constants(index),
    channels,
    side: inputSide - 1,
    inputChannels: channels,
    inputSide,
    kernel: 2,
    weight: (output, input) => (output === input ? 1 : 0),
    gradient: undefined,
    delays: undefined,
  });
  return [
    full(0, c1, 1, 28, k1, network.first, network.firstDelays),
    pool(1, c1, side1),
    full(2, c2, c1, side1 - 1, k2, network.second, network.secondDelays),
    pool(3, c2, side2),
    full(4, 10, c2, side2 - 1, side2 - 1, network.output),
  ];
}

/** Calls with each synapse of a layer: neuron, input, and where the weight is. */
function forEachSynapse(
  layer: Layer,
  call: (neuron: number, input: number, weight: number, place: number) => void,
): void {
  const { channels, side, inputChannels, inputSide, kernel } = layer;
  for (let output = 0; output < channels; output++) {
    for (let input = 0; input < inputChannels; input++) {
      for (let row = 0; row < kernel; row++) {
        for (let column = 0; column < kernel; column++) {
          const weight = layer.weight(output, input, row, column);
          const place = ((output * inputChannels + input) * kernel + row) * kernel + column;
          if (weight === 0 && !layer.gradient) continue;
          for (let y = 0; y < side; y++) {
            for (let x = 0; x < side; x++) {
              const from = (input * inputSide + y + row) * inputSide + x + column;
              call((output * side + y) * side + x, from, weight, place);
            }
          }
        }
      }
    }
  }
}

function forward(layer: Layer, input: Signals, steps: number, amplitudes: Float64Array): Pass {
  const neurons = layer.channels * layer.side ** 2;
  const sums = Array.from({ length: neurons }, () => new Float64Array(steps));
  forEachSynapse(layer, (neuron, from, weight) => {
    if (weight === 0) return;
    const sum = sums[neuron] as Float64Array;
    const signal = input[from] as Float64Array;
    for (let t = 0; t < steps; t++) sum[t] = (sum[t] as number) + weight * (signal[t] as number);
  });
  const traces = sums.map((sum) =>
    runNeuron(
      layer.constants,
      sum.map((x) => Math.trunc(STATE_SCALE * Math.fround(x))),
    ),
  );
  const shifted = traces.map(({ spikes }, neuron) =>
    Float64Array.from({ length: steps }, (_, t) => (spikes[t - 1] ?? 0) * (amplitudes[neuron] as number)),
  );
  const sent = shifted.map((signal, neuron) => delayed(signal, delayOf(layer, neuron)));
  return { traces, shifted, sent, amplitudes };
}

function delayOf(layer: Layer, neuron: number): number {
  return layer.delays?.[Math.floor(neuron / layer.side ** 2)] ?? 0;
}

/** Amplitudes of a conv layer's neurons for one image: 0 for those that dropout takes. */
function dropOut(network: SlayerNetwork, layer: Layer, stage: number, image: number): Float64Array {
  const sites = layer.side ** 2;
  const blocks = Math.ceil(layer.channels / 8);
  const key = keyOf((network.seedWords[0] as number) + (network.seedWords[1] as number) * 2 ** 32);
  const bound = Math.floor(network.dropout * 2 ** 32);
  return Float64Array.from({ length: layer.channels * sites }, (_, neuron) => {
    if (!network.train) return 1;
    const site = neuron % sites;
    const channel = Math.floor(neuron / sites);
    const block = 2 * (site * blocks + Math.floor(channel / 8)) + (Math.floor(channel / 4) % 2);
    const words = philox4x32([block, STREAMS.slayerDropout, image, 2 * network.pass + stage], key);
    return (words[channel % 4] as number) < bound ? 0 : Math.fround(1 / (1 - network.dropout));
  });
}

function runBatch(network: SlayerNetwork, images: SlayerImages): SlayerResult {
  const steps = network.sizes[0] as number;
  const layers = layersOf(network);
  const spikes = new Float64Array(6);
  const classSpikes = new Uint32Array(images.labels.length * 10);
  const delayGradients = [0, 2].map((layer) => new Float64Array((layers[layer] as Layer).channels));
  const decays = new Float64Array(6);
  let loss = 0;
  for (const [index, label] of images.labels.entries()) {
    const input = Array.from({ length: 784 }, () => new Float64Array(steps));
    for (let t = 0; t < steps; t++) {
      const from = images.offsets[index * (steps + 1) + t] as number;
      const to = images.offsets[index * (steps + 1) + t + 1] as number;
      for (let event = from; event < to; event++) {
        (input[images.events[event] as number] as Float64Array)[t] = 1;
      }
    }
    const count = (signals: Signals) =>
      signals.reduce((sum, signal) => sum + signal.reduce((a, b) => a + b, 0), 0);
    spikes[0] = (spikes[0] as number) + count(input);
    const passes: Pass[] = [];
    let signals: Signals = input;
    for (const [l, layer] of layers.entries()) {
      const neurons = layer.channels * layer.side ** 2;
      const amplitudes = layer.delays
        ? dropOut(network, layer, l / 2, images.first + index)
        : new Float64Array(neurons).fill(1);
      const pass = forward(layer, signals, steps, amplitudes);
      passes.push(pass);
      signals = pass.sent;
      spikes[l + 1] = (spikes[l + 1] as number) + count(signals);
    }
    const slopes = signals.map((signal, c) => {
      const total = signal.reduce((a, b) => a + b, 0);
      classSpikes[index * 10 + c] = total;
      const miss = total / steps - (network.targets[c === label ? 0 : 1] as number);
      loss += miss ** 2;
      return new Float64Array(steps).fill((2 * miss) / steps);
    });
    if (network.train) backward(layers, passes, input, slopes, delayGradients, decays);
  }
  const gradient = (layer: number) =>
    network.train
      ? Float32Array.from((layers[layer] as Layer).gradient as Float64Array)
      : new Float32Array(0);
  return {
    classSpikes,
    loss,
    spikes,
    first: gradient(0),
    second: gradient(2),
    output: gradient(4),
    firstDelays: delayGradients[0] as Float64Array,
    secondDelays: delayGradients[1] as Float64Array,
    decays,
  };
}

function backward(
  layers: readonly Layer[],
  passes: readonly Pass[],
  input: Signals,
  slopes: Signals,
  delayGradients: readonly Float64Array[],
  decays: Float64Array,
): void {
  let gradients = slopes;
  for (let l = layers.length - 1; l >= 0; l--) {
    const layer = layers[l] as Layer;
    const pass = passes[l] as Pass;
    const before = l === 0 ? input : (passes[l - 1] as Pass).sent;
    const errors = gradients.map((gradient, neuron) => {
      const back = delayedBackward(pass.shifted[neuron] as Float64Array, delayOf(layer, neuron), gradient);
      if (layer.delays) {
        const sums = delayGradients[l / 2] as Float64Array;
        const channel = Math.floor(neuron / layer.side ** 2);
        sums[channel] = (sums[channel] as number) + back.delay;
      }
      const spikes = Float64Array.from(
        back.input,
        (_, t) => (back.input[t + 1] ?? 0) * (pass.amplitudes[neuron] as number),
      );
      const found = runNeuronBackward(layer.constants, pass.traces[neuron] as SlayerTrace, spikes);
      if (layer.gradient) {
        decays[l] = (decays[l] as number) + found.currentDecay;
        decays[l + 1] = (decays[l + 1] as number) + found.voltageDecay;
      }
      return found.input;
    });
    const steps = (input[0] as Float64Array).length;
    const next = before.map(() => new Float64Array(steps));
    forEachSynapse(layer, (neuron, from, weight, place) => {
      const error = errors[neuron] as Float64Array;
      const signal = before[from] as Float64Array;
      const to = next[from] as Float64Array;
      let sum = 0;
      for (let t = 0; t < steps; t++) {
        sum += (error[t] as number) * (signal[t] as number);
        to[t] = (to[t] as number) + weight * (error[t] as number);
      }
      if (layer.gradient) layer.gradient[place] = (layer.gradient[place] as number) + sum;
    });
    gradients = next;
  }
}
