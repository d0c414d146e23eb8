/** Networks computed by their modes: as in double precision, on every device, however they are cut. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/device/index.ts';
import { RecurrentBatch, type RecurrentRecord } from '../../src/kernels/recurrent-batch.ts';
import { modesOf } from '../../src/kernels/recurrent-modes.ts';
import type { CompiledNetwork, LifPopulation } from '../../src/kernels/recurrent-network.ts';
import { fixedPointShift } from '../../src/kernels/recurrent-numbers.ts';
import { cuba } from '../../src/network/models/vogels-abbott.ts';
import { spikesOf } from '../../src/network/spikes.ts';
import { keyOf, philox4x32, unitReal } from '../../src/random/philox.ts';
import { describeOnDevices } from '../devices.ts';
import { type Edge, events, lif, networkOf, source } from '../physics/networks.ts';
import { ReferenceRecurrent } from './recurrent-reference.ts';

const STEPS = 170;

interface Shape {
  readonly neurons: number;
  readonly kinds: readonly ('delta' | 'current')[];
  readonly sources?: boolean;
  readonly density?: number;
  /** Of the synapses of the first class, mV. */
  readonly weight?: number;
  readonly changes?: Partial<LifPopulation>;
}

/** Equal neurons that fire by themselves, with synapses of one step's delay: two classes and one with weights of its own. */
function modal(seed: number, shape: Shape): CompiledNetwork {
  const { neurons, kinds, density = 0.1, weight = 1.5, changes } = shape;
  const draw = (index: number, stream: number) =>
    unitReal(philox4x32([index, stream, 0, 0], keyOf(5000 + seed))[0]);
  const all = neurons + (shape.sources ? 20 : 0);
  const edges: Edge[] = [];
  for (let from = 0; from < all; from++) {
    for (let to = 0; to < neurons; to++) {
      const pair = from * neurons + to;
      const kind = Math.floor(3 * draw(pair, 2));
      if (draw(pair, 1) >= density) continue;
      edges.push({ from, to, class: kind, ...(kind === 2 && { weight: 2 * draw(pair, 3) - 1 }) });
    }
  }
  const last = kinds.length - 1;
  return networkOf({
    dtMs: 1,
    seed,
    channels: kinds,
    classes: [
      { channel: 0, delaySteps: 1, weight },
      { channel: last, delaySteps: 1, weight: -2 },
      { channel: last, delaySteps: 1, weight: edges.some((edge) => edge.class === 2) ? undefined : 1 },
    ],
    edges,
    populations: [
      lif(neurons, {
        tauMembraneMs: 10,
        restMv: -60,
        biasMv: 12,
        thresholdMv: -50,
        resetMv: Float64Array.from({ length: neurons }, (_, index) => -58 - 4 * draw(index, 5)),
        refractorySteps: 3,
        initialMv: Float64Array.from({ length: neurons }, (_, index) => -60 + 9 * draw(index, 4)),
        channels: kinds.map((_, index) => ({ tauMs: [3, 6, 15, 25][index] as number, reversalMv: 0 })),
        initialChannels: kinds.map((kind) => (kind === 'delta' ? 0 : 0.5)),
        ...changes,
      }),
      ...(shape.sources
        ? [
            source(10, { kind: 'rates', rateHz: 60 }),
            events(Array.from({ length: 10 }, (_, n) => [n, 3 * n + 5, 90])),
          ]
        : []),
    ],
  });
}

const SHAPES: readonly (readonly [string, Shape])[] = [
  ['one neuron', { neurons: 1, kinds: ['current', 'current'] }],
  ['a group less one', { neurons: 63, kinds: ['current', 'current'] }],
  ['a group and one', { neurons: 65, kinds: ['current', 'current'] }],
  ['sources of both kinds', { neurons: 150, kinds: ['current', 'current'], sources: true }],
  ['delta', { neurons: 130, kinds: ['delta'], density: 0.03 }],
  ['delta and current', { neurons: 100, kinds: ['delta', 'current'], sources: true, density: 0.03 }],
  ['one channel', { neurons: 100, kinds: ['current'] }],
  ['three channels', { neurons: 100, kinds: ['current', 'current', 'current'] }],
  ['four channels', { neurons: 100, kinds: ['current', 'current', 'current', 'current'] }],
  [
    'subtraction without refractoriness',
    {
      neurons: 90,
      kinds: ['current', 'current'],
      changes: { reset: 'subtract', refractorySteps: 0, restMv: 0, initialMv: 0, thresholdMv: 6 },
    },
  ],
  [
    'refractoriness of zero and delta',
    { neurons: 90, kinds: ['delta', 'current'], density: 0.03, changes: { refractorySteps: 0 } },
  ],
  ['long refractoriness', { neurons: 90, kinds: ['current', 'current'], changes: { refractorySteps: 61 } }],
  [
    'silence that single arrivals break',
    {
      neurons: 400,
      kinds: ['delta', 'current'],
      sources: true,
      density: 0.01,
      weight: 9,
      changes: { biasMv: 0, tauMembraneMs: 40, refractorySteps: 20 },
    },
  ],
  [
    'silence, and arrivals of several thresholds',
    {
      neurons: 400,
      kinds: ['delta'],
      sources: true,
      density: 0.003,
      weight: 20,
      changes: { reset: 'subtract', restMv: 0, biasMv: 0, initialMv: 0, thresholdMv: 6, refractorySteps: 20 },
    },
  ],
  ['no synapses', { neurons: 80, kinds: ['current', 'current'], density: 0 }],
];
const networks = SHAPES.map(([, shape], seed) => modal(seed, shape));

/** [step, neuron] of all spikes, in their order. */
function spikesIn(record: RecurrentRecord, network: CompiledNetwork): string[] {
  const { step, neuron } = spikesOf([record], network.dtMs, network.neurons);
  const found = Array.from(step, (at, index): [number, number] => [at, neuron[index] as number]);
  return found.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([at, who]) => `${at}: ${who}`);
}

/** Spikes of all networks, for each device. */
const spikesByDevice: { readonly device: string; readonly spikes: readonly string[][] }[] = [];

describeOnDevices('networks by their modes', (open, present) => {
  let device: Device;
  beforeAll(async () => {
    device = await open();
  });

  async function run(of: readonly CompiledNetwork[], stepsPerLaunch: number) {
    using batch = await RecurrentBatch.create(device, of, {
      stepsPerLaunch,
      record: { raster: true, traces: of.map(() => [0]) },
    });
    const records = await batch.run(STEPS);
    const counts = await Promise.all(of.map((_, slot) => batch.counts(slot)));
    const states = await Promise.all(of.map((_, slot) => batch.state(slot)));
    return { records, counts, states, methods: of.map((_, slot) => batch.methodOf(slot)) };
  }

  it('agree with the equations in f64, spike for spike', async () => {
    const { records, counts, states, methods } = await run(networks, 23);
    expect(new Set(methods)).toEqual(new Set(['modes']));
    let worst = 0;
    networks.forEach((network, slot) => {
      const name = SHAPES[slot]?.[0];
      const reference = new ReferenceRecurrent(network, { fixedPointShift: fixedPointShift(network) });
      const record = records[slot] as RecurrentRecord;
      const trace: number[] = [];
      const expected: string[] = [];
      for (let step = 0; step < STEPS; step++) {
        const now = [...reference.step()].sort((a, b) => a - b);
        expected.push(...now.map((neuron) => `${step}: ${neuron}`));
        trace.push(reference.v[0] as number);
      }
      const found = spikesIn(record, network);
      expect(found, name).toEqual([...new Set(expected)]);
      expect(
        counts[slot]?.reduce((sum, count) => sum + count, 0),
        name,
      ).toBe(expected.length);
      const error = (value: number, wanted: number) => {
        // Sums of some ten numbers of up to 60 mV, each rounded to 2^-24 of it, once in a period of 64 steps.
        worst = Math.max(worst, Math.abs(value - wanted) / 1e-4);
      };
      record.traces.forEach((v, step) => {
        error(v, trace[step] as number);
      });
      // What arrives in the next step is in g here already, and in v where it is delta; in the reference it waits.
      if (network.synapses.words.length > 0) return;
      const { v, channels } = states[slot] as (typeof states)[number];
      v.forEach((value, neuron) => {
        error(value, reference.v[neuron] as number);
      });
      channels.forEach((g, channel) => {
        g.forEach((value, neuron) => {
          error(value, reference.g[channel]?.[neuron] as number);
        });
      });
    });
    console.info(`${present.name}, modes: worst error of v and g as a share of 1e-4 mV: ${worst.toFixed(3)}`);
    expect(worst).toBeLessThan(1);
    spikesByDevice.push({
      device: present.name,
      spikes: networks.map((network, slot) => spikesIn(records[slot] as RecurrentRecord, network)),
    });
  });

  it('give the same bits whatever else is in the batch, and however time is cut', async () => {
    const conductance = {
      ...(networks[1] as CompiledNetwork),
      channels: [
        { name: 'a', kind: 'conductance' as const },
        { name: 'b', kind: 'current' as const },
      ],
    };
    const mixed = [networks[3], conductance, networks[5], networks[11]] as CompiledNetwork[];
    const together = await run(mixed, 23);
    expect(together.methods).toEqual(['modes', 'network', 'modes', 'modes']);
    for (const [slot, network] of mixed.entries()) {
      const alone = await run([network], 64);
      expect(alone.records[0]).toEqual(together.records[slot]);
      expect(alone.states[0]).toEqual(together.states[slot]);
      expect(alone.counts[0]).toEqual(together.counts[slot]);
    }
  });

  it('are refused where they have no modes in common', async () => {
    const [network] = networks as [CompiledNetwork];
    const delayed = {
      ...network,
      synapses: { ...network.synapses, classes: [{ channel: 0, delaySteps: 2, weight: 1 }] },
    };
    await expect(RecurrentBatch.create(device, [delayed], { method: 'modes' })).rejects.toThrow(
      /network "test" has delays of more than one step, which the method "modes" can't; use "network"/,
    );
  });
});

describe('devices among themselves', () => {
  it('have the same spikes by modes', ({ skip }) => {
    if (spikesByDevice.length < 2) skip('there is one device only');
    for (const { spikes, device } of spikesByDevice.slice(1)) {
      expect(spikes, device).toEqual(spikesByDevice[0]?.spikes);
    }
  });
});

describe('what has modes', () => {
  const [network] = networks as [CompiledNetwork];
  const [neuron] = network.populations as [LifPopulation];
  const changed = (changes: Partial<LifPopulation>, rest: Partial<CompiledNetwork> = {}) =>
    modesOf({ ...network, populations: [{ ...neuron, ...changes }], ...rest });

  it('cuba has: gains and factors of its equations', () => {
    const modes = modesOf(cuba({ seed: 1 }).compile());
    if (typeof modes === 'string') throw new Error(modes);
    // tau_c / (tau_c - tau_m) of 5 and 10 ms in 20 ms.
    expect(modes.channels.map(({ gain }) => gain)).toEqual([
      expect.closeTo(-1 / 3, 12),
      expect.closeTo(-1, 12),
    ]);
    expect(modes.leak).toBeCloseTo(Math.exp(-0.1 / 20), 15);
    expect(modes.period).toBe(64);
  });

  it('others have not, and it is said why', () => {
    expect(changed({})).toMatchObject({ period: 33 });
    expect(changed({ noiseMv: 1 })).toMatch(/noise/);
    expect(changed({ biasMv: Float64Array.of(1) })).toMatchObject({ period: 33 });
    const pair = { first: 0, count: 2, resetMv: 0, initialMv: 0 };
    expect(changed({ ...pair, biasMv: Float64Array.of(1, 2) })).toMatch(/different/);
    expect(changed({ poisson: [{ channel: 0, meanPerStep: 1, weight: 1 }] })).toMatch(/Poisson/);
    expect(changed({ adaptation: { incrementMv: 1, tauMs: 1 } })).toMatch(/adaptive/);
    expect(changed({ tauMembraneMs: 3.1 })).toMatch(/about as fast/);
    expect(changed({ tauMembraneMs: 3 })).toMatch(/about as fast/);
    expect(changed({}, { dtMs: 20 })).toMatch(/too long/);
    expect(changed({}, { neurons: 5000 })).toMatch(/5000/);
    const edges: Edge[] = [
      { from: 0, to: 0, class: 0 },
      { from: 0, to: 0, class: 1 },
    ];
    const classes = [0, 1].map((channel) => ({ channel, delaySteps: 1, weight: 1 }));
    const { channels } = network;
    const doubled = networkOf({
      populations: [neuron],
      channels: channels.map(({ kind }) => kind),
      classes,
      edges,
    });
    expect(modesOf(doubled)).toMatch(/more than one synapse/);
  });
});
