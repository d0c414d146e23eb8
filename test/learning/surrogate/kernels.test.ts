/** Loss, spikes and gradients of the kernels against the reference in double precision, on every device. */
import { expect, it } from 'vitest';
import type { SampleSource } from '../../../src/data/samples.ts';
import type { Device } from '../../../src/device/index.ts';
import type { Layer, TrainingDescription } from '../../../src/learning/surrogate/description.ts';
import { slayerNeuron } from '../../../src/learning/surrogate/slayer-neuron.ts';
import { SurrogateTrainer } from '../../../src/learning/surrogate/trainer.ts';
import { describeOnDevices } from '../../devices.ts';
import { description, neuron, READOUT, randomSpikes, randomValues } from './networks.ts';
import { type Gradients, Reference } from './reference.ts';

const SAMPLES = 5;
const STEPS = 13;

type Data = SampleSource & { readonly dense: readonly (readonly (readonly number[])[])[] };

/** Trains nothing: loss and gradients of all samples as one batch, in each slot, by kernels and by the reference. */
async function compare(
  device: Device,
  networks: readonly TrainingDescription[],
  data: Data,
  options: { readonly memoryBytes?: number } = {},
): Promise<void> {
  const { samples } = data;
  using trainer = await SurrogateTrainer.create(device, {
    slots: networks.length,
    batchSize: samples + 1,
    input: data,
    networks,
    ...options,
  });
  networks.forEach((network, slot) => {
    trainer.load(slot, network);
  });
  const reports = await trainer.differentiate(
    data,
    Uint32Array.from({ length: samples }, (_, index) => index),
  );
  for (const [slot, network] of networks.entries()) {
    const { parameters } = await trainer.save(slot);
    const reference = new Reference(network, data.shape, data.steps, parameters);
    const sums: Gradients = {};
    let loss = 0;
    const spikes = network.layers.map(() => 0);
    for (let b = 0; b < samples; b++) {
      const run = reference.run(data.dense[b] as readonly (readonly number[])[], data.labels[b] as number, {
        smooth: false,
        gradients: true,
      });
      loss += run.loss / samples;
      run.outputs.forEach((rows, l) => {
        spikes[l] =
          (spikes[l] as number) + rows.flatMap((row) => [...row]).reduce((a, x) => a + x, 0) / samples;
      });
      for (const [name, values] of Object.entries(run.gradients)) {
        const sum = sums[name] ?? new Float64Array(values.length);
        sums[name] = sum.map((value, index) => value + (values[index] as number) / samples);
      }
    }
    const report = reports[slot];
    expect(report?.layerSpikes.map((count) => Math.round(count * samples))).toEqual(
      spikes.map((count) => Math.round(count * samples)),
    );
    const penalised = network.layers.some(({ rate }) => rate !== undefined);
    if (!penalised)
      expect(Math.abs((report?.loss ?? Number.NaN) - loss)).toBeLessThan(1e-4 * Math.max(1, loss));
    const gradients = await trainer.gradients(slot);
    for (const [l, layer] of network.layers.entries()) {
      const learned = layer.neuron.learn ?? [];
      const names = [
        ...(layer.kind === 'pool' ? [] : ['weight']),
        ...(layer.kind === 'dense' && layer.recurrent ? ['recurrent'] : []),
        ...(layer.kind === 'dense' ? ['bias', ...learned] : []),
      ];
      for (const name of names) {
        const right = sums[`${l}.${name}`] as Float64Array;
        const found = gradients[`${l}.${name}`]?.values as Float32Array;
        const scale = Math.max(1e-7, ...right.map(Math.abs));
        const worst = Math.max(
          ...right.map((value, index) => Math.abs(value - (found[index] as number)) / scale),
        );
        expect(worst, `slot ${slot}, layer ${l}, ${name}`).toBeLessThan(1e-3);
      }
    }
  }
}

/** The same device as if it were a card: kernels are made with the sizes of workgroups that cards get. */
function asCard(device: Device): Device {
  const info = { ...device.info, software: false };
  return new Proxy(device, {
    get: (target, key) => {
      if (key === 'info') return info;
      const value: unknown = Reflect.get(target, key);
      // A device's methods reach its private fields.
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const hidden = (more: Partial<Layer> = {}, of = {}, neurons = 37): Layer =>
  ({
    kind: 'dense',
    neurons,
    init: { kind: 'uniform', gain: 2.5 },
    bias: true,
    neuron: neuron('fast-sigmoid', of),
    ...more,
  }) as Layer;

const learn = ['currentDecay', 'membraneDecay', 'threshold'] as const;
const SLAYER = {
  reset: 'none',
  adaptation: 0.15,
  adaptationDecay: 0.9,
  detachAdaptation: true,
  refractory: 1.5,
  refractoryDecay: 0.7,
} as const;
const SPIKING: Layer = {
  kind: 'dense',
  neurons: 3,
  init: { kind: 'uniform', gain: 2 },
  neuron: neuron('gaussian'),
};

const CASES: readonly (readonly [string, readonly TrainingDescription[]])[] = [
  ['two layers of LIF', [description([hidden(), hidden({}, {}, 21), READOUT])]],
  [
    'recurrent, reset differentiated',
    [description([hidden({ recurrent: {} } as never, { detachReset: false }), READOUT])],
  ],
  [
    'recurrent, current-based, all constants learned',
    [
      description([
        hidden({ recurrent: {} } as never, { currentDecay: 0.5, learn, detachReset: false }),
        READOUT,
      ]),
    ],
  ],
  [
    'adaptive threshold, to zero',
    [
      description([
        hidden({ recurrent: {} } as never, {
          reset: 'zero',
          detachReset: false,
          adaptation: 0.2,
          adaptationDecay: 0.9,
          learn,
        }),
        READOUT,
      ]),
    ],
  ],
  [
    "SLAYER's neurons, beside adaptive ones",
    [
      description([
        hidden({}, { ...SLAYER, learn }),
        hidden({ recurrent: {} } as never, { ...SLAYER, currentDecay: 0.4 }, 21),
        READOUT,
      ]),
      description([
        hidden({}, { adaptation: 0.2, adaptationDecay: 0.8 }, 11),
        hidden({}, { adaptation: 0.1, adaptationDecay: 0.8, detachAdaptation: true }, 9),
        READOUT,
      ]),
    ],
  ],
  [
    'spiking output, rates kept between bounds',
    [
      description([hidden({ rate: { low: 0.1, high: 0.2, weight: 0.5 } }), SPIKING], {
        loss: { kind: 'spike-max', epsilon: 0.02 },
      }),
    ],
  ],
  [
    'rate-mse, sum',
    [description([hidden(), SPIKING], { loss: { kind: 'rate-mse', rateTrue: 0.6, rateFalse: 0.05 } })],
  ],
  [
    'output a step later',
    [
      description([hidden({ shift: true }), { ...SPIKING, shift: true }], {
        loss: { kind: 'rate-cross-entropy', gain: 4 },
      }),
    ],
  ],
  [
    'slots of different sizes, surrogates, resets and losses',
    [
      description([hidden({ recurrent: {} } as never, {}, 40), READOUT]),
      description(
        [hidden({}, { reset: 'zero', surrogate: { kind: 'triangular', slope: 0.5 } }, 9), READOUT],
        {
          loss: { kind: 'membrane-mean' },
          seed: 8,
        },
      ),
      description([
        hidden(
          { recurrent: {} } as never,
          { reset: 'none', surrogate: { kind: 'exponential', slope: 1 } },
          65,
        ),
        READOUT,
      ]),
    ],
  ],
];

describeOnDevices('surrogate gradients', (open) => {
  const data = randomSpikes(SAMPLES, STEPS, [1, 1, 45]);

  it.each(CASES)('%s', async (_, networks) => {
    await compare(await open(), networks, data);
  });

  it('convolution with stride, padding and dilation, pooling, dense', async () => {
    const image = randomSpikes(SAMPLES, STEPS, [7, 6, 2]);
    const init = { kind: 'normal', gain: 2 } as const;
    const layers: Layer[] = [
      { kind: 'conv', channels: 5, kernel: 2, padding: 1, dilation: 2, neuron: neuron(), init },
      { kind: 'pool', kernel: 2, stride: 2, weight: 0.6, neuron: neuron('arctangent') },
      { kind: 'conv', channels: 4, kernel: 2, neuron: neuron(), init },
      READOUT,
    ];
    await compare(await open(), [description(layers)], image);
  });

  it('convolution with quads of channels, more than a vector of them, rows of more than a tile', async () => {
    const image = randomSpikes(SAMPLES, STEPS, [7, 13, 3]);
    const init = { kind: 'normal', gain: 2 } as const;
    const layers: Layer[] = [
      { kind: 'conv', channels: 20, kernel: 2, neuron: neuron(), init },
      { kind: 'pool', kernel: 2, stride: 1, weight: 0.6, neuron: neuron('arctangent') },
      { kind: 'conv', channels: 4, kernel: 3, stride: 2, padding: 2, neuron: neuron(), init },
      READOUT,
    ];
    await compare(await open(), [description(layers)], image);
  });

  it('of more samples than share their weights, as cards run it', async () => {
    const samples = randomSpikes(11, STEPS, [1, 1, 45]);
    const networks = [40, 130].map((neurons) =>
      description([hidden({ recurrent: {} } as never, { learn, currentDecay: 0.5 }, neurons), READOUT]),
    );
    const device = await open();
    await compare(device, networks, samples);
    await compare(asCard(device), networks, samples);
  });

  it('of real-valued inputs, in slots of different sizes', async () => {
    const network = description([hidden({ recurrent: {} } as never), READOUT]);
    const smaller = description([hidden({}, {}, 5), READOUT], { seed: 3 });
    await compare(await open(), [network, smaller], randomValues(SAMPLES, STEPS, 7));
  });

  it('are the same when steps are cut into segments', async () => {
    const device = await open();
    const network = description([
      hidden({ recurrent: {} } as never, { currentDecay: 0.5, learn, adaptation: 0.2, adaptationDecay: 0.9 }),
      hidden({}, { detachReset: false }, 20),
      hidden({}, SLAYER, 18),
      READOUT,
    ]);
    await compare(device, [network], data);
    // Room for about a third of the steps.
    await compare(device, [network], data, { memoryBytes: 300_000 });
  });

  it("of SLAYER's neuron are those of the recorded system's test vector", async () => {
    // docs/slayer.md: integers of 1/4096. Theirs are cut to whole ones at each step, which moves no spike here.
    const x = [2432, 0, 2432, 2432, 0, -1216, 2432, 2432, 0, 0, -4864, 76, 4864, 4864, 0, 0];
    const spikes = [0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1];
    const potentials = [
      2432, 4012, 7410, 11950, 14714, 14995, 17241, 20757, 22610, 23294, 18309, 14563, 16535, 22315, 25658,
      27271,
    ];
    const bounds = [
      5120, 5120, 5120, 12901, 10627, 17492, 13879, 20239, 25370, 19456, 24880, 19115, 15047, 21434, 26508,
      20267,
    ];
    const layer: Layer = {
      kind: 'dense',
      neurons: 1,
      neuron: slayerNeuron({
        threshold: 1.25,
        thresholdStep: 0.1875,
        currentDecay: 1024 / 4096,
        voltageDecay: 410 / 4096,
        thresholdDecay: 819 / 4096,
        refractoryDecay: 1229 / 4096,
        tauGrad: 0.02,
        scaleGrad: 0.5,
      }),
    };
    const network = description([layer], {
      loss: { kind: 'rate-mse', rateTrue: 1, rateFalse: 0 },
    });
    const values = { ...randomValues(1, 16, 1, { classes: 1 }), dense: [x.map((value) => [value / 4096])] };
    const source = {
      ...values,
      batch: () => ({ kind: 'values' as const, values: Float32Array.from(x, (value) => value / 4096) }),
    };
    using trainer = await SurrogateTrainer.create(await open(), {
      batchSize: 1,
      input: source,
      networks: [network],
    });
    const weights = { '0.weight': { shape: [1, 1], values: Float32Array.of(1) } };
    const fresh = { description: network, input: [1, 1, 1] as const, steps: 16 };
    trainer.load(0, network);
    const { parameters } = await trainer.save(0);
    trainer.load(0, { ...fresh, parameters: { ...parameters, ...weights } });
    await trainer.differentiate(source, Uint32Array.of(0));
    const words = await trainer.readSpikes(0);
    expect(Array.from(words.subarray(0, 16), (word) => word & 1)).toEqual(spikes);
    // The gradient of the weight: the sum of x[t] dL/dx[t] by the recorded system's equations, from its states.
    const rate = spikes.reduce((sum, spike) => sum + spike, 0) / 16;
    const [tau, sigma] = [100 * 0.02 * 1.25, 0.1 * 0.5];
    let [ofV, ofI, sum] = [0, 0, 0];
    for (let t = 15; t >= 0; t--) {
      const distance = ((potentials[t] as number) - (bounds[t] as number)) / 4096;
      const slope = (sigma / (2 * tau)) * Math.exp(-Math.abs(distance) / tau);
      ofV = ((2 * (rate - 1)) / 16) * slope + (1 - 410 / 4096) * ofV;
      ofI = ofV + (1 - 1024 / 4096) * ofI;
      sum += ((x[t] as number) / 4096) * ofI;
    }
    const found = (await trainer.gradients(0))['0.weight']?.values[0] as number;
    expect(Math.abs(found / sum - 1)).toBeLessThan(1e-3);
  });
});
