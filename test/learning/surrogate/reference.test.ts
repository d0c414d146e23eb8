/** The reference's gradients against central differences of the smoothed network. */
import { describe, expect, it } from 'vitest';
import type {
  Layer,
  SpikingNeuron,
  SurrogateKind,
  TrainingDescription,
} from '../../../src/learning/surrogate/description.ts';
import { initialParameters } from '../../../src/learning/surrogate/parameters.ts';
import { resolveLayers } from '../../../src/learning/surrogate/structure.ts';
import { description, neuron, READOUT, randomSpikes } from './networks.ts';
import { derivative, integral, Reference } from './reference.ts';

const KINDS: readonly SurrogateKind[] = [
  'fast-sigmoid',
  'arctangent',
  'triangular',
  'gaussian',
  'exponential',
  'straight-through',
];
const STEPS = 9;
const slayerNeuron: Partial<SpikingNeuron> = {
  reset: 'none',
  adaptation: 0.3,
  adaptationDecay: 0.9,
  detachAdaptation: true,
  refractory: 1.4,
  refractoryDecay: 0.7,
  currentDecay: 0.5,
};

function parametersOf(network: TrainingDescription, shape: readonly [number, number, number]) {
  const all: Record<string, { values: ArrayLike<number> }> = {};
  resolveLayers(network, shape).forEach((resolved, l) => {
    for (const [name, parameter] of Object.entries(initialParameters(resolved, l, network.seed))) {
      all[`${l}.${name}`] = parameter;
    }
  });
  return all;
}

/** The largest difference of all gradients, as a share of the largest gradient of the same parameter. */
function worstError(
  network: TrainingDescription,
  shape: readonly [number, number, number] = [1, 1, 5],
): number {
  const inputs = randomSpikes(1, STEPS, shape, { rate: 0.4 }).dense[0] as number[][];
  const reference = new Reference(network, shape, STEPS, parametersOf(network, shape));
  const base = reference.run(inputs, 1, { smooth: true, gradients: true });
  const detached = network.layers.every(
    ({ neuron }) => neuron.kind !== 'lif' || (neuron.detachReset ?? true),
  );
  const how = detached ? { smooth: true, frozen: base.runs } : { smooth: true };
  const h = 1e-5;
  let worst = 0;
  reference.layers.forEach((layer, l) => {
    for (const [name, values] of Object.entries(layer.values)) {
      const analytic = base.gradients[`${l}.${name}`] as Float64Array;
      const scale = Math.max(1e-6, ...analytic.map(Math.abs));
      values.forEach((value, index) => {
        values[index] = value + h;
        const up = reference.run(inputs, 1, how).loss;
        values[index] = value - h;
        const down = reference.run(inputs, 1, how).loss;
        values[index] = value;
        worst = Math.max(worst, Math.abs((up - down) / (2 * h) - (analytic[index] as number)) / scale);
      });
    }
  });
  return worst;
}

describe('surrogates', () => {
  it.each(KINDS)('%s is the derivative of its integral', (kind) => {
    for (const u of [-1.7, -0.6, -0.1, 0.2, 0.55, 1.3]) {
      const surrogate = { kind, slope: 0.8, scale: 0.7 };
      const h = 1e-4;
      const slope = (integral(surrogate, u + h) - integral(surrogate, u - h)) / (2 * h);
      expect(slope).toBeCloseTo(derivative(surrogate, u), 6);
    }
  });
});

describe('gradients of the smoothed network agree with central differences to 1e-4', () => {
  const hidden = (kind: SurrogateKind, more = {}): Layer => ({
    kind: 'dense',
    neurons: 6,
    init: { kind: 'uniform', gain: 2.5 },
    bias: true,
    recurrent: {},
    neuron: neuron(kind, more),
  });

  it.each(KINDS)('%s, recurrent, current-based, reset differentiated', (kind) => {
    const layer = hidden(kind, { currentDecay: 0.6, detachReset: false });
    expect(worstError(description([layer, READOUT]))).toBeLessThan(1e-4);
  });

  it.each([
    ['reset by subtraction, detached', { reset: 'subtract' }],
    ['reset to zero, detached', { reset: 'zero' }],
    ['reset to zero, differentiated', { reset: 'zero', detachReset: false }],
    ['no reset', { reset: 'none' }],
    ['adaptive threshold', { adaptation: 0.3, adaptationDecay: 0.9, detachReset: false }],
    ['adaptive threshold, current-based', { adaptation: 0.3, adaptationDecay: 0.9, currentDecay: 0.5 }],
    ["SLAYER's neuron", slayerNeuron],
  ])('%s', (_, more) => {
    expect(worstError(description([hidden('arctangent', more), READOUT]))).toBeLessThan(1e-4);
  });

  const spiking: Layer = {
    kind: 'dense',
    neurons: 3,
    init: { kind: 'uniform', gain: 2 },
    neuron: neuron('gaussian'),
  };
  it.each([
    ['rate-mse', { kind: 'rate-mse', rateTrue: 0.6, rateFalse: 0.05 }],
    ['rate-cross-entropy', { kind: 'rate-cross-entropy', gain: 5 }],
    ['spike-max', { kind: 'spike-max', epsilon: 2 }],
  ] as const)('loss %s, with rates kept between bounds', (_, loss) => {
    const layer = { ...hidden('fast-sigmoid'), rate: { low: 0.1, high: 0.2, weight: 0.5 } };
    expect(worstError(description([layer, spiking], { loss }))).toBeLessThan(1e-4);
  });

  it('membrane-mean', () => {
    const loss = { kind: 'membrane-mean' } as const;
    expect(worstError(description([hidden('fast-sigmoid'), READOUT], { loss }))).toBeLessThan(1e-4);
  });

  it('convolution with stride, padding and dilation, pooling, dense', () => {
    const layers: Layer[] = [
      {
        kind: 'conv',
        channels: 2,
        kernel: 2,
        stride: 1,
        padding: 1,
        dilation: 2,
        neuron: neuron(),
        init: { kind: 'normal', gain: 2 },
      },
      { kind: 'pool', kernel: 2, stride: 2, weight: 0.6, neuron: neuron('arctangent') },
      { kind: 'conv', channels: 3, kernel: 2, neuron: neuron(), init: { kind: 'normal', gain: 2 } },
      READOUT,
    ];
    expect(worstError(description(layers), [6, 5, 2])).toBeLessThan(1e-4);
  });
});
