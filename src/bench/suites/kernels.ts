/** Every kernel on its own, against the roofs; the suite `sizes` has the same cases at other sizes. */
import type { Device } from '../../device/device.ts';
import { philoxWordsCost } from '../../kernels/costs.ts';
import { type PropagationMethod, takesManySteps } from '../../kernels/recurrent-method.ts';
import { cuba } from '../../network/models/vogels-abbott.ts';
import { keyOf, philox4x32 } from '../../random/philox.ts';
import { DiehlCookWorkload, diehlCookCase } from '../diehl-cook-work.ts';
import { confirm } from '../errors.ts';
import { BENCH_STREAM, randomLaunch } from '../launches.ts';
import { RecurrentWorkload } from '../recurrent-work.ts';
import type { BenchCase, BenchSuite } from '../suite.ts';

/** CUBA as published. */
const RECURRENT_NEURONS = 4000;

export const kernels: BenchSuite = {
  name: 'kernels',
  about: 'every kernel: its time by the clock of the device, and its share of the roof',
  timesKernels: true,
  cases: (device) => {
    const slow = device.info.software;
    return [
      philoxWords('philox_words', slow ? 2 ** 25 : 2 ** 28),
      uniformWeights('uniform_weights', slow ? 4 : 32),
      ...[100, 400, 1000].map((neurons) => {
        return diehlCookCase(`diehl_cook:${neurons}`, new Array<number>(16).fill(neurons), slow ? 4 : 64);
      }),
      recurrent('recurrent_network', 'network', RECURRENT_NEURONS, slow ? 200 : 4000),
      recurrent('recurrent_modes', 'modes', RECURRENT_NEURONS, slow ? 1000 : 10_000),
      recurrent('recurrent:scatter', 'scatter', RECURRENT_NEURONS, slow ? 100 : 1000),
      recurrent('recurrent:gather', 'gather', RECURRENT_NEURONS, slow ? 20 : 200),
    ];
  },
};

export function philoxWords(name: string, bytes: number): BenchCase {
  return {
    name,
    kind: 'philox_words',
    work: `draws ${bytes / 2 ** 20} MiB of random words`,
    unit: 'word',
    prepare: async (device) => {
      const kernel = await device.kernel('philox_words');
      const words = device.createBuffer(bytes, 'words');
      return {
        check: async () => {
          device.run([randomLaunch(kernel, words, 7)]);
          const found = new Uint32Array(await device.read(words, bytes - 16, 16));
          const expected = philox4x32([bytes / 16 - 1, BENCH_STREAM, 0, 0], keyOf(7));
          confirm(
            expected.every((word, index) => word === found[index]),
            () => `philox_words drew ${found} instead of ${expected}`,
          );
        },
        run: async (repetition) => {
          device.run([randomLaunch(kernel, words, Date.now() + repetition)]);
          await device.idle();
          return { amount: bytes / 4, costs: { philox_words: philoxWordsCost(bytes / 16) } };
        },
        [Symbol.dispose]: () => words[Symbol.dispose](),
      };
    },
  };
}

export function uniformWeights(name: string, slots: number): BenchCase {
  return {
    name,
    kind: 'uniform_weights',
    work: `draws the weights of ${slots} networks of 1,000 neurons`,
    unit: 'weight',
    prepare: async (device: Device) => {
      const workload = await DiehlCookWorkload.create(device, new Array<number>(slots).fill(1000), 1);
      return {
        check: () => workload.check(),
        run: () => workload.begin(),
        [Symbol.dispose]: () => workload[Symbol.dispose](),
      };
    },
  };
}

export function recurrent(
  name: string,
  method: PropagationMethod,
  neurons: number,
  steps: number,
): BenchCase {
  const of = neurons === RECURRENT_NEURONS ? '' : ` of ${neurons} neurons`;
  const whole = takesManySteps(method);
  return {
    name,
    kind: `recurrent:${method}`,
    work: `${whole ? 'two CUBA networks' : 'a CUBA network'}${of}, ${steps} steps of 0.1 ms`,
    unit: 'network x second',
    prepare: async (device) => {
      const seeds = whole ? [1, 2] : [1];
      // As many synapses a neuron at every size, so that neurons get as much input.
      const probability = (0.02 * RECURRENT_NEURONS) / neurons;
      const networks = seeds.map((seed) => cuba({ seed, neurons, probability }).compile());
      const workload = await RecurrentWorkload.create(device, networks, method, steps);
      return {
        check: () => workload.check(),
        run: () => workload.run(),
        [Symbol.dispose]: () => workload[Symbol.dispose](),
      };
    },
  };
}
