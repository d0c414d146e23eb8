/** Pruning as a whole: budgets, what is left of a network, and its predictions. */
import { describe, expect, it } from 'vitest';
import { lorenz } from '../../src/data/chaotic-series.ts';
import { classOf, targetOf } from '../../src/kernels/recurrent-network.ts';
import { heterogeneousStdp, hrsnn } from '../../src/network/models/hrsnn.ts';
import {
  ABLATIONS,
  CONTROLS,
  encodeSeries,
  forecast,
  graphOfNetwork,
  METHODS,
  type PruningInput,
  prune,
  prunedNetwork,
  pruneNetwork,
  samplesNeeded,
} from '../../src/pruning/index.ts';
import { slowedUntilStable } from '../../src/pruning/network-pruning.ts';
import { describeOnDevices } from '../devices.ts';
import { algebra } from './graphs.ts';

const network = hrsnn({ neurons: 100, degree: 16, seed: 3 }).compile();
const { graph, tauMembraneMs } = graphOfNetwork(network);
const subject = {
  graph,
  tauMembraneMs,
  // Uncoupled leaks: exponent k is that of the neuron with the k-th slowest leak.
  spectrumOf: async ({ nodes }: { readonly nodes: Uint32Array }) => {
    const order = [...nodes.keys()].sort(
      (a, b) => (tauMembraneMs[nodes[b] as number] as number) - (tauMembraneMs[nodes[a] as number] as number),
    );
    const participation = new Float64Array(nodes.length ** 2);
    order.forEach((node, k) => {
      participation[node * nodes.length + k] = 1;
    });
    const exponents = Float64Array.from(
      order,
      (node) => -1 / (tauMembraneMs[nodes[node] as number] as number),
    );
    return { exponents, participation };
  },
  rates: Float64Array.from({ length: 100 }, (_, node) => node),
  activity: Float64Array.from({ length: 100 * 50 }, (_, at) => Math.sin(at * at)),
};

describe('the graph of a network', () => {
  it('has its recurrent synapses, and gives the same network back when nothing is pruned', () => {
    expect(graph.sources.length).toBe(network.synapses.words.length);
    const all = { ...graph, nodes: Uint32Array.from({ length: 100 }, (_, node) => node), tauMembraneMs };
    const again = prunedNetwork(network, all);
    expect(again.synapses.rows).toEqual(network.synapses.rows);
    expect(again.synapses.words).toEqual(network.synapses.words);
    expect(again.synapses.weights).toEqual(network.synapses.weights);
    expect(again.populations).toEqual(network.populations);
  });

  it('keeps input, classes and rules of what stays', () => {
    const options = { neurons: 60, degree: 8, seed: 1, plasticity: heterogeneousStdp() };
    const input = encodeSeries(lorenz(30), 1, { warmUp: 0, train: 20, test: 5 });
    const learning = hrsnn({ ...options, input, inputDegree: 5 }).compile();
    const own = graphOfNetwork(learning);
    const nodes = Uint32Array.from({ length: 30 }, (_, k) => 2 * k + 1);
    const inside = own.graph.sources.map((source, edge) => source & (own.graph.targets[edge] as number) & 1);
    const keep = <T extends Uint32Array | Float64Array>(list: T) =>
      list.filter((_, edge) => inside[edge]) as T;
    const pruned = prunedNetwork(learning, {
      nodes,
      sources: keep(own.graph.sources),
      targets: keep(own.graph.targets),
      weights: keep(own.graph.weights),
      tauMembraneMs: Float64Array.from(nodes, (node) => 2 * (own.tauMembraneMs[node] as number)),
    });
    expect(pruned.neurons).toBe(30 + input.count);
    expect(pruned.populations.map(({ first, count }) => [first, count])).toEqual([
      [0, 30],
      [30, input.count],
    ]);
    // Synapses of the input to the neurons that stay, with their weights.
    const arrivals = (of: typeof learning, neuron: number, from: number) =>
      [...of.synapses.words.keys()]
        .filter(
          (place) =>
            targetOf(of.synapses.words[place] as number) === neuron &&
            place >= (of.synapses.rows[from] as number),
        )
        .map((place) => of.synapses.weights?.[place]);
    expect(arrivals(pruned, 7, 30)).toEqual(arrivals(learning, 15, 60));
    expect(arrivals(pruned, 7, 30)).toHaveLength(5);
    const [rule] = pruned.synapses.plasticity ?? [];
    expect(rule?.potentiation).toHaveLength(pruned.synapses.words.length);
    expect(new Set(pruned.synapses.words.map((word) => classOf(word)))).toEqual(
      new Set(learning.synapses.words.map((word) => classOf(word))),
    );
    expect((pruned.populations[0] as { tauMembraneMs: Float64Array }).tauMembraneMs[3]).toBe(
      2 * (own.tauMembraneMs[7] as number),
    );
  });
});

describe('the pipeline', () => {
  const cases: [string, PruningInput][] = [
    ...Object.entries({ ...METHODS, ...ABLATIONS, ...CONTROLS }).filter(
      ([name]) => !['half', 'dense-fast'].includes(name),
    ),
    ['noise by simulation', { synapseScore: 'noise', covariance: 'noise' }],
    ['noise from spikes', { covariance: 'spikes' }],
    ['rounds', { rounds: 3 }],
    ['synapses alone', { neurons: 1 }],
  ];

  it.each(cases)('meets its budgets by %s', async (_, input) => {
    const found = await prune(subject, { density: 0.25, neurons: 0.6, seed: 4, ...input }, algebra);
    const neurons = input.neurons === 1 ? 100 : 60;
    expect(found.nodes.length).toBe(neurons);
    // Sampling scatters; edges that are added make up for a lack.
    expect(Math.abs(found.sources.length / (0.25 * graph.sources.length) - 1)).toBeLessThan(0.06);
    const stays = new Set(found.nodes);
    expect(
      found.sources.every((source, edge) => stays.has(source) && stays.has(found.targets[edge] as number)),
    ).toBe(true);
    expect(found.weights.every((weight) => Number.isFinite(weight) && weight !== 0)).toBe(true);
    expect(found.tauMembraneMs.every((tau) => tau > 0)).toBe(true);
    const [round] = found.rounds;
    const expected = (round?.expectedDensity ?? 0) * graph.sources.length;
    expect(Math.abs(expected - Math.round(expected))).toBeLessThan(1e-6);
    if (round?.residual !== undefined) expect(round.residual).toBeLessThan(1e-12);
    const again = await prune(subject, { density: 0.25, neurons: 0.6, seed: 4, ...input }, algebra);
    expect(again.weights).toEqual(found.weights);
  });

  it('keeps every synapse between the neurons that stay as a control', async () => {
    const found = await prune(subject, { ...CONTROLS.half, density: 0.1, neurons: 0.6, seed: 4 }, algebra);
    const stays = new Set(found.nodes);
    const inside = graph.sources.filter(
      (source, edge) => stays.has(source) && stays.has(graph.targets[edge] as number),
    );
    expect(found.nodes.length).toBe(60);
    expect(found.sources).toEqual(inside);
    const whole = await prune(subject, CONTROLS['dense-fast'], algebra);
    expect(whole.weights).toEqual(graph.weights);
    const fast = await prune(subject, { ...CONTROLS['random-fast'], neurons: 0.6, seed: 4 }, algebra);
    const as = await prune(subject, { ...METHODS.random, neurons: 0.6, seed: 4 }, algebra);
    expect(fast.weights).toEqual(as.weights);
    expect(fast.tauMembraneMs).toEqual(as.tauMembraneMs.map((tau) => 0.35 * tau));
  });

  it('slows the neurons of unstable directions until there are none', async () => {
    const fast = await prune(subject, { ...CONTROLS['random-fast'], timescale: 0.5 }, algebra);
    // A direction of neurons 3 and 7, and a little of 9, that is unstable as long as they are not slow enough.
    const pair = (bound: number) => async (tau: Float64Array) => {
      const slow = (tau[3] as number) >= bound * (fast.tauMembraneMs[3] as number);
      const shares = new Map([
        [3, 0.6],
        [7, 0.35],
        [9, 0.05],
      ]);
      const participation = Float64Array.from(tau, (_, node) => shares.get(node) ?? 0);
      return { exponents: Float64Array.of(slow ? -1 : 1), participation };
    };
    const mended = await slowedUntilStable(fast, pair(3));
    mended.tauMembraneMs.forEach((tau, node) => {
      expect(tau).toBe((node === 3 || node === 7 ? 4 : 1) * (fast.tauMembraneMs[node] as number));
    });
    expect(mended.timescale).toBeGreaterThan(0.5);
    expect((await slowedUntilStable(fast, pair(1))).tauMembraneMs).toEqual(fast.tauMembraneMs);
  });

  it('names what it lacks', async () => {
    const bare = { graph, tauMembraneMs };
    await expect(prune(bare, {}, algebra)).rejects.toThrow('needs a Lyapunov spectrum: give spectrumOf');
    await expect(prune(bare, METHODS.activity, algebra)).rejects.toThrow('needs the rates of the neurons');
    await expect(prune(subject, { density: 0 }, algebra)).rejects.toThrow('density is 0: ');
  });
});

describeOnDevices(
  'pruned networks',
  (open) => {
    it('are pruned by their own spectrum, and predict', async () => {
      const device = await open();
      const options = {
        train: 300,
        test: 80,
        warmUp: 30,
        horizons: [1, 4],
        neuronsPerValue: 40,
        sampleMs: 20,
      };
      const series = lorenz(samplesNeeded(options));
      const input = encodeSeries(series, 3, options);
      const dense = hrsnn({ neurons: 100, degree: 16, seed: 3, input, inputDegree: 20 }).compile();
      const { result } = await pruneNetwork(
        device,
        algebra,
        network,
        { density: 0.25, neurons: 0.5 },
        {
          spectrum: { exponents: 10, durationMs: 300 },
        },
      );
      expect(result.nodes.length).toBe(50);
      const sparse = prunedNetwork(dense, result);
      const [before, after] = await forecast(device, algebra, [dense, sparse], [series], options);
      for (const score of [before, after]) {
        // Better than the mean of the series, and worse with the distance.
        expect(score?.nrmse).toBeLessThan(0.8);
        expect(score?.nrmseByHorizon[1]).toBeGreaterThan(score?.nrmse as number);
        expect(score?.rateHz).toBeGreaterThan(1);
      }
      expect(after?.ratesHz.length).toBe(50);
      // The sum over neurons of rate x fan-out.
      const { rows } = prunedNetwork(dense, result).synapses;
      const operations = after?.ratesHz.reduce(
        (sum, rate, node) => sum + rate * ((rows[node + 1] as number) - (rows[node] as number)),
        0,
      );
      expect(after?.synapticOperationsHz).toBeCloseTo(operations as number, 6);
      expect(after?.energyNanowatts).toBeCloseTo(0.0009 * (operations as number), 6);
      expect(after?.synapticOperationsHz).toBeLessThan(0.5 * (before?.synapticOperationsHz ?? 0));
    });
  },
  { kind: 'native' },
);
