/** Every kernel on its own, against the roofs. */
import type { Device } from '../../device/device.ts';
import { philoxWordsCost } from '../../kernels/costs.ts';
import { cuba } from '../../network/models/vogels-abbott.ts';
import { keyOf, philox4x32 } from '../../random/philox.ts';
import { DiehlCookWorkload, diehlCookCase } from '../diehl-cook-work.ts';
import { confirm } from '../errors.ts';
import { BENCH_STREAM, randomLaunch } from '../launches.ts';
import { RecurrentWorkload } from '../recurrent-work.ts';
import type { BenchCase, BenchSuite } from '../suite.ts';

export const kernels: BenchSuite = {
  name: 'kernels',
  about: 'every kernel: its time by the clock of the device, and its share of the roof',
  timesKernels: true,
  cases: (device) => {
    const slow = device.info.software;
    return [
      philoxWords(slow ? 2 ** 25 : 2 ** 28),
      uniformWeights(slow ? 4 : 32),
      ...[100, 400, 1000].map((neurons) => {
        return diehlCookCase(`diehl_cook:${neurons}`, new Array<number>(16).fill(neurons), slow ? 4 : 64);
      }),
      recurrent('network', slow ? 200 : 4000),
      recurrent('scatter', slow ? 100 : 1000),
      recurrent('gather', slow ? 20 : 200),
    ];
  },
};

function philoxWords(bytes: number): BenchCase {
  return {
    name: 'philox_words',
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

function uniformWeights(slots: number): BenchCase {
  return {
    name: 'uniform_weights',
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

function recurrent(method: 'network' | 'scatter' | 'gather', steps: number): BenchCase {
  return {
    name: method === 'network' ? 'recurrent_network' : `recurrent:${method}`,
    work: `${method === 'network' ? 'two CUBA networks' : 'a CUBA network'}, ${steps} steps of 0.1 ms`,
    unit: 'network x second',
    prepare: async (device) => {
      const seeds = method === 'network' ? [1, 2] : [1];
      const networks = seeds.map((seed) => cuba({ seed }).compile());
      const workload = await RecurrentWorkload.create(device, networks, method, steps);
      return {
        check: () => workload.check(),
        run: () => workload.run(),
        [Symbol.dispose]: () => workload[Symbol.dispose](),
      };
    },
  };
}
