/** How throughput grows with slots, with neurons and with synapses. */
import { cuba } from '../../network/models/vogels-abbott.ts';
import { diehlCookCase } from '../diehl-cook-work.ts';
import { RecurrentWorkload } from '../recurrent-work.ts';
import type { BenchCase, BenchSuite } from '../suite.ts';

export const scaling: BenchSuite = {
  name: 'scaling',
  about: 'slots 1 to what the device needs and beyond, neurons, synapses',
  timesKernels: false,
  cases: (device) => {
    const { software, kind } = device.info;
    const most = kind === 'webgpu' && !software ? 512 : 64;
    const slots = [];
    for (let count = 1; count <= most; count *= 4) slots.push(count);
    return [
      ...slots.map((count) =>
        diehlCookCase(`slots=${count}`, new Array<number>(count).fill(200), software ? 4 : 64),
      ),
      ...[50, 200, 800, 2000].map((n) =>
        diehlCookCase(`neurons=${n}`, new Array<number>(8).fill(n), software ? 2 : 32),
      ),
      ...[0.005, 0.02, 0.08].map((probability) => synapses(probability, software ? 10 : 200)),
    ];
  },
};

/** CUBA with other densities; weights shrink as connections grow, so that neurons get as much input. */
function synapses(probability: number, durationMs: number): BenchCase {
  const scale = Math.sqrt(0.02 / probability);
  return {
    name: `synapses=${(probability * 16).toFixed(2)}M`,
    work: `two networks of 4,000 neurons, each connected to ${(100 * probability).toFixed(1)} %, ${durationMs} ms`,
    unit: 'network x second',
    prepare: async (device) => {
      const make = (seed: number) => {
        const weights = { excitatoryWeight: 1.62 * scale, inhibitoryWeight: -9 * scale };
        return cuba({ seed, probability, ...weights }).compile();
      };
      const workload = await RecurrentWorkload.create(device, [make(1), make(2)], 'network', durationMs * 10);
      return {
        check: () => workload.check(),
        run: () => workload.run(),
        [Symbol.dispose]: () => workload[Symbol.dispose](),
      };
    },
  };
}
