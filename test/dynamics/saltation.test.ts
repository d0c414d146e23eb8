import { describe, expect, it } from 'vitest';
import { EventNetwork } from '../../src/dynamics/event-network.ts';
import { largestExponentOfReplicas, saltationSpectrum } from '../../src/dynamics/saltation.ts';
import { TangentProgram } from '../../src/dynamics/tangent-program.ts';
import {
  type CompiledNetwork,
  conductance,
  fixedProbability,
  gamma,
  hrsnn,
  lif,
  Network,
  uniform,
} from '../../src/network/index.ts';
import { currentNetwork, deltaNetwork } from './networks.ts';

/** The tangent map of so many steps, [variable][variable], and the spikes on the way. */
function tangentMap(network: CompiledNetwork, warmUp: number, steps: number) {
  const { count, channels } = new EventNetwork(network).neurons;
  const program = new TangentProgram(count, channels);
  const simulation = new EventNetwork(network, program);
  simulation.run(warmUp);
  simulation.finishTangents();
  program.clear();
  const before = simulation.spikeCounts.reduce((sum, n) => sum + n, 0);
  simulation.run(steps);
  simulation.finishTangents();
  const n = count * (1 + channels);
  const map = new Float64Array(n * n);
  for (let i = 0; i < n; i++) map[i * n + i] = 1;
  program.run(map, n);
  return { map, n, spikes: simulation.spikeCounts.reduce((sum, c) => sum + c, 0) - before };
}

/** The same by central differences. */
function differences(network: CompiledNetwork, warmUp: number, steps: number, epsilon: number) {
  const moved = (variable: number, by: number) => {
    const simulation = new EventNetwork(network);
    simulation.run(warmUp);
    const { v, g } = simulation.membranes;
    const [plane, at] = variable < v.length ? [v, variable] : [g, variable - v.length];
    plane[at] = (plane[at] as number) + by;
    simulation.run(steps);
    return Float64Array.of(...v, ...g);
  };
  const n = (() => {
    const { count, channels } = new EventNetwork(network).neurons;
    return count * (1 + channels);
  })();
  const map = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    const [up, down] = [moved(column, epsilon), moved(column, -epsilon)];
    for (let row = 0; row < n; row++) {
      map[row * n + column] = ((up[row] as number) - (down[row] as number)) / (2 * epsilon);
    }
  }
  return map;
}

function relativeError(found: Float64Array, expected: Float64Array): number {
  let [error, size] = [0, 0];
  found.forEach((value, i) => {
    error = Math.max(error, Math.abs(value - (expected[i] as number)));
    size = Math.max(size, Math.abs(value));
  });
  return error / size;
}

describe('tangent maps against finite differences', () => {
  it('delta pulses, over at least 16 spikes', () => {
    const network = deltaNetwork({
      neurons: 30,
      degree: 8,
      tauMs: gamma({ shape: 6, mean: 12, low: 4 }),
    }).compile();
    const { map, spikes } = tangentMap(network, 20, 40);
    expect(spikes).toBeGreaterThanOrEqual(16);
    expect(relativeError(map, differences(network, 20, 40, 1e-6))).toBeLessThan(1e-8);
  });

  it('exponential currents, over at least 16 spikes', () => {
    const network = currentNetwork(16, 3).compile();
    const { map, spikes } = tangentMap(network, 20, 40);
    expect(spikes).toBeGreaterThanOrEqual(16);
    expect(relativeError(map, differences(network, 20, 40, 1e-6))).toBeLessThan(1e-8);
  });

  it('refractoriness: a spike time lives on until the release', () => {
    const network = currentNetwork(8, 5, 2).compile();
    // Ends when no neuron is refractory, where potentials say all.
    const simulation = new EventNetwork(network);
    simulation.run(20);
    let steps = 0;
    let spikes = 0;
    const free = () => [...Array(8).keys()].every((i) => !simulation.membranes.isHeld(i));
    while (!free()) simulation.run(1);
    const warmUp = simulation.step;
    while (spikes < 16 || !free()) {
      simulation.run(1, () => spikes++);
      steps++;
    }
    const { map } = tangentMap(network, warmUp, steps);
    expect(relativeError(map, differences(network, warmUp, steps, 1e-6))).toBeLessThan(1e-8);
  });

  it('avalanches: excitatory pulses that lift targets over the threshold', () => {
    const network = deltaNetwork({
      neurons: 12,
      degree: 2,
      weight: 0.2,
      biasMv: uniform(1.1, 1.5),
    }).compile();
    const { count } = new EventNetwork(network).neurons;
    const simulation = new EventNetwork(network);
    simulation.run(10);
    const at = new Map<number, number>();
    simulation.run(30, (_, time) => at.set(time, (at.get(time) ?? 0) + 1));
    expect(Math.max(...at.values())).toBeGreaterThan(1);
    expect(count).toBe(12);
    const { map } = tangentMap(network, 10, 30);
    expect(relativeError(map, differences(network, 10, 30, 1e-7))).toBeLessThan(1e-7);
  });
});

describe('what is known of spectra', () => {
  it('uncoupled neurons with constant drive have exponents of exactly 0', async () => {
    // Their period is 10 ms, so that the average is one over whole periods.
    const biasMv = 1 / (1 - Math.exp(-1));
    const network = deltaNetwork({ neurons: 5, biasMv }).compile();
    const times = { durationMs: 1000, transientMs: 100, intervalMs: 5 };
    const { exponents } = await saltationSpectrum(network, times);
    for (const exponent of exponents) expect(Math.abs(exponent)).toBeLessThan(1e-9);
  });

  it('delta pulses: the sum of all exponents is that of leaks and spikes', async () => {
    const network = deltaNetwork({
      neurons: 60,
      degree: 10,
      tauMs: gamma({ shape: 6, mean: 12, low: 4 }),
    }).compile();
    const durationMs = 1000;
    const { summary } = await saltationSpectrum(network, { durationMs, transientMs: 100, intervalMs: 5 });
    expect(Math.abs(summary.sum / expectedSum(network, 100, durationMs) - 1)).toBeLessThan(1e-9);
  });

  it('an autonomous inhibitory network has one exponent of 0 and none above: stable chaos', async () => {
    const network = deltaNetwork({ neurons: 200, degree: 40, weight: -0.1, biasMv: 2, tauMs: 10 }).compile();
    const { exponents, standardErrors, summary } = await saltationSpectrum(network, {
      durationMs: 3000,
      transientMs: 1500,
      exponents: 6,
      intervalMs: 5,
    });
    expect(Math.abs(exponents[0] as number)).toBeLessThan(3 * (standardErrors[0] as number) + 0.02);
    expect(exponents[1]).toBeLessThan(-0.1);
    expect(summary.positive).toBe(0);
  });

  it('strong random coupling with driven neurons is chaotic', async () => {
    const network = hrsnn({ neurons: 100, degree: 20, gain: 6, balanceMv: 0 }).compile();
    const { summary, exponents, standardErrors } = await saltationSpectrum(network, {
      durationMs: 1500,
      transientMs: 300,
      exponents: 3,
      intervalMs: 2,
    });
    expect(exponents[0]).toBeGreaterThan(3 * (standardErrors[0] as number));
    expect(summary.positive).toBeGreaterThan(0);
    expect(summary.entropyRate).toBeGreaterThan(0);
  });

  it('participation: every exponent is shared out among the neurons', async () => {
    const network = currentNetwork(20, 2).compile();
    const { participation, exponents, neurons, dimension } = await saltationSpectrum(network, {
      durationMs: 500,
      exponents: 5,
    });
    expect([neurons, dimension, exponents.length]).toEqual([20, 40, 5]);
    for (let k = 0; k < 5; k++) {
      let sum = 0;
      for (let i = 0; i < 20; i++) sum += participation[i * 5 + k] as number;
      expect(sum).toBeCloseTo(1, 12);
    }
  });

  it('two replicas find the largest exponent', async () => {
    const network = currentNetwork(24, 4).compile();
    const times = { durationMs: 4000, transientMs: 1000, intervalMs: 2 };
    const { exponents, standardErrors } = await saltationSpectrum(network, { ...times, exponents: 2 });
    const replicas = largestExponentOfReplicas(network, times);
    expect(Math.abs(replicas - (exponents[0] as number))).toBeLessThan(
      5 * (standardErrors[0] as number) + 0.5,
    );
  });
});

/** Per second: -sum of 1 / tau plus, for each spike, ln((R - reset) / (R - threshold)). */
function expectedSum(network: CompiledNetwork, transientMs: number, durationMs: number): number {
  const simulation = new EventNetwork(network);
  const { tauMs, restMv, resetMv, thresholdMv } = simulation.neurons;
  simulation.run(transientMs / network.dtMs);
  let sum = 0;
  simulation.run(durationMs / network.dtMs, (i) => {
    const drive = restMv[i] as number;
    sum += Math.log((drive - (resetMv[i] as number)) / (drive - (thresholdMv[i] as number)));
  });
  return tauMs.reduce((total, tau) => total - 1000 / tau, 0) + (sum * 1000) / durationMs;
}

describe('networks without exact tangent maps are refused', () => {
  it('conductances', async () => {
    const network = new Network({ dtMs: 0.1, channels: { g: conductance({ tauMs: 5, reversalMv: 0 }) } });
    network.population('n', 2, lif({ tauMembraneMs: 10, thresholdMv: 1 }));
    await expect(saltationSpectrum(network.compile(), { durationMs: 10 })).rejects.toThrow(
      /current channels/,
    );
  });

  it('delays', async () => {
    const network = deltaNetwork({ neurons: 4 });
    network.project(network.all(), network.all(), {
      connect: fixedProbability(0.5),
      weight: 0.1,
      delayMs: 1.5,
    });
    await expect(saltationSpectrum(network.compile(), { durationMs: 10 })).rejects.toThrow(
      /set delayMs to 0/,
    );
  });

  it('two replicas of refractory neurons', () => {
    const network = currentNetwork(8, 5, 2).compile();
    expect(() => largestExponentOfReplicas(network, { durationMs: 10 })).toThrow(/set refractoryMs to 0/);
  });

  it('too many exponents', async () => {
    const network = deltaNetwork({ neurons: 4 }).compile();
    const asked = saltationSpectrum(network, { durationMs: 10, exponents: 5 });
    await expect(asked).rejects.toThrow(/exponents is 5: give a whole number from 1 to 4/);
  });
});
