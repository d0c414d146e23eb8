/** The test vectors of the recorded system's neuron, quantizer and delay, taken from its own code. */
import { describe, expect, it } from 'vitest';
import { delayed, delayedBackward } from '../../../src/learning/slayer/delay.ts';
import { runNeuron, runNeuronBackward, slayerConstants } from '../../../src/learning/slayer/neuron.ts';
import { normedGradients, quantized, quantizedWeights } from '../../../src/learning/slayer/weights.ts';

const constants = slayerConstants(
  { threshold: 1.26, thresholdStep: 0.2, tauGrad: 0.02, scaleGrad: 0.5 },
  { current: 0.25 * 4096, voltage: 0.1 * 4096, threshold: 0.2 * 4096, refractory: 0.3 * 4096 },
);
const input = [2432, 0, 2432, 2432, 0, -1216, 2432, 2432, 0, 0, -4864, 76, 4864, 4864, 0, 0];

describe('the neuron of SLAYER', () => {
  const trace = runNeuron(constants, input);

  it('truncates its constants', () => {
    expect(constants).toMatchObject({ keep: [3072, 3686, 3277, 2867], threshold: 5120, thresholdStep: 768 });
    expect(constants.surrogateWidth).toBeCloseTo(2.5, 12);
    expect(constants.surrogatePeak).toBeCloseTo(0.05 / 5, 12);
  });

  it('has the recorded states, to the bit', () => {
    expect([...trace.current]).toEqual([
      2432, 1824, 3800, 5282, 3961, 1754, 3747, 5242, 3931, 2948, -2653, -1913, 3430, 7436, 5577, 4182,
    ]);
    expect([...trace.voltage]).toEqual([
      2432, 4012, 7410, 11950, 14714, 14995, 17241, 20757, 22610, 23294, 18309, 14563, 16535, 22315, 25658,
      27271,
    ]);
    expect([...trace.threshold]).toEqual([
      5120, 5120, 5120, 5734, 5611, 6127, 5925, 6378, 6740, 6416, 6771, 6440, 6176, 6579, 6901, 6544,
    ]);
    expect([...trace.refractory]).toEqual([
      0, 0, 0, 7167, 5016, 11365, 7954, 13861, 18630, 13040, 18109, 12675, 8871, 14855, 19607, 13723,
    ]);
    expect([...trace.spikes]).toEqual([0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1]);
  });

  it('has the recorded gradients', () => {
    const found = runNeuronBackward(
      constants,
      trace,
      Array.from({ length: 16 }, (_, t) => (t + 1) / 16),
    );
    const recorded = [
      0.111023, 0.115065, 0.117498, 0.118409, 0.117591, 0.115393, 0.110965, 0.104644, 0.0960668, 0.0868391,
      0.0763123, 0.0642517, 0.049362, 0.0325949, 0.0169537, 0.00504602,
    ];
    for (const [t, value] of recorded.entries()) {
      expect(Math.abs((found.input[t] as number) - value) / value).toBeLessThan(1e-5);
    }
    expect(found.currentDecay).toBeCloseTo(0.898453, 5);
    expect(found.voltageDecay).toBeCloseTo(1.435057, 5);
  });

  it('wraps its refractory state where 32 bits are too few, and only there', () => {
    const slow = slayerConstants(
      { threshold: 7.5, thresholdStep: 0.3, tauGrad: 0.02, scaleGrad: 0.5 },
      { current: 200, voltage: 40, threshold: 200, refractory: 30 },
    );
    const drive = new Array(60).fill(8 * 4096);
    const wrapped = runNeuron(slow, drive);
    const exact = runNeuron(slow, drive, false);
    expect(Math.max(...exact.refractory)).toBeGreaterThan((128 * 4096 * 4096) / (4096 - 30));
    expect([...wrapped.refractory]).not.toEqual([...exact.refractory]);
    expect([...runNeuron(constants, input, false).refractory]).toEqual([...trace.refractory]);
  });
});

it('the quantizer rounds half to even within its bounds', () => {
  const given = [0.015, 0.015625, 0.0157, 0.046875, 0.05, -0.046875, 5, -5, 0.078125];
  expect(given.map((weight) => quantized(weight) / 32)).toEqual([
    0, 0, 0.03125, 0.0625, 0.0625, -0.0625, 3.96875, -4, 0.0625,
  ]);
});

it('a delay has the recorded output and gradients', () => {
  const signal = [0, 1, 1, 0, 0, 1, 0, 0];
  const gradient = signal.map((_, t) => (t + 1) / 8);
  expect([...delayed(signal, 1.7)]).toEqual([0, 0, 1, 1, 0, 0, 1, 0]);
  const found = delayedBackward(signal, 1.7, gradient);
  expect(found.delay).toBeCloseTo(0.375, 12);
  expect([...found.input]).toEqual([0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 0]);
});

describe('weight norm', () => {
  const weights = {
    directions: Float32Array.of(0.3, -0.4, 0.1, 0.9, 0.2, -0.7),
    lengths: Float32Array.of(0.8, 1.3),
  };

  it('gives each output its length', () => {
    const found = quantizedWeights(weights);
    const length = Math.hypot(...[...found.subarray(0, 3)].map((weight) => weight / 32));
    expect(length).toBeCloseTo(0.8, 1);
  });

  it('has the gradients of central differences', () => {
    // The loss is linear in the weights before rounding, through which gradients pass unchanged.
    const slope = Float32Array.of(0.5, -1, 2, 0.25, 1.5, -0.75);
    const loss = (directions: ArrayLike<number>, lengths: ArrayLike<number>) => {
      let sum = 0;
      for (let output = 0; output < 2; output++) {
        const row = [0, 1, 2].map((i) => directions[3 * output + i] as number);
        const norm = Math.hypot(...row);
        for (const [i, v] of row.entries()) {
          sum += ((slope[3 * output + i] as number) * v * (lengths[output] as number)) / norm;
        }
      }
      return sum;
    };
    const found = normedGradients(weights, slope);
    const h = 1e-5;
    const bumped = (values: Float32Array, place: number, by: number) =>
      Float64Array.from(values, (value, i) => (i === place ? value + by : value));
    for (let i = 0; i < 6; i++) {
      const up = loss(bumped(weights.directions, i, h), weights.lengths);
      const down = loss(bumped(weights.directions, i, -h), weights.lengths);
      expect(found.directions[i]).toBeCloseTo((up - down) / (2 * h), 5);
    }
    for (let i = 0; i < 2; i++) {
      const up = loss(weights.directions, bumped(weights.lengths, i, h));
      const down = loss(weights.directions, bumped(weights.lengths, i, -h));
      expect(found.lengths[i]).toBeCloseTo((up - down) / (2 * h), 5);
    }
  });

  it('stops gradients of weights beyond the bounds', () => {
    const large = { directions: Float32Array.of(1, 0.01), lengths: Float32Array.of(5) };
    const found = normedGradients(large, Float32Array.of(1, 0));
    expect(found.lengths[0]).toBe(0);
    expect([...found.directions]).toEqual([0, 0]);
  });
});
