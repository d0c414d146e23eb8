/** The kernels of training by surrogate gradients: a batch forward, backward and an update. */
import type { BenchCase, BenchSuite } from '../suite.ts';
import { LIF, READOUT, STRONG, type TrainingSizes, TrainingWorkload } from '../training-work.ts';

export const training: BenchSuite = {
  name: 'training',
  about:
    'surrogate gradients: dense, recurrent and convolutional networks; the share of the roof of each kernel',
  timesKernels: true,
  cases: (device) => {
    const batch = device.info.software ? 8 : 64;
    return [
      // 784-256-10, the sizes of `mnist-dense`.
      trained('training:dense', {
        ...{ slots: 2, batch, steps: 20, input: [28, 28, 1], density: 0.05 },
        layers: [{ kind: 'dense', neurons: 256, init: STRONG, neuron: LIF }, READOUT],
      }),
      // 700-256-10 over 100 steps, as spoken words need it.
      trained('training:recurrent', {
        ...{ slots: 2, batch, steps: 100, input: [1, 1, 700], density: 0.03 },
        layers: [{ kind: 'dense', neurons: 256, init: STRONG, recurrent: {}, neuron: LIF }, READOUT],
      }),
      trained('training:conv', {
        ...{ slots: 2, batch: batch / 4, steps: 20, input: [28, 28, 1], density: 0.05 },
        layers: [
          { kind: 'conv', channels: 16, kernel: 5, init: STRONG, neuron: LIF },
          { kind: 'pool', kernel: 2, neuron: LIF },
          { kind: 'conv', channels: 32, kernel: 5, init: STRONG, neuron: LIF },
          READOUT,
        ],
      }),
    ];
  },
};

function trained(name: string, sizes: TrainingSizes): BenchCase {
  const { slots, batch, steps, input } = sizes;
  const inputs = input[0] * input[1] * input[2];
  return {
    name,
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
