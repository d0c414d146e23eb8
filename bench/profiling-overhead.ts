/**
 * What `tacet profile` costs the work that it watches: repetitions of a case with and without recording, in pairs whose
 * order alternates, on two devices that are otherwise alike.
 *
 *   node bench/profiling-overhead.ts [--device native] [--case kernels/diehl_cook:400,kernels/recurrent:scatter] [--pairs 15]
 *
 * Printed is the ratio of wall times of each pair, and of the processor times of the whole process, which other work on the
 * machine disturbs less: median, quartiles, and the smallest and largest. 1.10 is what profiling may cost.
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
    pairs: { type: 'string', default: '15' },
  },
});
const pairs = Number(values.pairs);

interface Cost {
  readonly wallMs: number;
  readonly processorMs: number;
}

async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const processor = process.cpuUsage();
  const started = performance.now();
  await work();
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(processor);
  return { wallMs, processorMs: (user + system) / 1000 };
}

async function ratiosOf(name: string): Promise<{ readonly wall: number[]; readonly processor: number[] }> {
  await using plain = await openDevice(values.device);
  await using timed = await openDevice(values.device, { timing: true });
  const profiled = new ProfiledDevice(timed, await measureLatencies(timed));
  const { bench } = findCase(name, plain);
  using without: PreparedCase = await bench.prepare(plain);
  using watched: PreparedCase = await bench.prepare(profiled);
  await without.check();
  await watched.check();
  const wall: number[] = [];
  const processor: number[] = [];
  for (let pair = 0; pair < pairs + 1; pair++) {
    profiled.restart();
    const both = new Map<PreparedCase, Cost>();
    for (const one of pair % 2 === 0 ? [without, watched] : [watched, without]) {
      both.set(one, await costOf(() => one.run(pair)));
    }
    profiled.pause();
    const [a, b] = [both.get(without), both.get(watched)];
    // The first pair compiles and warms up.
    if (pair === 0 || a === undefined || b === undefined) continue;
    wall.push(b.wallMs / a.wallMs);
    processor.push(b.processorMs / a.processorMs);
  }
  await profiled.finish();
  return { wall, processor };
}

function said(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b);
  const [low, quarter, middle, upper, high] = [0, 0.25, 0.5, 0.75, 1].map((q) =>
    quantile(sorted, q).toFixed(3),
  );
  return `${middle} (quartiles ${quarter} to ${upper}, all ${low} to ${high})`;
}

console.log(
  `| case on ${values.device}, ${pairs} pairs | wall time with over without | processor time |\n| --- | --- | --- |`,
);
for (const name of values.case.split(',')) {
  const { wall, processor } = await ratiosOf(name);
  console.log(`| ${name} | ${said(wall)} | ${said(processor)} |`);
}
