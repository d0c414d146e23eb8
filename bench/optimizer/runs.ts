/** One run of an optimizer on a problem, and many of them in child processes. */
import { fork } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createOptimizer,
  type Optimizer,
  type Outcome,
  type Proposal,
  RandomStream,
  SEARCH_STREAMS,
} from '../../src/search/index.ts';
import { PROBLEMS, spaceOf } from '../problems.ts';
import { ASYNC_SHARE, BUDGETS, type Job, PENDING, type Run, type TracePoint } from './plan.ts';
import { bestAt } from './statistics.ts';

const PROCESSES = 2;
/** The file that serves jobs when it is started with `--child`. */
const BENCH = fileURLToPath(new URL('../optimizer.ts', import.meta.url));

/** Runs jobs in child processes; each process takes the next job when it is done with one. */
export async function runAll(jobs: readonly Job[], folder: string): Promise<void> {
  const waiting = jobs.filter(({ key }) => !existsSync(join(folder, `${key}.json`)));
  let done = jobs.length - waiting.length;
  await Promise.all(
    Array.from({ length: PROCESSES }, async () => {
      const child = fork(BENCH, ['--child']);
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        const { key } = job;
        const { promise, resolve, reject } = Promise.withResolvers<Run>();
        child.once('message', resolve as (message: unknown) => void);
        child.once('exit', (code) => reject(new Error(`the process of ${key} ended with ${code}`)));
        child.send(job);
        const run = await promise;
        child.removeAllListeners();
        writeFileSync(join(folder, `${key}.json`), JSON.stringify(run));
        done += 1;
        console.log(`${done}/${jobs.length} ${key}: ${bestAt(run.trace)} in ${run.seconds.toFixed(1)} s`);
      }
      child.disconnect();
    }),
  );
}

/** Runs the jobs that the parent process sends, one after another. */
export function serveJobs(): void {
  process.on('message', (job: Job) => {
    runJob(job).then(
      (run) => process.send?.(run),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}

/** @param evaluations the problem's own unless given */
export async function runJob(job: Job, evaluations = BUDGETS[job.problem].evaluations): Promise<Run> {
  const problem = PROBLEMS[job.problem];
  const { initial, batch } = BUDGETS[job.problem];
  const optimizer = createOptimizer(job.mode === 'sobol' ? 'sobol' : 'scbo', spaceOf(problem), {
    seed: job.seed,
    constraints: problem.constraints,
    initial,
    ...job.settings,
  });
  const trace: TracePoint[] = [];
  const evaluate = (proposal: Proposal): Outcome => {
    const x = Object.values(proposal.values).map(Number);
    const { f, constraints } = problem.evaluate(x, { seed: job.seed, index: proposal.id });
    trace.push({ f, feasible: constraints.every((c) => c <= 0) });
    return { id: proposal.id, values: proposal.values, status: 'complete', objective: -f, constraints };
  };
  const began = performance.now();
  if (job.mode === 'asynchronous') {
    await runAsynchronously(optimizer, evaluate, Math.ceil(evaluations * ASYNC_SHARE), job.seed);
  } else {
    const size = job.mode === 'sequential' ? 1 : batch;
    while (trace.length < evaluations) {
      const proposals = await optimizer.ask(Math.min(size, evaluations - trace.length));
      optimizer.tell(proposals.map(evaluate));
    }
  }
  return { problem: job.problem, seed: job.seed, seconds: (performance.now() - began) / 1000, trace };
}

/** Always 16 pending; each takes a random time, from half to twice the usual one. */
async function runAsynchronously(
  optimizer: Optimizer,
  evaluate: (proposal: Proposal) => Outcome,
  evaluations: number,
  seed: number,
): Promise<void> {
  const random = new RandomStream(seed, SEARCH_STREAMS.initial, 0xffff_ffff);
  const running: { readonly ends: number; readonly proposal: Proposal }[] = [];
  let now = 0;
  for (let done = 0; done < evaluations; done++) {
    for (const proposal of running.length < PENDING ? await optimizer.ask(PENDING - running.length) : []) {
      running.push({ ends: now + 0.5 * 4 ** random.uniform(), proposal });
    }
    running.sort((a, b) => a.ends - b.ends || a.proposal.id - b.proposal.id);
    const first = running.shift();
    if (first === undefined) return;
    now = first.ends;
    optimizer.tell([evaluate(first.proposal)]);
  }
}
