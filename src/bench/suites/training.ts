/** The kernels of training by surrogate gradients: a batch forward, backward and an update. */
import type { DeviceInfo } from '../../device/device.ts';
import type { BenchCase, BenchSuite } from '../suite.ts';
import { LIF, READOUT, STRONG, type TrainingSizes, TrainingWorkload } from '../training-work.ts';

export const training: BenchSuite = {
  name: 'training',
  about:
    'surrogate gradients: dense, recurrent and convolutional networks; the share of the roof of each kernel',
  timesKernels: true,
  cases: ({ info }) => [
    dense('training:dense', info, 256),
    recurrent('training:recurrent', info, 256),
    convolutional('training:conv', info, 16),
  ],
};

function batchOf({ software }: DeviceInfo): number {
  return software ? 8 : 64;
}

/** 784 inputs, hidden neurons, 10: with 256 the sizes of `mnist-dense`. */
export function dense(name: string, info: DeviceInfo, neurons: number): BenchCase {
  return trained(name, 'dense', {
    ...{ slots: 2, batch: batchOf(info), steps: 20, input: [28, 28, 1], density: 0.05 },
    layers: [{ kind: 'dense', neurons, init: STRONG, neuron: LIF }, READOUT],
  });
}

/** 700 inputs, hidden neurons, 10, over 100 steps, as spoken words need it. */
export function recurrent(name: string, info: DeviceInfo, neurons: number): BenchCase {
  return trained(name, 'recurrent', {
    ...{ slots: 2, batch: batchOf(info), steps: 100, input: [1, 1, 700], density: 0.03 },
    layers: [{ kind: 'dense', neurons, init: STRONG, recurrent: {}, neuron: LIF }, READOUT],
  });
}

/** Two convolutions, the second with twice as many channels, and a pool between them. */
export function convolutional(name: string, info: DeviceInfo, channels: number): BenchCase {
  return trained(name, 'conv', {
    ...{ slots: 2, batch: batchOf(info) / 4, steps: 20, input: [28, 28, 1], density: 0.05 },
    layers: [
      { kind: 'conv', channels, kernel: 5, init: STRONG, neuron: LIF },
      { kind: 'pool', kernel: 2, neuron: LIF },
      { kind: 'conv', channels: 2 * channels, kernel: 5, init: STRONG, neuron: LIF },
      READOUT,
    ],
  });
}

function trained(name: string, kind: string, sizes: TrainingSizes): BenchCase {
  const { slots, batch, steps, input } = sizes;
  const inputs = input[0] * input[1] * input[2];
  return {
    name,
    kind: `training:${kind}`,
    work: `a batch of ${batch} samples of ${inputs} inputs and ${steps} steps, ${slots} networks: forward, backward, update`,
    unit: 'sample x network',
    prepare: async (device) => {
      const workload = await TrainingWorkload.create(device, sizes);
      return {
        check: () => workload.check(),
        run: (repetition) => workload.run(repetition),
        [Symbol.dispose]: () => workload[Symbol.dispose](),
      };
    },
  };
}
