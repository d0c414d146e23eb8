/**
 * What `tacet profile` costs the work that it watches: repetitions of a case with and without recording in turn, on two
 * devices that are otherwise alike.
 *
 *   node bench/profiling-overhead.ts [--device native] [--case kernels/diehl_cook:400,kernels/recurrent:scatter]
 *     [--pairs 16] [--side 300] [--control]
 *
 * Of a short case, as many repetitions as take `--side` ms make a side of a pair, as a few ms say nothing on a machine that
 * others use. Every few pairs the devices are opened anew in the other order: of two software adapters that are alike, the one
 * opened last was up to 30 % slower for as long as it lived.
 *
 * Printed is the ratio of wall times of each pair, and of the processor times of the whole process, which other work on the
 * machine disturbs less: median, quartiles, and the smallest and largest. 1.10 is what profiling may cost. With `--control`
 * neither of the two records: what its ratios are off by from 1 is the noise of the others.
 */
import { parseArgs } from 'node:util';
import { measureLatencies } from '../src/bench/roofs.ts';
import { quantile } from '../src/bench/statistics.ts';
import type { PreparedCase } from '../src/bench/suite.ts';
import { openDevice } from '../src/device/index.ts';
import { findCase } from '../src/profile/case.ts';
import { ProfiledDevice } from '../src/profile/profiled-device.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'native' },
    case: {
      type: 'string',
      default:
        'kernels/diehl_cook:400,kernels/recurrent:scatter,training/training:dense,lyapunov/tangents:batch',
    },
    pairs: { type: 'string', default: '16' },
    side: { type: 'string', default: '300' },
    control: { type: 'boolean', default: false },
  },
});
const pairs = Number(values.pairs);
/** Pairs before devices are opened anew. */
const PAIRS_OF_DEVICES = 2;

interface Cost {
  wallMs: number;
  processorMs: number;
}

interface Ratios {
  readonly wall: number[];
  readonly processor: number[];
}

/** A case on a device of its own, which records or does not. */
interface Side extends AsyncDisposable {
  readonly profiled: ProfiledDevice | undefined;
  readonly work: PreparedCase;
}

async function openSide(name: string, records: boolean): Promise<Side> {
  const device = await openDevice(values.device, records ? { timing: 'sparing' } : {});
  const profiled = records ? new ProfiledDevice(device, await measureLatencies(device)) : undefined;
  const { bench } = findCase(name, device);
  const work = await bench.prepare(profiled ?? device);
  await work.check();
  const dispose = async () => {
    work[Symbol.dispose]();
    await device[Symbol.asyncDispose]();
  };
  return { profiled, work, [Symbol.asyncDispose]: dispose };
}

async function addCost(to: Cost, work: () => Promise<unknown>): Promise<void> {
  const processor = process.cpuUsage();
  const started = performance.now();
  await work();
  to.wallMs += performance.now() - started;
  const { user, system } = process.cpuUsage(processor);
  to.processorMs += (user + system) / 1000;
}

/** @returns what repetitions cost without and with recording, one of each in turn */
async function pairOf(plain: Side, watched: Side, first: number, count: number): Promise<[Cost, Cost]> {
  watched.profiled?.restart();
  const costs: [Cost, Cost] = [
    { wallMs: 0, processorMs: 0 },
    { wallMs: 0, processorMs: 0 },
  ];
  for (let repetition = first; repetition < first + count; repetition++) {
    const order = repetition % 2 === 0 ? [0, 1] : [1, 0];
    for (const which of order) {
      const side = which === 0 ? plain : watched;
      await addCost(costs[which] as Cost, () => side.work.run(repetition));
    }
  }
  return costs;
}

async function ratiosOfDevices(name: string, plainFirst: boolean, count: number): Promise<Ratios> {
  const records = !values.control;
  await using one = await openSide(name, records && !plainFirst);
  await using other = await openSide(name, records && plainFirst);
  const [plain, watched] = plainFirst ? [one, other] : [other, one];
  // The first repetitions compile and warm up, the next one says how many make a side.
  await pairOf(plain, watched, 0, 2);
  const [alone] = await pairOf(plain, watched, 2, 1);
  const repetitions = Math.max(1, Math.ceil(Number(values.side) / alone.wallMs));
  const ratios: Ratios = { wall: [], processor: [] };
  for (let pair = 0; pair < count; pair++) {
    const [without, with_] = await pairOf(plain, watched, 3 + pair * repetitions, repetitions);
    ratios.wall.push(with_.wallMs / without.wallMs);
    ratios.processor.push(with_.processorMs / without.processorMs);
  }
  await watched.profiled?.finish();
  return ratios;
}

async function ratiosOf(name: string): Promise<Ratios> {
  const all: Ratios = { wall: [], processor: [] };
  for (let opening = 0; all.wall.length < pairs; opening++) {
    const count = Math.min(PAIRS_OF_DEVICES, pairs - all.wall.length);
    const { wall, processor } = await ratiosOfDevices(name, opening % 2 === 0, count);
    all.wall.push(...wall);
    all.processor.push(...processor);
  }
  return all;
}

function said(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b);
  const [low, quarter, middle, upper, high] = [0, 0.25, 0.5, 0.75, 1].map((q) =>
    quantile(sorted, q).toFixed(3),
  );
  return `${middle} (quartiles ${quarter} to ${upper}, all ${low} to ${high})`;
}

const what = values.control ? 'a device over another, neither records' : 'with over without recording';
console.log(`| case on ${values.device}, ${pairs} pairs | wall time, ${what} | processor time |`);
console.log('| --- | --- | --- |');
for (const name of values.case.split(',')) {
  const { wall, processor } = await ratiosOf(name);
  console.log(`| ${name} | ${said(wall)} | ${said(processor)} |`);
}
