import { describe, expect, it } from 'vitest';
import type { CompiledNetwork, LifPopulation } from '../../src/kernels/recurrent-network.ts';
import { encodeRates } from '../../src/network/encoders/spike-trains.ts';
import { chrsnn, DEFAULT_CLUSTERS, heterogeneousStdp, hrsnn } from '../../src/network/models/hrsnn.ts';
import { ReferenceRecurrent } from '../kernels/recurrent-reference.ts';

function neuronsOf(network: CompiledNetwork): LifPopulation {
  return network.populations[0] as LifPopulation;
}

function meanAndVariance(values: ArrayLike<number>): [number, number] {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return [mean, all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (all.length - 1)];
}

/** Mean and variance within five standard errors of a gamma of shape 3, whose kurtosis is 3 + 6 / 3. */
function expectGamma(values: ArrayLike<number>, mean: number): void {
  const [found, variance] = meanAndVariance(values);
  const n = values.length;
  expect(Math.abs(found - mean)).toBeLessThan((5 * mean) / Math.sqrt(3 * n));
  expect(Math.abs(variance / (mean ** 2 / 3) - 1)).toBeLessThan(5 * Math.sqrt(4 / n));
}

describe('hrsnn', () => {
  it('draws membrane and synaptic time constants from gamma distributions, independently', () => {
    const neurons = neuronsOf(hrsnn({ neurons: 4000, seed: 3 }).compile());
    const membrane = neurons.tauMembraneMs as Float64Array;
    const synapse = neurons.channels[0]?.tauMs as Float64Array;
    expectGamma(membrane, 20);
    expectGamma(synapse, 10);
    const product = meanAndVariance(
      membrane.map((tau, k) => (tau / 20 - 1) * ((synapse[k] as number) / 10 - 1)),
    )[0];
    expect(Math.abs(product)).toBeLessThan(5 / (3 * Math.sqrt(4000)));
  });

  it('has a homogeneous twin with the same connections and weights, and the means as time constants', () => {
    const one = hrsnn({ neurons: 300, seed: 4 }).compile();
    const twin = hrsnn({ neurons: 300, seed: 4, heterogeneous: false }).compile();
    expect(neuronsOf(twin).tauMembraneMs).toBe(20);
    expect(neuronsOf(twin).channels[0]?.tauMs).toBe(10);
    expect(twin.synapses.words).toEqual(one.synapses.words);
    expect(twin.synapses.weights).toEqual(one.synapses.weights);
  });

  it('is active, irregular and far from saturation by its background alone', () => {
    for (const heterogeneous of [true, false]) {
      const network = hrsnn({ neurons: 400, seed: 1, heterogeneous }).compile();
      const spikes = new ReferenceRecurrent(network).run(1000);
      const rateHz = spikes.length / 400 / 0.5;
      expect(rateHz).toBeGreaterThan(4);
      expect(rateHz).toBeLessThan(40);
    }
  });

  it('listens to encoded input', () => {
    const samples = { values: [1, 0, 1, 0], valuesPerSample: 1 };
    const encoding = { dtMs: 0.5, sampleMs: 100, maxRateHz: 400, neuronsPerValue: 50, seed: 1 };
    const input = encodeRates(samples, encoding);
    const network = hrsnn({ neurons: 300, seed: 2, input, backgroundHz: 0, inputDegree: 20 }).compile();
    const spikes = new ReferenceRecurrent(network).run(800).filter(({ neuron }) => neuron < 300);
    const during = (sample: number) => spikes.filter(({ step }) => Math.floor(step / 200) === sample).length;
    expect(during(0)).toBeGreaterThan(300);
    expect(during(1)).toBeLessThan(during(0) / 2);
    expect(during(2)).toBeGreaterThan(2 * during(1));
  });

  it('learns by rates and time constants of its synapses', () => {
    const network = hrsnn({ neurons: 200, seed: 5, plasticity: heterogeneousStdp() }).compile();
    const [rule] = network.synapses.plasticity ?? [];
    for (const [values, mean] of [
      [rule?.potentiation, 0.005],
      [rule?.depression, 0.00525],
      [rule?.tauPlusMs, 20],
      [rule?.tauMinusMs, 20],
    ] as const) {
      expectGamma(values as Float32Array, mean);
    }
    const reference = new ReferenceRecurrent(network);
    const before = reference.weights.slice();
    reference.run(300);
    const changed = reference.weights.filter((weight, k) => weight !== before[k]).length;
    expect(changed).toBeGreaterThan(before.length / 10);
  });
});

describe('chrsnn', () => {
  it('gives each cluster the distribution of its own', () => {
    const neurons = neuronsOf(chrsnn({ neurons: 5000, seed: 6 }).compile());
    DEFAULT_CLUSTERS.forEach(({ membrane, synapse }, cluster) => {
      const own = (values: unknown) =>
        (values as Float64Array).subarray(1000 * cluster, 1000 * (cluster + 1));
      expectGamma(own(neurons.tauMembraneMs), membrane.meanMs);
      expectGamma(own(neurons.channels[0]?.tauMs), synapse.meanMs);
    });
  });

  it('connects within clusters, and each neuron to a few of two other clusters', () => {
    const { synapses } = chrsnn({ neurons: 500, seed: 7, degree: 20, betweenDegree: 3 }).compile();
    for (let source = 0; source < 500; source++) {
      const targets = synapses.words.subarray(synapses.rows[source], synapses.rows[source + 1]);
      const clusters = Array.from(targets, (word) => Math.floor((word & 0xfffff) / 100));
      const own = clusters.filter((cluster) => cluster === Math.floor(source / 100));
      expect(own.length).toBe(20);
      expect(clusters.length).toBe(26);
      expect(new Set(clusters).size).toBe(3);
    }
  });

  it('refuses time constants that are none', () => {
    expect(() => chrsnn({ clusters: [] })).toThrow('clusters is empty');
    expect(() => hrsnn({ membrane: { meanMs: 0 } })).toThrow('mean time constant, ms, is 0');
  });
});
