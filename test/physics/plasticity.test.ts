/** STDP against its definition: what one pair, three spikes, and long trains do to a weight. */
import { expect, it } from 'vitest';
import type { PlasticityRule } from '../../src/kernels/plasticity.ts';
import { Draws } from '../../src/random/draws.ts';
import { keyOf, STREAMS } from '../../src/random/philox.ts';
import { describeOnEngines, describeOnKernels, simulateReference } from './engines.ts';
import { events, lif, networkOf } from './networks.ts';

const RULE: PlasticityRule = {
  firstClass: 0,
  classes: 1,
  pairs: 'all',
  dependence: 'additive',
  potentiation: 0.01,
  depression: 0.012,
  tauPlusMs: 17,
  tauMinusMs: 34,
  minimum: 0,
  maximum: 1,
};
const DT = 0.5;

/**
 * A network of pairs: neuron k of the sources and neuron k of the targets spike in the steps given, and a weak synapse
 * of weight 0.5 leads from the one to the other. A second source makes the target spike one step later.
 */
function pairs(
  trains: readonly { readonly pre: readonly number[]; readonly post: readonly number[] }[],
  rule: Partial<PlasticityRule>,
) {
  const n = trains.length;
  return networkOf({
    dtMs: DT,
    populations: [
      events(trains.map(({ pre }) => pre)),
      events(trains.map(({ post }) => post.map((step) => step - 1))),
      lif(n, { thresholdMv: 100 }),
    ],
    channels: ['delta'],
    classes: [
      { channel: 0, delaySteps: 3, weight: undefined },
      { channel: 0, delaySteps: 1, weight: 1000 },
    ],
    edges: trains.flatMap((_, k) => [
      { from: k, to: 2 * n + k, class: 0, weight: 0.5 },
      { from: n + k, to: 2 * n + k, class: 1, weight: 1000 },
    ]),
    plasticity: [{ ...RULE, ...rule }],
  });
}

describeOnEngines('a pair of spikes', (simulate, accuracy) => {
  const intervals = [-200, -40, -7, -2, -1, 0, 1, 2, 7, 40, 200];
  const trains = intervals.map((interval) => ({ pre: [300], post: [300 + interval] }));

  it('changes a weight by the exponential window, one within a step as if it came first', async () => {
    const { weights, spikes } = await simulate(pairs(trains, {}), 600);
    for (const [k, interval] of intervals.entries()) {
      expect(spikes[2 * intervals.length + k]).toEqual([300 + interval]);
      const change =
        interval >= 0 ? 0.01 * Math.exp((-interval * DT) / 17) : -0.012 * Math.exp((interval * DT) / 34);
      expect(Math.abs((weights[k] as number) - 0.5 - change), `interval ${interval}`).toBeLessThan(accuracy);
    }
  });

  it('changes it in proportion to what is left to the bound when the rule is multiplicative', async () => {
    const { weights } = await simulate(
      pairs(trains, { dependence: 'multiplicative', minimum: 0.1, maximum: 2 }),
      600,
    );
    for (const [k, interval] of intervals.entries()) {
      const change =
        interval >= 0
          ? 0.01 * (2 - 0.5) * Math.exp((-interval * DT) / 17)
          : -0.012 * (0.5 - 0.1) * Math.exp((interval * DT) / 34);
      expect(Math.abs((weights[k] as number) - 0.5 - change), `interval ${interval}`).toBeLessThan(accuracy);
    }
  });

  it('acts by the rates and time constants of its synapse', async () => {
    const n = trains.length;
    // Every source has one synapse, so those of the sources that learn come first.
    const own = (value: (k: number) => number) =>
      Float32Array.from({ length: 2 * n }, (_, k) => (k < n ? value(k) : Number.NaN));
    const [potentiation, depression] = [own((k) => 0.001 * (k + 1)), own((k) => 0.002 * (k + 1))];
    const [tauPlusMs, tauMinusMs] = [own((k) => 5 + k), own((k) => 50 - k)];
    const network = pairs(trains, { potentiation, depression, tauPlusMs, tauMinusMs });
    const { weights } = await simulate(network, 600);
    for (const [k, interval] of intervals.entries()) {
      const at = (parameter: Float32Array) => parameter[k] as number;
      const change =
        interval >= 0
          ? at(potentiation) * Math.exp((-interval * DT) / at(tauPlusMs))
          : -at(depression) * Math.exp((interval * DT) / at(tauMinusMs));
      expect(Math.abs((weights[k] as number) - 0.5 - change), `interval ${interval}`).toBeLessThan(accuracy);
    }
  });
});

describeOnKernels('long trains', (simulate, accuracy) => {
  /** Sources of weak synapses that learn, on neurons that spike when told to: seldom, often, or in bursts of 100. */
  const steps = 400;
  const draws = new Draws(keyOf(11), STREAMS.connectivity).at(2, 0);
  const every = (least: number) =>
    Array.from({ length: steps }, (_, step) => step).filter(() => draws.below(least) === 0);
  const burst = (first: number) => Array.from({ length: 100 }, (_, step) => first + step);
  const pre = [...Array.from({ length: 30 }, () => every(20)), [1, 390], [200], []];
  const post = [...Array.from({ length: 8 }, () => every(12)), burst(20), burst(120), [], every(3)];
  const [sources, targets] = [pre.length, post.length];
  const synapses = Array.from({ length: 200 }, (_, k) => ({
    from: k % sources,
    to: sources + targets + draws.below(targets),
    class: draws.below(2),
    weight: 0.3 + 0.4 * draws.unit(),
  }));
  const own = (low: number, high: number) =>
    Float32Array.from({ length: synapses.length + targets }, () => low + (high - low) * draws.unit());
  const differing = {
    rates: { potentiation: own(0.002, 0.02), depression: own(0.002, 0.02) },
    times: { tauPlusMs: own(5, 30), tauMinusMs: own(5, 30) },
  };

  for (const pairing of ['all', 'nearest'] as const) {
    for (const dependence of ['additive', 'multiplicative'] as const) {
      for (const [name, parameters] of Object.entries({
        'the same for all synapses': {},
        'with rates of their own': differing.rates,
        'with rates and time constants of their own': { ...differing.rates, ...differing.times },
      })) {
        it(`pair ${pairing}, ${dependence}, ${name}`, async () => {
          const network = networkOf({
            dtMs: DT,
            populations: [
              events(pre),
              events(post.map((train) => train.map((step) => step - 1).filter((step) => step >= 0))),
              lif(targets, { thresholdMv: 100 }),
            ],
            channels: ['delta'],
            classes: [
              { channel: 0, delaySteps: 3, weight: undefined },
              { channel: 0, delaySteps: 1, weight: undefined },
              { channel: 0, delaySteps: 1, weight: 1000 },
            ],
            edges: [
              ...synapses,
              ...post.map((_, k) => ({
                from: sources + k,
                to: sources + targets + k,
                class: 2,
                weight: 1000,
              })),
            ],
            plasticity: [{ ...RULE, classes: 2, pairs: pairing, dependence, ...parameters }],
          });
          const expected = await simulateReference(network, steps);
          const { weights, spikes } = await simulate(network, steps);
          expect(spikes).toEqual(expected.spikes);
          let worst = 0;
          let change = 0;
          for (let k = 0; k < weights.length; k++) {
            worst = Math.max(worst, Math.abs((weights[k] as number) - (expected.weights[k] as number)));
            change += Math.abs((weights[k] as number) - (network.synapses.weights?.[k] as number));
          }
          expect(change / synapses.length).toBeGreaterThan(0.01);
          // Each of up to 100 changes is rounded to a unit of 2^-20.
          expect(worst).toBeLessThan(50 * accuracy);
        });
      }
    }
  }
});

describeOnEngines('more than two spikes', (simulate, accuracy) => {
  const plus = (steps: number) => 0.01 * Math.exp((-steps * DT) / 17);
  const minus = (steps: number) => 0.012 * Math.exp((-steps * DT) / 34);
  const trains = [
    { pre: [100, 110], post: [130] },
    { pre: [130], post: [100, 110] },
  ];

  it('pair all with all', async () => {
    const { weights } = await simulate(pairs(trains, { pairs: 'all' }), 200);
    expect(Math.abs((weights[0] as number) - 0.5 - plus(30) - plus(20))).toBeLessThan(2 * accuracy);
    expect(Math.abs((weights[1] as number) - 0.5 + minus(30) + minus(20))).toBeLessThan(2 * accuracy);
  });

  it('pair with the nearest only', async () => {
    const { weights } = await simulate(pairs(trains, { pairs: 'nearest' }), 200);
    expect(Math.abs((weights[0] as number) - 0.5 - plus(20))).toBeLessThan(2 * accuracy);
    expect(Math.abs((weights[1] as number) - 0.5 + minus(20))).toBeLessThan(2 * accuracy);
  });

  it('never carry a weight beyond its bounds', async () => {
    const many = Array.from({ length: 40 }, (_, k) => 10 + 20 * k);
    const later = many.map((step) => step + 3);
    const trains = [
      { pre: many, post: later },
      { pre: later, post: many },
    ];
    for (const [potentiation, depression, bound] of [
      [0.2, 0, 0.75],
      [0, 0.2, 0.25],
    ] as const) {
      const { weights } = await simulate(
        pairs(trains, { potentiation, depression, minimum: 0.25, maximum: 0.75 }),
        900,
      );
      expect([weights[0], weights[1]]).toEqual([bound, bound]);
    }
  });

  it('leave the sum of what a neuron receives at its norm', async () => {
    const draws = new Draws(keyOf(3), STREAMS.connectivity).at(1, 0);
    const [sources, targets] = [40, 6];
    const train = () => Array.from({ length: 200 }, (_, step) => step).filter(() => draws.below(12) === 0);
    const network = networkOf({
      dtMs: DT,
      populations: [
        events(Array.from({ length: sources }, train)),
        lif(targets, { thresholdMv: 3, channels: [{ tauMs: 5, reversalMv: 0 }] }),
      ],
      channels: ['current'],
      classes: [
        { channel: 0, delaySteps: 1, weight: undefined },
        { channel: 0, delaySteps: 2, weight: undefined },
      ],
      edges: Array.from({ length: 160 }, () => ({
        from: draws.below(sources),
        to: sources + draws.below(targets),
        class: draws.below(2),
        weight: 1 + draws.unit(),
      })),
      plasticity: [
        {
          ...RULE,
          classes: 2,
          potentiation: 0.05,
          depression: 0.05,
          maximum: 100,
          normalization: { total: 30, everySteps: 25 },
        },
      ],
    });
    const { weights, spikes } = await simulate(network, 200);
    expect(spikes.slice(sources).flat().length).toBeGreaterThan(10);
    const sums = new Float64Array(targets);
    network.synapses.words.forEach((word, index) => {
      const target = (word & 0xfffff) - sources;
      sums[target] = (sums[target] as number) + (weights[index] as number);
    });
    for (const sum of sums) expect(Math.abs(sum - 30)).toBeLessThan(30 * 40 * accuracy);
  });
});
