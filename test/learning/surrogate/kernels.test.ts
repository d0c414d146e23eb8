/** Loss, spikes and gradients of the kernels against the reference in double precision, on every device. */
import { expect, it } from 'vitest';
import type { SampleSource } from '../../../src/data/samples.ts';
import type { Device } from '../../../src/device/index.ts';
import type { Layer, TrainingDescription } from '../../../src/learning/surrogate/description.ts';
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
  using trainer = await SurrogateTrainer.create(device, {
    slots: networks.length,
    batchSize: SAMPLES + 1,
    input: data,
    networks,
    ...options,
  });
  networks.forEach((network, slot) => {
    trainer.load(slot, network);
  });
  const reports = await trainer.differentiate(
    data,
    Uint32Array.from({ length: SAMPLES }, (_, index) => index),
  );
  for (const [slot, network] of networks.entries()) {
    const { parameters } = await trainer.save(slot);
    const reference = new Reference(network, data.shape, data.steps, parameters);
    const sums: Gradients = {};
    let loss = 0;
    const spikes = network.layers.map(() => 0);
    for (let b = 0; b < SAMPLES; b++) {
      const run = reference.run(data.dense[b] as readonly (readonly number[])[], data.labels[b] as number, {
        smooth: false,
        gradients: true,
      });
      loss += run.loss / SAMPLES;
      run.outputs.forEach((rows, l) => {
        spikes[l] =
          (spikes[l] as number) + rows.flatMap((row) => [...row]).reduce((a, x) => a + x, 0) / SAMPLES;
      });
      for (const [name, values] of Object.entries(run.gradients)) {
        const sum = sums[name] ?? new Float64Array(values.length);
        sums[name] = sum.map((value, index) => value + (values[index] as number) / SAMPLES);
      }
    }
    const report = reports[slot];
    expect(report?.layerSpikes.map((count) => Math.round(count * SAMPLES))).toEqual(
      spikes.map((count) => Math.round(count * SAMPLES)),
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
      READOUT,
    ]);
    await compare(device, [network], data);
    // Room for about a third of the steps.
    await compare(device, [network], data, { memoryBytes: 250_000 });
  });
});
