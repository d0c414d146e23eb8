import { expect, it } from 'vitest';
import {
  brunel,
  coba,
  cuba,
  dense,
  fixedProbability,
  given,
  lif,
  Network,
  selectSpikes,
  simulate,
  spikeSource,
  spikeStatistics,
  stdp,
} from '../../src/network/index.ts';
import { describeOnDevices } from '../devices.ts';

/** A source that spikes at 5 ms drives a chain of neurons, each over the threshold by one spike. */
function chain(delayMs: number): Network {
  const network = new Network({ dtMs: 0.1, name: 'chain' });
  const source = network.population('source', 1, spikeSource({ neurons: [0], timesMs: [5] }));
  const neurons = network.population('neurons', 4, lif({ tauMembraneMs: 20, thresholdMv: 1 }));
  network.project(source, neurons.slice(0, 1), {
    connect: given({ sources: [0], targets: [0] }),
    weight: 1.1,
    delayMs,
  });
  network.project(neurons, neurons, {
    connect: given({ sources: [0, 1, 2], targets: [1, 2, 3] }),
    weight: 1.1,
    delayMs,
  });
  return network;
}

describeOnDevices('simulate', (open) => {
  it('carries a spike along a chain: one step and the delay for each connection', async () => {
    const device = await open();
    const results = await simulate(device, [chain(0), chain(1.5)], {
      durationMs: 20,
      record: { traces: [1] },
    });
    const [without, late] = results.map(({ spikes }) => spikes);
    expect([...without!.step]).toEqual([50, 51, 52, 53, 54]);
    expect([...without!.neuron]).toEqual([0, 1, 2, 3, 4]);
    expect([...late!.step]).toEqual([50, 66, 82, 98, 114]);
    expect([...results[1]!.counts]).toEqual([1, 1, 1, 1, 1]);
    // The trace of the first neuron: at rest, and after its spike at the reset, 0.
    expect(results[0]!.traces.length).toBe(200);
    expect(results[0]!.traces.every((v) => v === 0)).toBe(true);
  });

  it('gives a network the same spikes whatever runs beside it, over several blocks of steps', async () => {
    const device = await open();
    const build = (seed: number, neurons: number) => {
      const network = new Network({ dtMs: 0.1, seed });
      const all = network.population(
        'all',
        neurons,
        lif({ tauMembraneMs: 20, thresholdMv: 15, refractoryMs: 2 }),
      );
      network.project(all, all, { connect: fixedProbability(0.1), weight: -0.3, delayMs: 1 });
      network.poissonInput(all, { rateHz: 2000, weight: 0.5 });
      return network;
    };
    const times: number[] = [];
    const [alone] = await simulate(device, [build(3, 90)], {
      durationMs: 250,
      onProgress: (ms) => times.push(ms),
    });
    const beside = await simulate(device, [build(1, 200), build(3, 90)], { durationMs: 250 });
    expect(alone!.spikes!.neuron.length).toBeGreaterThan(100);
    expect(beside[1]!.spikes).toEqual(alone!.spikes);
    expect(times.map((ms) => Math.round(ms))).toEqual([100, 200, 250]);
    const counted = new Uint32Array(90);
    for (const neuron of alone!.spikes!.neuron) counted[neuron] = counted[neuron]! + 1;
    expect(alone!.counts).toEqual(counted);
  });

  it.each(['scatter', 'gather'] as const)('gives the same spikes by %s', async (method) => {
    const device = await open();
    const [first] = await simulate(device, [chain(1.5)], { durationMs: 20 });
    const [second] = await simulate(device, [chain(1.5)], { durationMs: 20, method });
    expect([first!.method, second!.method]).toEqual(['network', method]);
    expect(second!.spikes).toEqual(first!.spikes);
  });

  it('returns the weights as plasticity left them', async () => {
    const device = await open();
    const network = new Network({ dtMs: 1 });
    // Source 0 spikes before neuron 2 does, source 1 after it: source 1 drives neuron 2 by a synapse that does not learn.
    const sources = network.population('s', 2, spikeSource({ neurons: [0, 1, 0], timesMs: [5, 10, 40] }));
    const neuron = network.population('n', 1, lif({ tauMembraneMs: 20, thresholdMv: 1 }));
    network.project(sources.slice(0, 1), neuron, {
      connect: dense(),
      weight: 0.5,
      plasticity: stdp({ potentiation: 0.1, depression: 0.05, tauPlusMs: 20, tauMinusMs: 10, maximum: 1 }),
    });
    network.project(sources.slice(1), neuron, { connect: dense(), weight: 2 });
    const [result] = await simulate(device, [network], { durationMs: 50, record: { weights: true } });
    expect([...result!.spikes!.step]).toEqual([5, 10, 11, 40]);
    // The neuron's spike is 6 ms after the source's first and 29 ms before its second.
    const learned = 0.5 + 0.1 * Math.exp(-6 / 20) - 0.05 * Math.exp(-29 / 10);
    expect(result!.weights![0]).toBeCloseTo(learned, 5);
    expect(result!.weights![1]).toBe(2);
  });

  it('records no spikes when told, and runs nothing of nothing', async () => {
    const device = await open();
    const [result] = await simulate(device, [chain(0)], { durationMs: 10, record: { spikes: false } });
    expect(result!.spikes).toBeUndefined();
    expect([...result!.counts]).toEqual([1, 1, 1, 1, 1]);
    expect(await simulate(device, [], { durationMs: 10 })).toEqual([]);
  });

  it('refuses networks of different time steps', async () => {
    const device = await open();
    const other = new Network({ dtMs: 0.5, name: 'other' });
    other.population('a', 1, lif({ tauMembraneMs: 1, thresholdMv: 1 }));
    await expect(simulate(device, [chain(0), other], { durationMs: 10 })).rejects.toThrow(
      /"other" has a time step of 0.5 ms and "chain" of 0.1 ms: give networks of one time step/,
    );
    await expect(simulate(device, [other], { durationMs: 0 })).rejects.toThrow(/durationMs is 0/);
  });
});

describeOnDevices(
  'models',
  (open) => {
    // Rates of other simulators: CUBA 5.6 Hz, COBA 20.8 to 21.8 Hz; over seeds they differ by 0.25 and 1.5 Hz.
    it.each([
      ['cuba', cuba, 5.6, 0.25],
      ['coba', coba, 21.3, 1.5],
    ] as const)('%s spikes as often as elsewhere', async (_, model, rate, deviation) => {
      const device = await open();
      const networks = [1, 2, 3, 4].map((seed) => model({ seed }));
      const results = await simulate(device, networks, { durationMs: 600 });
      const statistics = results.map(({ spikes }) =>
        spikeStatistics(selectSpikes(spikes!, { first: 0, count: 4000 }, 1000)),
      );
      const mean = statistics.reduce((sum, { rateHz }) => sum + rateHz!, 0) / 4;
      expect(Math.abs(mean - rate)).toBeLessThan((3 * deviation) / 2);
    });

    it('brunel has its number of inputs, delay and rate', async () => {
      const device = await open();
      const network = brunel({ excitatory: 2000, weightMv: 0.5, seed: 1 }).compile();
      // 2,500 neurons with 200 excitatory and 50 inhibitory inputs each.
      expect(network.synapses.words.length).toBe(2500 * 250);
      expect(network.synapses.classes).toEqual([
        { channel: 0, delaySteps: 16, weight: 0.5 },
        { channel: 0, delaySteps: 16, weight: -2.5 },
      ]);
      const [result] = await simulate(device, [network], { durationMs: 300 });
      const { rateHz, silentShare } = spikeStatistics(
        selectSpikes(result!.spikes!, { first: 0, count: 2500 }, 1000),
      );
      // A fifth of the inputs with five times the weight have the same mean and more noise: near the 38 Hz of the whole.
      expect(rateHz).toBeGreaterThan(25);
      expect(rateHz).toBeLessThan(60);
      expect(silentShare).toBeLessThan(0.05);
    });
  },
  { kind: 'native' },
);
