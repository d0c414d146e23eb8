import { describe, expect, it } from 'vitest';
import {
  type CompiledNetwork,
  classOf,
  type LifPopulation,
  targetOf,
} from '../../src/kernels/recurrent-network.ts';
import { dense, fixedProbability, given, oneToOne } from '../../src/network/connectivity/index.ts';
import { gamma, normal, uniform } from '../../src/network/distributions.ts';
import { NetworkError } from '../../src/network/errors.ts';
import { Network } from '../../src/network/network.ts';
import { conductance, current, lif, poissonSource, spikeSource } from '../../src/network/neurons.ts';
import { stdp } from '../../src/network/plasticity.ts';

const NEURON = lif({ tauMembraneMs: 20, thresholdMv: 15 });

/** Synapses as [source, target, channel, delay in steps, weight], in the order of the matrix. */
function synapsesOf({ synapses, neurons }: CompiledNetwork): number[][] {
  const all: number[][] = [];
  for (let source = 0; source < neurons; source++) {
    for (let s = synapses.rows[source]!; s < synapses.rows[source + 1]!; s++) {
      const word = synapses.words[s]!;
      const { channel, delaySteps, weight } = synapses.classes[classOf(word)]!;
      all.push([source, targetOf(word), channel, delaySteps, weight ?? synapses.weights![s]!]);
    }
  }
  return all;
}

function lifOf(network: CompiledNetwork, index = 0): LifPopulation {
  return network.populations[index] as LifPopulation;
}

describe('populations', () => {
  it('follow one another, with their parameters at defaults', () => {
    const network = new Network({ dtMs: 0.1, seed: 5, name: 'two' });
    network.population('a', 3, NEURON);
    network.population('b', 2, poissonSource(12));
    const compiled = network.compile();
    expect(compiled).toMatchObject({ name: 'two', dtMs: 0.1, seed: 5, neurons: 5 });
    expect(compiled.channels).toEqual([{ name: 'delta', kind: 'delta' }]);
    expect(compiled.populations).toEqual([
      {
        kind: 'lif',
        name: 'a',
        first: 0,
        count: 3,
        tauMembraneMs: 20,
        restMv: 0,
        biasMv: 0,
        thresholdMv: 15,
        reset: 'value',
        resetMv: 0,
        refractorySteps: 0,
        noiseMv: 0,
        channels: [{ tauMs: 1, reversalMv: 0 }],
        poisson: [],
        initialMv: 0,
      },
      { kind: 'source', name: 'b', first: 3, count: 2, spikes: { kind: 'rates', rateHz: 12 } },
    ]);
  });

  it('take values per neuron, each parameter by its own draws', () => {
    const network = new Network({
      dtMs: 0.1,
      channels: { a: current({ tauMs: gamma({ shape: 3, mean: 5 }) }) },
    });
    const heterogeneous = lif({
      tauMembraneMs: gamma({ shape: 3, mean: 20 }),
      thresholdMv: [10, 11, 12, 13],
      refractoryMs: uniform(1, 3),
      adaptation: { incrementMv: 0.5, tauMs: gamma({ shape: 3, mean: 20 }) },
      initialMv: uniform(0, 1),
      channels: { a: { initial: 2 } },
    });
    network.population('x', 4, heterogeneous);
    network.population('y', 4, heterogeneous);
    const compiled = network.compile();
    const [x, y] = [lifOf(compiled, 0), lifOf(compiled, 1)];
    expect(x.thresholdMv).toEqual(Float64Array.of(10, 11, 12, 13));
    expect((x.refractorySteps as Float64Array).every((r) => Number.isInteger(r) && r >= 10 && r <= 30)).toBe(
      true,
    );
    expect(x.initialChannels).toEqual([2]);
    const drawn = [x, y].flatMap(({ tauMembraneMs, adaptation, channels }) => [
      ...(tauMembraneMs as Float64Array),
      ...(adaptation!.tauMs as Float64Array),
      ...(channels[0]!.tauMs as Float64Array),
    ]);
    expect(new Set(drawn).size).toBe(24);
    expect(drawn.every((tau) => tau > 0)).toBe(true);
  });

  it('have channels of their own where they say so', () => {
    const network = new Network({
      dtMs: 0.1,
      channels: { a: current({ tauMs: 5 }), b: conductance({ tauMs: 10, reversalMv: -80 }) },
    });
    network.population('x', 1, NEURON);
    network.population('y', 1, lif({ ...NEURON, channels: { b: { tauMs: 12, reversalMv: -70 } } }));
    const compiled = network.compile();
    expect(lifOf(compiled, 0).channels).toEqual([
      { tauMs: 5, reversalMv: 0 },
      { tauMs: 10, reversalMv: -80 },
    ]);
    expect(lifOf(compiled, 1).channels[1]).toEqual({ tauMs: 12, reversalMv: -70 });
  });

  it('spike at given times, to the nearest step, once in a step', () => {
    const network = new Network({ dtMs: 0.5 });
    const model = spikeSource({ neurons: [1, 0, 1, 2, 1], timesMs: [1, 0, 2.1, 2, 1.9] });
    network.population('s', 3, model);
    expect(network.compile().populations[0]).toMatchObject({
      spikes: {
        kind: 'events',
        offsets: Uint32Array.of(0, 1, 1, 2, 2, 4),
        neurons: Uint32Array.of(0, 1, 1, 2),
      },
    });
  });

  it('have Poisson input of their own', () => {
    const network = new Network({
      dtMs: 0.1,
      channels: { a: current({ tauMs: 5 }), b: current({ tauMs: 5 }) },
    });
    const x = network.population('x', 3, NEURON);
    network.poissonInput(x, { rateHz: 20, inputs: 1000, weight: 0.1, channel: 'b' });
    network.poissonInput(x, { rateHz: 5, weight: -1, channel: 'a' });
    const [first, second] = lifOf(network.compile()).poisson;
    expect(first).toEqual({ channel: 1, meanPerStep: expect.closeTo(2, 12), weight: 0.1 });
    expect(second).toEqual({ channel: 0, meanPerStep: expect.closeTo(5e-4, 12), weight: -1 });
  });
});

describe('projections', () => {
  it('make one matrix: by source, then by class, then by target', () => {
    const network = new Network({
      dtMs: 0.1,
      channels: { e: current({ tauMs: 5 }), i: current({ tauMs: 10 }) },
    });
    const a = network.population('a', 2, NEURON);
    const b = network.population('b', 3, NEURON);
    network.project(a, b, { connect: dense(), weight: 1.5, delayMs: 1, channel: 'e' });
    network.project(b, network.all(), { connect: dense(), weight: -9, channel: 'i' });
    // The same channel, delay and weight as the first, so the same class, and targets before the first one's.
    network.project(a, a, { connect: dense(), weight: 1.5, delayMs: 1.04, channel: 'e' });
    const compiled = network.compile();
    // A delay of 0 acts in the next step, so one of 1 ms in the eleventh from there.
    expect(synapsesOf(compiled)).toEqual([
      [0, 1, 0, 11, 1.5],
      [0, 2, 0, 11, 1.5],
      [0, 3, 0, 11, 1.5],
      [0, 4, 0, 11, 1.5],
      [1, 0, 0, 11, 1.5],
      [1, 2, 0, 11, 1.5],
      [1, 3, 0, 11, 1.5],
      [1, 4, 0, 11, 1.5],
      ...[2, 3, 4].flatMap((source) =>
        [0, 1, 2, 3, 4].filter((t) => t !== source).map((t) => [source, t, 1, 1, -9]),
      ),
    ]);
    expect(compiled.synapses.classes.length).toBe(2);
    expect(compiled.synapses.weights).toBeUndefined();
  });

  it('keep each weight and delay with its synapse when rows are put in order', () => {
    const network = new Network({ dtMs: 0.1 });
    const a = network.population('a', 40, NEURON);
    const sources = Array.from({ length: 400 }, (_, s) => s % 40);
    const targets = Array.from({ length: 400 }, (_, s) => (s * 7) % 40);
    const weights = Array.from({ length: 400 }, (_, s) => s + 0.5);
    const delaysMs = Array.from({ length: 400 }, (_, s) => ((s * 13) % 5) * 0.3);
    network.project(a, a, { connect: given({ sources, targets, weights, delaysMs }) });
    network.project(a.slice(0, 1), a, { connect: dense(), weight: 3 });
    const compiled = network.compile();
    const expected = sources.map((source, s) => [
      source,
      targets[s]!,
      0,
      1 + Math.round(delaysMs[s]! * 10),
      weights[s]!,
    ]);
    for (let t = 1; t < 40; t++) expected.push([0, t, 0, 1, 3]);
    const text = (rows: number[][]) => rows.map((row) => row.join(' ')).sort();
    expect(text(synapsesOf(compiled))).toEqual(text(expected));
    const { rows, words } = compiled.synapses;
    for (let i = 0; i < 40; i++) {
      for (let s = rows[i]! + 1; s < rows[i + 1]!; s++)
        expect(words[s]!).toBeGreaterThanOrEqual(words[s - 1]!);
    }
  });

  it('draw weights and delays, the same again and others for another seed', () => {
    const build = (seed: number) => {
      const network = new Network({ dtMs: 0.1, seed });
      const a = network.population('a', 200, NEURON);
      network.project(a, a, {
        connect: fixedProbability(0.5),
        weight: normal({ mean: 1, standardDeviation: 0.5, low: 0 }),
        delayMs: uniform(0.5, 2),
      });
      return network.compile();
    };
    const compiled = build(1);
    const all = synapsesOf(compiled);
    expect(build(1)).toEqual(compiled);
    expect(build(2).synapses.words).not.toEqual(compiled.synapses.words);
    // Delays of 0.5 to 2 ms: 6 to 21 steps, the first and the last half as often; weights of mean 1.0042 when clipped.
    const delays = new Set(all.map(([, , , delay]) => delay));
    expect(delays).toEqual(new Set(Array.from({ length: 16 }, (_, k) => 6 + k)));
    const mean = all.reduce((sum, row) => sum + row[4]!, 0) / all.length;
    expect(Math.abs(mean - 1.0042)).toBeLessThan((4 * 0.5) / Math.sqrt(all.length));
    const delay = all.reduce((sum, row) => sum + row[3]!, 0) / all.length;
    expect(Math.abs(delay - 13.5)).toBeLessThan((4 * 15) / Math.sqrt(12 * all.length));
  });

  it('have classes of their own where they learn', () => {
    const network = new Network({ dtMs: 0.1 });
    const a = network.population('a', 30, NEURON);
    const learning = stdp({
      potentiation: gamma({ shape: 3, mean: 0.01 }),
      depression: 0.012,
      tauPlusMs: 20,
      tauMinusMs: uniform(15, 25),
      maximum: 2,
      normalization: { total: 10, everyMs: 100 },
    });
    network.project(a, a, { connect: fixedProbability(0.2), weight: 1 });
    network.project(a, a, {
      connect: fixedProbability(0.3),
      weight: 1,
      delayMs: uniform(0, 0.5),
      plasticity: learning,
    });
    network.project(a, a, {
      connect: fixedProbability(0.1),
      weight: 1,
      plasticity: { ...learning, pairs: 'nearest' },
    });
    const { synapses } = network.compile();
    expect(synapses.classes.map(({ delaySteps, weight }) => [delaySteps, weight])).toEqual([
      [1, 1],
      ...[1, 2, 3, 4, 5, 6].map((delay) => [delay, undefined]),
      [1, undefined],
    ]);
    expect(synapses.plasticity).toMatchObject([
      {
        firstClass: 1,
        classes: 6,
        pairs: 'all',
        dependence: 'additive',
        depression: 0.012,
        minimum: 0,
        maximum: 2,
      },
      { firstClass: 7, classes: 1, pairs: 'nearest', normalization: { total: 10, everySteps: 1000 } },
    ]);
    const [rule] = synapses.plasticity!;
    const { potentiation, tauMinusMs } = rule as { potentiation: Float32Array; tauMinusMs: Float32Array };
    const own = [...synapses.words.keys()].filter((s) => {
      return classOf(synapses.words[s]!) >= 1 && classOf(synapses.words[s]!) <= 6;
    });
    expect(potentiation.length).toBe(synapses.words.length);
    expect(new Set(own.map((s) => potentiation[s])).size).toBe(own.length);
    expect(own.every((s) => potentiation[s]! > 0 && tauMinusMs[s]! >= 15 && tauMinusMs[s]! <= 25)).toBe(true);
    expect(synapses.weights!.every((w) => w === 1)).toBe(true);
  });
});

describe('what can not be', () => {
  const { a, network } = example();

  function example() {
    const network = new Network({
      dtMs: 0.1,
      name: 'n',
      channels: { e: current({ tauMs: 5 }), i: current({ tauMs: 9 }) },
    });
    const a = network.population('a', 5, NEURON);
    const s = network.population('s', 5, poissonSource(10));
    return { network, a, s };
  }

  /** A network of one population, compiled. */
  function compiled(options: Parameters<typeof lif>[0]): CompiledNetwork {
    const one = new Network({ dtMs: 0.1, channels: { e: current({ tauMs: 5 }) } });
    one.population('a', 5, lif(options));
    return one.compile();
  }

  const cases: readonly (readonly [name: string, act: () => unknown, message: RegExp])[] = [
    ['a time step of 0', () => new Network({ dtMs: 0 }), /dtMs is 0: give a number above 0/],
    [
      'a seed below 0',
      () => new Network({ dtMs: 1, seed: -1 }),
      /seed is -1: give a whole number of at least 0/,
    ],
    ['no channels', () => new Network({ dtMs: 1, channels: {} }), /there are 0 channels/],
    [
      'a name twice',
      () => network.population('a', 1, NEURON),
      /there are two populations "a": give another name/,
    ],
    ['no neurons', () => network.population('b', 0, NEURON), /population "b": count is 0/],
    [
      'too many neurons',
      () => network.population('b', 2 ** 20, NEURON),
      /makes 1048586 neurons: give at most 1048576/,
    ],
    [
      'an empty network',
      () => new Network({ dtMs: 1 }).compile(),
      /network "network" has no neurons: add a population/,
    ],
    ['a slice too long', () => a.slice(2, 6), /a\[2:6\] is no part of 5 neurons/],
    ['an unknown population', () => network.find('b'), /there is no population "b": give one of a, s/],
    [
      'no channel named',
      () => network.project(a, a, { connect: dense(), weight: 1 }),
      /projection a to a: a channel is missing: give one of e, i/,
    ],
    [
      'an unknown channel',
      () => network.project(a, a, { connect: dense(), weight: 1, channel: 'x' }),
      /there is no channel "x": give one of e, i/,
    ],
    [
      'sources as targets',
      () => network.project(a, network.all(), { connect: dense(), weight: 1, channel: 'e' }),
      /has targets in "s", whose neurons are sources/,
    ],
    [
      "another network's neurons",
      () => network.project(example().a, a, { connect: dense(), weight: 1, channel: 'e' }),
      /"a" belongs to network "n"/,
    ],
    [
      'Poisson input of a slice',
      () => network.poissonInput(a.slice(1), { rateHz: 1, weight: 1, channel: 'e' }),
      /these are not a population/,
    ],
    [
      'Poisson input of sources',
      () => network.poissonInput(network.find('s'), { rateHz: 1, weight: 1, channel: 'e' }),
      /these are not a population/,
    ],
    [
      'too much Poisson input',
      () => network.poissonInput(a, { rateHz: 1e6, weight: 1, channel: 'e' }),
      /1000000 Hz are 100 spikes in a step of 0.1 ms: lower them to 64/,
    ],
    [
      'a time constant of 0',
      () => compiled({ thresholdMv: 1, tauMembraneMs: [1, 2, 0, 1, 1] }),
      /population "a": tauMembraneMs of neuron 2 is 0: give a number above 0/,
    ],
    [
      'a reset above the threshold',
      () => compiled({ tauMembraneMs: 1, thresholdMv: -50, resetMv: [-60, -50, -60, -60, -60] }),
      /neuron 1 has its threshold at -50 mV and its reset at -50 mV: set the threshold above/,
    ],
    [
      'a threshold to subtract below 0',
      () => compiled({ tauMembraneMs: 1, thresholdMv: -1, reset: 'subtract' }),
      /which a spike subtracts: set it above 0/,
    ],
    [
      'an unknown channel of neurons',
      () => compiled({ tauMembraneMs: 1, thresholdMv: 1, channels: { f: { tauMs: 1 } } }),
      /population "a": there is no channel "f": give one of e/,
    ],
    [
      'a reversal of a current',
      () => compiled({ tauMembraneMs: 1, thresholdMv: 1, channels: { e: { reversalMv: 1 } } }),
      /channel "e" is of kind current: leave out/,
    ],
    [
      'a negative refractory period',
      () => compiled({ tauMembraneMs: 1, thresholdMv: 1, refractoryMs: -1 }),
      /refractoryMs is -1: give a number of at least 0/,
    ],
  ];

  it.each(cases)('%s', (_, act, message) => {
    expect(act).toThrow(NetworkError);
    expect(act).toThrow(message);
  });

  /** A projection among five neurons, compiled. */
  function projected(options: Partial<Parameters<Network['project']>[2]>): CompiledNetwork {
    const one = new Network({ dtMs: 0.1 });
    const all = one.population('a', 5, NEURON);
    one.project(all, all, { connect: dense(), weight: 1, ...options });
    return one.compile();
  }

  const learning = {
    rule: 'stdp',
    potentiation: 1,
    depression: 1,
    tauPlusMs: 20,
    tauMinusMs: 20,
    maximum: 1,
  } as const;

  const projections: readonly (readonly [string, Partial<Parameters<Network['project']>[2]>, RegExp])[] = [
    ['a weight that is no number', { weight: Number.NaN }, /projection a to a: weight is NaN/],
    [
      'a negative delay',
      { delayMs: -1 },
      /projection a to a: delayMs is -1: give a time from 0 to 409\.4 ms/,
    ],
    ['a long delay', { delayMs: 500 }, /delayMs is 500/],
    ['too few weights', { connect: oneToOne(), weight: [1, 2] }, /weight is a list of 2: give 5 numbers/],
    [
      'bounds in the wrong order',
      { plasticity: { ...learning, maximum: -1 } },
      /between 0 and -1: give minimum below maximum/,
    ],
    [
      'weights beyond the bounds',
      { weight: 1.5, plasticity: learning },
      /weight is 1\.5, but it learns between 0 and 1: give weights within/,
    ],
    [
      'an unknown pairing',
      { plasticity: { ...learning, pairs: 'some' as never } },
      /pairs is "some": give all or nearest/,
    ],
    [
      'a time constant of 0',
      { plasticity: { ...learning, tauPlusMs: 0 } },
      /tauPlusMs is 0: give a number above 0/,
    ],
    [
      'a sum of 0',
      { plasticity: { ...learning, normalization: { total: 0, everyMs: 1 } } },
      /scaled to 0 every 1 ms/,
    ],
  ];

  it.each(projections)('%s', (_, options, message) => {
    expect(() => projected(options)).toThrow(message);
  });

  it('a projection without a weight, unless its rule brings one', () => {
    const one = new Network({ dtMs: 0.1 });
    const all = one.population('a', 2, NEURON);
    one.project(all, all, { connect: given({ sources: [0], targets: [1] }), name: 'p' });
    expect(() => one.compile()).toThrow(/projection "p" has no weight: give weight/);
  });
});
