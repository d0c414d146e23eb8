/**
 * Times of building networks on the host: rules of connection, distributions, and reading matrices; about ten million
 * synapses each, on one core. Processor time, so that other work on the machine disturbs it less; after a warm-up, the
 * median of the repetitions with the lowest and the highest.
 *
 *   node bench/connectivity.ts [--repetitions 3]
 */
import { parseArgs } from 'node:util';
import {
  clusteredSmallWorld,
  connect,
  dense,
  distanceDependent,
  fixedInDegree,
  fixedProbability,
  type Places,
  type Rule,
  smallWorld,
} from '../src/network/connectivity/index.ts';
import { gamma, logNormal, normal, uniform, type Values, valuesOf } from '../src/network/distributions.ts';
import { brunel } from '../src/network/models/brunel.ts';
import { grid, placeNeurons } from '../src/network/positions.ts';
import { keyOf, STREAMS } from '../src/random/philox.ts';

const { values: options } = parseArgs({ options: { repetitions: { type: 'string', default: '3' } } });
const repetitions = Number(options.repetitions);
const key = keyOf(1);
const COUNT = 10_000_000;

const side = 316;
const positions = placeNeurons(grid(side, side), side * side, key, 0, 'neurons');
const gaussian = distanceDependent({ kernel: 'gaussian', peak: 0.5, width: 5.6, wrap: true });
const clusters = clusteredSmallWorld({ clusters: 10, degree: 80, rewire: 0.1, betweenDegree: 10 });

const rules: readonly (readonly [name: string, rule: Rule, neurons: number, places?: Places])[] = [
  ['dense', dense(), 3162],
  ['fixed probability 0.1', fixedProbability(0.1), 10_000],
  ['fixed in-degree 1,000', fixedInDegree(1000), 10_000],
  ['small world, degree 100', smallWorld({ degree: 100, rewire: 0.1 }), 100_000],
  ['clustered small world', clusters, 100_000],
  ['distance, 98 a neuron', gaussian, side * side, { sources: positions, targets: positions }],
];

const distributions: readonly (readonly [name: string, values: Values])[] = [
  ['uniform', uniform(0, 1)],
  ['normal', normal({ mean: 1, standardDeviation: 0.5 })],
  ['log-normal', logNormal({ mean: 1, standardDeviation: 0.5 })],
  ['gamma', gamma({ shape: 3, mean: 1 })],
];

/** Prints the nanoseconds of processor time per item. */
function time(name: string, run: () => number): void {
  run();
  const figures: number[] = [];
  let items = 0;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const before = process.cpuUsage().user;
    items = run();
    figures.push(((process.cpuUsage().user - before) * 1000) / items);
  }
  figures.sort((a, b) => a - b);
  const shown = [figures[figures.length >> 1], figures[0], figures.at(-1)].map((ns) => (ns ?? 0).toFixed(0));
  console.log(
    `${name.padEnd(32)} ${items.toLocaleString('en-US').padStart(12)}  ${shown[0]} ns each (${shown[1]} to ${shown[2]})`,
  );
}

for (const [name, rule, neurons, places] of rules) {
  const ends = { sources: neurons, targets: neurons, selfShift: 0, place: name };
  time(name, () => connect(rule, ends, key, 0, places).targets.length);
}
for (const [name, values] of distributions) {
  const address = { key, stream: STREAMS.weights, group: 0 };
  time(`${name} values`, () => (valuesOf(values, COUNT, address, name) as Float64Array).length);
}
time('brunel, compiled', () => brunel({ seed: 1 }).compile().synapses.words.length);
