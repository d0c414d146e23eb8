/**
 * Pruning by its steps: the covariance, betweenness, the stable linearization, and the whole of it with exponents;
 * `processor` is the processor time of the whole, all threads together.
 *
 *   node_modules/.bin/node bench/pruning.ts                 # N = 1,000
 *   node_modules/.bin/node bench/pruning.ts --size 5000 --repetitions 1
 *
 * What bounds it: the covariance is dense, six matrices of N x N doubles (48 N^2 bytes: 1.2 GB at N = 5,000) and about
 * 6 N^3 operations for each of some ten doublings; exponents by the route `rate` are the eigenvalues of another dense
 * matrix. The rest goes with the synapses: betweenness is N searches of E edges.
 */
import { parseArgs } from 'node:util';
import { openDevice } from '../src/device/index.ts';
import { loadLinearAlgebra } from '../src/linalg/index.ts';
import { hrsnn } from '../src/network/models/hrsnn.ts';
import { graphOfNetwork, pruneNetwork } from '../src/pruning/index.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1000' },
    repetitions: { type: 'string', default: '3' },
    device: { type: 'string', default: 'native' },
    exponents: { type: 'string', default: '64' },
    /** Participation ratios before and after: three eigendecompositions that pruning itself doesn't need. */
    localization: { type: 'boolean', default: false },
  },
});
const algebra = loadLinearAlgebra();
await using device = await openDevice(values.device);
const network = hrsnn({ neurons: Number(values.size) }).compile();
const { graph } = graphOfNetwork(network);
console.log(
  `${device.info.name}, linear algebra ${algebra.kind}: N = ${graph.nodes}, ${graph.sources.length} synapses, to 20 % of them and 50 % of the neurons`,
);
const times: Record<string, number[]> = {};
for (let repetition = 0; repetition < Number(values.repetitions); repetition++) {
  const started = performance.now();
  const before = process.cpuUsage();
  const { result } = await pruneNetwork(
    device,
    algebra,
    network,
    { seed: repetition, measureLocalization: values.localization },
    { spectrum: { exponents: Number(values.exponents) } },
  );
  const { user, system } = process.cpuUsage(before);
  const whole = (performance.now() - started) / 1000;
  const steps = { whole, processor: (user + system) / 1e6, ...result.rounds[0]?.seconds };
  for (const [name, seconds] of Object.entries(steps)) {
    times[name] = [...(times[name] ?? []), seconds];
  }
}
for (const [name, list] of Object.entries(times)) {
  const sorted = list.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(16)} ${median(list).toFixed(2)} s (${(sorted[0] as number).toFixed(2)} to ${(sorted.at(-1) as number).toFixed(2)})`,
  );
}
console.log(`peak memory ${(process.resourceUsage().maxRSS / 2 ** 20).toFixed(2)} GB`);
