/** Runs the cases of suites on a device: checked, warmed up, repeated. */
import type { Device, LaunchTiming } from '../device/device.ts';
import { type KernelCost, sumOfCosts } from '../kernels/costs.ts';
import { type Bound, boundOf, type Roofs } from './roofs.ts';
import { type Spread, spreadOf } from './statistics.ts';
import type { BenchCase, BenchSuite, Work } from './suite.ts';

/** Milliseconds and rates of a case. */
export interface CaseResult {
  readonly suite: string;
  readonly name: string;
  /** See {@link BenchCase}. */
  readonly kind?: string;
  readonly work: string;
  readonly unit: string;
  /** Wall time of one unit, ms. */
  readonly msPerUnit: Spread;
  readonly kernels: readonly KernelResult[];
}

/** What the launches of a kernel took in a repetition, medians over the repetitions. */
export interface KernelResult {
  readonly kernel: string;
  readonly launches: number;
  readonly milliseconds: Spread;
  /** What the launches of a repetition had to do, the mean over the repetitions. */
  readonly cost?: KernelCost;
  /** The roof's time for the same work, and what sets it; absent where the cost is not stated. */
  readonly bound?: Bound;
  /** The roof's time as a share of the time taken, of the fastest repetition: the roofs are the fastest's too. */
  readonly share?: number;
}

export interface RunBenchOptions {
  readonly repetitions: number;
  readonly warmUp: number;
  /** To be held against; shares are left out when absent. */
  readonly roofs?: Roofs;
  /** Told before each case. */
  readonly onCase?: (suite: BenchSuite, bench: BenchCase) => void;
}

/** @throws {BenchError} `wrong-result` when a case computes something wrong */
export async function runSuite(
  device: Device,
  suite: BenchSuite,
  options: RunBenchOptions,
  wanted: (name: string) => boolean = () => true,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const bench of suite.cases(device)) {
    if (!wanted(bench.name)) continue;
    options.onCase?.(suite, bench);
    results.push(await runCase(device, suite, bench, options));
  }
  return results;
}

async function runCase(
  device: Device,
  suite: BenchSuite,
  bench: BenchCase,
  { repetitions, warmUp, roofs }: RunBenchOptions,
): Promise<CaseResult> {
  using prepared = await bench.prepare(device);
  await prepared.check();
  const times: number[] = [];
  const done: { work: Work; timings: readonly LaunchTiming[] }[] = [];
  for (let repetition = 0; repetition < warmUp + repetitions; repetition++) {
    await device.timings();
    const started = performance.now();
    const work = await prepared.run(repetition);
    const ms = performance.now() - started;
    const timings = suite.timesKernels ? await device.timings() : [];
    if (repetition < warmUp) continue;
    times.push(ms / work.amount);
    done.push({ work, timings });
  }
  const { name, kind, work, unit } = bench;
  const kernels = kernelResults(done, roofs);
  const which = { suite: suite.name, name, ...(kind === undefined ? {} : { kind }) };
  return { ...which, work, unit, msPerUnit: spreadOf(times), kernels };
}

function kernelResults(
  done: readonly { readonly work: Work; readonly timings: readonly LaunchTiming[] }[],
  roofs: Roofs | undefined,
): KernelResult[] {
  const names = new Set(done.flatMap(({ timings }) => timings.map(({ kernel }) => kernel)));
  return [...names].map((kernel) => {
    const runs = done.map(({ work, timings }) => {
      const own = timings.filter((timing) => timing.kernel === kernel);
      const ms = own.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
      const cost = work.costs?.[kernel];
      const bound = cost && roofs && boundOf(cost, own.length, roofs);
      return { ms, launches: own.length, cost, bound };
    });
    const middle = (values: readonly number[]) => spreadOf(values).median;
    const milliseconds = spreadOf(runs.map(({ ms }) => ms));
    const bound = runs[0]?.bound;
    const shares = runs.flatMap((run) => (run.bound && run.ms > 0 ? [run.bound.milliseconds / run.ms] : []));
    return {
      kernel,
      launches: middle(runs.map(({ launches }) => launches)),
      milliseconds,
      ...(runs[0]?.cost ? { cost: meanCost(runs.flatMap((run) => run.cost ?? [])) } : {}),
      ...(bound && shares.length > 0
        ? {
            bound: { by: bound.by, milliseconds: middle(runs.map((run) => run.bound?.milliseconds ?? 0)) },
            share: Math.max(...shares),
          }
        : {}),
    };
  });
}

function meanCost(costs: readonly KernelCost[]): KernelCost {
  const { operations, traffic, scattered } = sumOfCosts(costs);
  const share = 1 / costs.length;
  return {
    operations: operations * share,
    traffic: traffic.map(({ bytes, within }) => ({ bytes: bytes * share, within })),
    scattered: scattered.map(({ count, within }) => ({ count: count * share, within })),
  };
}
