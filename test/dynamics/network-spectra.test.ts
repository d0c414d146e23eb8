import { describe, expect, it } from 'vitest';
import { type LyapunovSpectrum, networkSpectra, withInputSeeds } from '../../src/dynamics/index.ts';
import { lifRate, rateGain } from '../../src/dynamics/rate.ts';
import { completeSurrogate, operatorOf, SurrogateCoefficients } from '../../src/dynamics/surrogate.ts';
import { RecurrentBatch } from '../../src/kernels/recurrent-batch.ts';
import { current, fixedInDegree, hrsnn, lif, Network } from '../../src/network/index.ts';
import { describeOnDevices } from '../devices.ts';
import { currentNetwork, deltaNetwork } from './networks.ts';

function columnSums({ participation, exponents, neurons }: LyapunovSpectrum): number[] {
  const k = exponents.length;
  return [...exponents].map((_, i) => {
    let sum = 0;
    for (let neuron = 0; neuron < neurons; neuron++) sum += participation[neuron * k + i] as number;
    return sum;
  });
}

describeOnDevices('spectra of networks', (open) => {
  it('saltation in single precision: the exponents of double, and the trace identity to 1e-4', async () => {
    const device = await open();
    const networks = [
      deltaNetwork({ neurons: 40, degree: 8 }).compile(),
      deltaNetwork({ neurons: 25, degree: 5, seed: 2 }).compile(),
    ];
    const options = { route: 'saltation', durationMs: 400, transientMs: 100, intervalMs: 5 } as const;
    const single = await networkSpectra(device, networks, { ...options, precision: 'single' });
    const double = await networkSpectra(device, networks, options);
    for (const [index, spectrum] of single.entries()) {
      const exact = double[index] as LyapunovSpectrum;
      expect(Math.abs(spectrum.summary.sum / exact.summary.sum - 1)).toBeLessThan(1e-4);
      expect(spectrum.exponents.length).toBe(exact.exponents.length);
      // The first exponents stand for themselves, whatever vectors both began with.
      expect(Math.abs((spectrum.exponents[0] as number) - (exact.exponents[0] as number))).toBeLessThan(
        1 + 5 * (exact.standardErrors[0] as number),
      );
      for (const sum of columnSums(spectrum)) expect(sum).toBeCloseTo(1, 5);
    }
  });

  it('surrogate: without coupling the exponents are those of the leak and of the resets', async () => {
    const device = await open();
    // Below their threshold for ever: every exponent is -1 / tau.
    const network = deltaNetwork({ neurons: 6, biasMv: 0.5 }).compile();
    const [spectrum] = await networkSpectra(device, [network], { route: 'surrogate', durationMs: 200 });
    for (const exponent of spectrum?.exponents ?? []) expect(exponent).toBeCloseTo(-100, 2);
    expect(spectrum?.summary.kaplanYorkeDimension).toBe(0);
  });

  it('surrogate: driven networks side by side, heterogeneous, with conditional exponents for several inputs', async () => {
    const device = await open();
    const network = hrsnn({ neurons: 40, degree: 8, seed: 3 }).compile();
    const spectra = await networkSpectra(device, withInputSeeds(network, [1, 2, 3]), {
      route: 'surrogate',
      exponents: 6,
      durationMs: 300,
      transientMs: 100,
      surrogate: { sharpness: 5 },
    });
    const [first, second] = spectra.map(({ exponents }) => exponents[0] as number) as [number, number];
    expect(spectra.length).toBe(3);
    expect(first).not.toBe(second);
    for (const spectrum of spectra) {
      expect(spectrum.dimension).toBe(80);
      expect(spectrum.exponents.every(Number.isFinite)).toBe(true);
      for (const sum of columnSums(spectrum)) expect(sum).toBeCloseTo(1, 5);
    }
  });

  it('surrogate: strong coupling is unstable, weak coupling is not', async () => {
    const device = await open();
    const networks = [0.02, 4].map((gain) =>
      hrsnn({ neurons: 60, degree: 10, gain, balanceMv: 0, seed: 5 }).compile(),
    );
    const [weak, strong] = await networkSpectra(device, networks, {
      route: 'surrogate',
      exponents: 4,
      durationMs: 300,
      transientMs: 100,
      surrogate: { sharpness: 3 },
    });
    expect(weak?.exponents[0]).toBeLessThan(0);
    expect(strong?.exponents[0]).toBeGreaterThan(0);
    expect(strong?.summary.positive).toBeGreaterThan(0);
  });

  it('traces before the reset are above the threshold where a neuron spikes, and all others as they are', async () => {
    const device = await open();
    const network = currentNetwork(30, 2, 1).compile();
    const traces = [[...Array(30).keys()]];
    const run = async (beforeReset: boolean) => {
      using batch = await RecurrentBatch.create(device, [network], {
        record: { raster: true, traces, beforeReset },
      });
      return (await batch.run(60))[0];
    };
    const [before, after] = [await run(true), await run(false)];
    let spikes = 0;
    for (let step = 0; step < 60; step++) {
      for (let i = 0; i < 30; i++) {
        const v = before?.traces[step * 30 + i] as number;
        if (((before?.raster[step] as number) & (1 << i)) !== 0) {
          spikes++;
          expect(v).toBeGreaterThan(1);
        } else expect(v).toBe(after?.traces[step * 30 + i]);
      }
    }
    expect(spikes).toBeGreaterThan(10);
    expect(before?.raster).toEqual(after?.raster);
  });
});

describe('the surrogate Jacobian', () => {
  it('is the derivative of the clocked network where no neuron is near its threshold', async () => {
    // With the reset attached and a surrogate of the true map's slope 0 beside the threshold, one step is linear.
    const network = currentNetwork(5, 1).compile();
    const surrogate = completeSurrogate({ shape: 'triangle', sharpness: 1e6, reset: 'attached' });
    const coefficients = new SurrogateCoefficients(network, surrogate);
    const operator = operatorOf(network, coefficients.neurons);
    const found = coefficients.of(new Float32Array(5).fill(0.2), 1, () => false);
    expect([...found.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0]);
    for (let i = 0; i < 5; i++) expect(found[5 + i]).toBeCloseTo(operator.leaks[i] as number, 6);
    expect([...found.subarray(10)]).toEqual([1, 1, 1, 1, 1]);
  });

  it('forgets the potential at a detached reset, and keeps it while refractory', () => {
    const network = currentNetwork(3, 1, 1).compile();
    const coefficients = new SurrogateCoefficients(network, completeSurrogate());
    const all = coefficients.of(
      new Float32Array(12).fill(0.5),
      4,
      (step, place) => step === 0 && place === 1,
    );
    const of = (step: number, field: number) => all[9 * step + 3 * field + 1];
    // Refractory for 1 ms, two steps: steps 1 and 2.
    expect([0, 1, 2, 3].map((step) => of(step, 2))).toEqual([0, 0, 1, 1]);
    expect(of(0, 1)).toBe(0);
    expect(of(1, 0)).toBe(0);
    expect(of(1, 1)).toBe(1);
    expect(of(3, 0)).toBeGreaterThan(0);
  });
});

describe('rates', () => {
  const neuron = { tauMs: 20, thresholdMv: 20, resetMv: 10, refractoryMs: 2 };

  it('of a LIF neuron: without noise by its closed form, which weak noise approaches', () => {
    const exact = 1 / (2 + 20 * Math.log((25 - 10) / (25 - 20)));
    expect(lifRate(neuron, 25, 0)).toBeCloseTo(exact, 12);
    expect(lifRate(neuron, 25, 0.2)).toBeCloseTo(exact, 4);
    expect(lifRate(neuron, 15, 0)).toBe(0);
    expect(lifRate(neuron, 15, 5)).toBeGreaterThan(0);
    expect(rateGain(neuron, 25, 0)).toBeGreaterThan(0);
  });

  it('has a Brunel network at the rate that its theory gives', () => {
    // Brunel (2000), model A, g 5, eta 2: about 38 Hz; the self-consistent rate of the white-noise neuron.
    const [j, external, c] = [0.1, 0.02, 1000];
    let rate = 0.03;
    for (let iteration = 0; iteration < 2000; iteration++) {
      const mean = 20 * j * c * (rate * (1 - 0.25 * 5) + external);
      const sd2 = j * j * c * 20 * (rate * (1 + 0.25 * 25) + external);
      rate += 0.05 * (lifRate(neuron, mean, Math.sqrt(sd2)) - rate);
    }
    expect(1000 * rate).toBeGreaterThan(34);
    expect(1000 * rate).toBeLessThan(42);
  });
});

describeOnDevices(
  'the rate route',
  (open) => {
    it('without coupling has the leaks as exponents; a self-exciting network is unstable', async () => {
      const device = await open();
      const build = (weight: number) => {
        const network = new Network({ dtMs: 0.5, seed: 1, channels: { synaptic: current({ tauMs: 4 }) } });
        const all = network.population(
          'n',
          30,
          lif({ tauMembraneMs: 10, thresholdMv: 1, biasMv: 0.9, noiseMv: 0.3 }),
        );
        if (weight !== 0) network.project(all, all, { connect: fixedInDegree(10), weight });
        return network.compile();
      };
      const options = { route: 'rate', durationMs: 500, transientMs: 100 } as const;
      const [uncoupled] = await networkSpectra(device, [build(0)], options);
      for (const exponent of uncoupled?.exponents ?? []) expect(exponent).toBeCloseTo(-100, 8);
      const [coupled] = await networkSpectra(device, [build(0.3)], options);
      expect(coupled?.exponents[0]).toBeGreaterThan(0);
      expect(columnSums(coupled as LyapunovSpectrum)[0]).toBeCloseTo(1, 8);
    });
  },
  { kind: 'native' },
);

describe('options that can not be', () => {
  it.each([
    [{ route: 'other' as 'rate', durationMs: 10 }, /route is "other"/],
    [{ route: 'surrogate', durationMs: 10, precision: 'double' }, /precision is "double"/],
    [{ route: 'saltation', durationMs: 0 }, /durationMs is 0: give at least 1 ms/],
    [{ route: 'saltation', durationMs: 10, exponents: 0 }, /exponents is 0/],
  ] as const)('%j', async (options, message) => {
    const network = deltaNetwork({ neurons: 4 }).compile();
    // None of these comes as far as the device.
    await expect(networkSpectra(undefined as never, [network], options)).rejects.toThrow(message);
  });
});
