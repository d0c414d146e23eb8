/** The three ways in which spikes reach their targets: the same results, on every device. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/device/index.ts';
import { RecurrentBatch, type RecurrentRecord } from '../../src/kernels/recurrent-batch.ts';
import { chooseMethod, type PropagationMethod, spikingShare } from '../../src/kernels/recurrent-method.ts';
import {
  type CompiledNetwork,
  type LifPopulation,
  type SynapseClass,
  synapseWord,
} from '../../src/kernels/recurrent-network.ts';
import { fixedPointShift } from '../../src/kernels/recurrent-numbers.ts';
import { keyOf, philox4x32, unitReal } from '../../src/random/philox.ts';
import { describeOnDevices } from '../devices.ts';
import { ReferenceRecurrent } from './recurrent-reference.ts';

const STEPS = 60;

interface Shape {
  readonly neurons: number;
  readonly sources?: number;
  readonly kinds?: readonly ('delta' | 'current' | 'conductance')[];
  readonly classes?: readonly SynapseClass[];
  readonly density?: number;
  readonly changes?: Partial<LifPopulation>;
}

/** A network in which everything that a kernel does happens within a few steps. */
function lively(seed: number, shape: Shape): CompiledNetwork {
  const { neurons, sources = 0, kinds = ['current', 'current'], density = 0.1 } = shape;
  const classes = shape.classes ?? [
    { channel: 0, delaySteps: 1, weight: 4 },
    { channel: 1 % kinds.length, delaySteps: 3, weight: -2.5 },
    { channel: 0, delaySteps: 7, weight: undefined },
  ];
  const draw = (index: number, stream: number) =>
    unitReal(philox4x32([index, stream, 0, 0], keyOf(1000 + seed))[0]);
  const all = neurons + sources;
  const rows = new Uint32Array(all + 1);
  const words: number[] = [];
  for (let source = 0; source < all; source++) {
    const row: number[] = [];
    for (let target = 0; target < neurons; target++) {
      const pair = source * neurons + target;
      if (draw(pair, 1) >= density) continue;
      row.push(synapseWord(target, Math.floor(draw(pair, 2) * classes.length)));
    }
    words.push(...row.sort((a, b) => a - b));
    rows[source + 1] = words.length;
  }
  const lif: LifPopulation = {
    kind: 'lif',
    name: 'neurons',
    first: 0,
    count: neurons,
    tauMembraneMs: 10,
    restMv: -60,
    biasMv: Float64Array.from({ length: neurons }, (_, index) => 8 + 8 * draw(index, 3)),
    thresholdMv: -50,
    reset: 'value',
    resetMv: -58,
    refractorySteps: 3,
    noiseMv: 0,
    channels: kinds.map((kind, index) => ({
      tauMs: 3 + index,
      reversalMv: kind === 'conductance' ? -10 : 0,
    })),
    poisson: [],
    initialMv: Float64Array.from({ length: neurons }, (_, index) => -60 + 9 * draw(index, 4)),
    ...shape.changes,
  };
  const rates = { kind: 'rates', rateHz: 60 } as const;
  return {
    name: `lively ${seed}`,
    dtMs: 1,
    seed,
    neurons: all,
    channels: kinds.map((kind, index) => ({ name: `channel ${index}`, kind })),
    populations: [
      lif,
      ...(sources > 0
        ? [{ kind: 'source', name: 'sources', first: neurons, count: sources, spikes: rates } as const]
        : []),
    ],
    synapses: {
      rows,
      words: Uint32Array.from(words),
      classes,
      weights: Float32Array.from(words, (_, index) => 3 * draw(index, 5) - 1),
    },
  };
}

function spikes(record: RecurrentRecord, neurons: number): string[] {
  const found: string[] = [];
  for (let step = 0; step < record.steps; step++) {
    for (let neuron = 0; neuron < neurons; neuron++) {
      const word = record.raster[step * record.rasterWords + (neuron >>> 5)] as number;
      if ((word >>> (neuron & 31)) & 1) found.push(`${record.firstStep + step}: ${neuron}`);
    }
  }
  return found;
}

const SHAPES: readonly (readonly [string, Shape])[] = [
  ['one neuron', { neurons: 1, density: 1 }],
  ['a group less one', { neurons: 63 }],
  ['a group and one', { neurons: 65 }],
  ['currents', { neurons: 150 }],
  ['sources at random', { neurons: 100, sources: 40 }],
  ['delta', { neurons: 130, kinds: ['delta', 'delta'] }],
  ['delta and current', { neurons: 100, kinds: ['delta', 'current'] }],
  ['conductances', { neurons: 100, kinds: ['conductance', 'current'], density: 0.02 }],
  [
    'four channels and Poisson input',
    {
      neurons: 70,
      kinds: ['current', 'delta', 'current', 'current'],
      changes: {
        poisson: [
          { channel: 0, meanPerStep: 0.3, weight: 2 },
          { channel: 1, meanPerStep: 1.5, weight: -0.25 },
        ],
      },
    },
  ],
  [
    'adaptive thresholds, subtraction and long delays',
    {
      neurons: 100,
      classes: [{ channel: 0, delaySteps: 40, weight: 3 }],
      changes: {
        reset: 'subtract',
        refractorySteps: 0,
        thresholdMv: 6,
        restMv: 0,
        initialMv: 0,
        adaptation: { incrementMv: 0.5, tauMs: 20 },
      },
    },
  ],
  ['no synapses', { neurons: 80, density: 0 }],
];

describeOnDevices('recurrent networks', (open, present) => {
  let device: Device;
  beforeAll(async () => {
    device = await open();
  });

  async function run(networks: readonly CompiledNetwork[], method: PropagationMethod, stepsPerLaunch = 23) {
    using batch = await RecurrentBatch.create(device, networks, {
      method,
      stepsPerLaunch,
      record: { raster: true, traces: networks.map(() => [0]) },
    });
    if (networks.length > 0) expect(batch.methodOf(0)).toBe(method);
    const records = await batch.run(STEPS);
    expect(batch.step).toBe(STEPS);
    const counts = await Promise.all(networks.map((_, slot) => batch.counts(slot)));
    const states = await Promise.all(networks.map((_, slot) => batch.state(slot)));
    return { records, counts, states };
  }

  describe.each(['network', 'scatter', 'gather'] as const)('%s', (method) => {
    it('agrees with the equations in f64 for networks of any size and kind side by side', async () => {
      const networks = SHAPES.map(([, shape], seed) => lively(seed, shape));
      const { records, counts, states } = await run(networks, method);
      let worst = 0;
      networks.forEach((network, slot) => {
        const reference = new ReferenceRecurrent(network, { fixedPointShift: fixedPointShift(network) });
        const expected = reference.run(STEPS);
        const record = records[slot] as RecurrentRecord;
        const name = SHAPES[slot]?.[0];
        expect(spikes(record, network.neurons), name).toEqual(
          expected.map(({ step, neuron }) => `${step}: ${neuron}`),
        );
        const count = new Uint32Array(network.neurons);
        for (const { neuron } of expected) count[neuron] = (count[neuron] as number) + 1;
        expect(counts[slot], name).toEqual(count);
        const lif = network.populations[0]?.count as number;
        states[slot]?.v.subarray(0, lif).forEach((v, neuron) => {
          // A step rounds some ten times, at most 60 mV to 2^-24 each; a membrane forgets with e^(-1/10) a step.
          worst = Math.max(worst, Math.abs(v - (reference.v[neuron] as number)) / 1e-3);
        });
        expect(record.traces.at(-1)).toBe(states[slot]?.v[0]);
      });
      console.info(`${present.name}, ${method}: worst error of v as a share of 1e-3 mV: ${worst.toFixed(3)}`);
      expect(worst).toBeLessThan(1);
      expect(counts.reduce((sum, all) => sum + all.reduce((a, b) => a + b, 0), 0)).toBeGreaterThan(2000);
    });

    it('gives the same bits whatever else is in the launch, and however time is cut', async () => {
      const networks = [3, 4, 9].map((seed) => lively(seed, SHAPES[seed]?.[1] as Shape));
      const together = await run(networks, method, 23);
      for (const [slot, network] of networks.entries()) {
        const alone = await run([network], method, 7);
        expect(alone.records[0]).toEqual(together.records[slot]);
        expect(alone.states[0]).toEqual(together.states[slot]);
      }
    });
  });

  it('has the same bits by all methods', async () => {
    const networks = [3, 8].map((seed) => lively(seed, SHAPES[seed]?.[1] as Shape));
    const [first, ...others] = await Promise.all(
      (['network', 'scatter', 'gather'] as const).map((method) => run(networks, method)),
    );
    for (const other of others) expect(other).toEqual(first);
  });

  it('does nothing for no networks and for no steps', async () => {
    expect((await run([], 'network')).records).toEqual([]);
    using batch = await RecurrentBatch.create(device, [lively(1, { neurons: 10 })]);
    await batch.run(0);
    expect(batch.step).toBe(0);
    expect((await batch.counts(0)).every((count) => count === 0)).toBe(true);
  });
});

describe('the choice of a method', () => {
  const small = lively(1, { neurons: 50 });
  const large = { ...small, neurons: 100_000 };

  it('is a workgroup for each small network and all workgroups for a large one', () => {
    expect(chooseMethod({ kind: 'webgpu' }, [small, small])).toBe('network');
    expect(chooseMethod({ kind: 'webgpu' }, [small, large])).toBe('scatter');
    expect(chooseMethod({ kind: 'native' }, [large])).toBe('network');
  });

  it('gathers where many neurons spike in a step', () => {
    const counts = Uint32Array.from([100, 300, 200, 0]);
    expect(spikingShare(counts, 1000)).toBeCloseTo(0.15, 12);
    expect(chooseMethod({ kind: 'webgpu' }, [large], spikingShare(counts, 1000))).toBe('gather');
    expect(chooseMethod({ kind: 'webgpu' }, [large], spikingShare(counts, 10_000))).toBe('scatter');
  });
});
