/**
 * The optimizer against published problems, side by side with BoTorch's SCBO, and its own speed.
 *
 *     node bench/optimizer.ts [--quick] [--seeds 10] [--results FOLDER] [--peers] [--only bars,async,ablations,time]
 *
 * Runs are spread over two processes; each is kept as a file in the results folder (`bench/results/optimizer`
 * unless given), so a stopped bench goes on where it stood. `--peers` makes a virtual environment there and runs
 * `bench/peers/botorch_scbo.py` for the same problems, budgets, batches and number of seeds. Whatever runs are in the
 * folder are then put together in `docs/optimizer.json` and in the tables of `docs/optimizer.md`. Run on an otherwise
 * idle machine for the times; the values do not depend on it.
 */
import { execFileSync, fork, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  createOptimizer,
  type Optimizer,
  type Outcome,
  type Proposal,
  RandomStream,
  SEARCH_STREAMS,
  SearchSpace,
  type SettingsInput,
} from '../src/search/index.ts';
import { PROBLEMS, type Problem, type ProblemName, spaceOf } from './problems.ts';

const PROCESSES = 2;
const RESULTS = fileURLToPath(new URL('./results/optimizer', import.meta.url));
const NAMES = Object.keys(PROBLEMS) as ProblemName[];

/** Evaluations, initial design and batch of each problem: the same as in `bench/peers/botorch_scbo.py`. */
const BUDGETS: Readonly<Record<ProblemName, { evaluations: number; initial: number; batch: number }>> = {
  ackley10: { evaluations: 200, initial: 10, batch: 4 },
  spring: { evaluations: 90, initial: 10, batch: 4 },
  pressureVessel: { evaluations: 120, initial: 10, batch: 4 },
  weldedBeam: { evaluations: 120, initial: 10, batch: 4 },
  speedReducer: { evaluations: 300, initial: 10, batch: 4 },
  keane30: { evaluations: 900, initial: 100, batch: 50 },
  silence: { evaluations: 120, initial: 10, batch: 4 },
};

/** What the median has to reach; Ackley must besides be feasible by evaluation 60. */
const BARS: Readonly<Record<ProblemName, number>> = {
  ackley10: 0.4,
  spring: 0.015,
  pressureVessel: 7300,
  weldedBeam: 3.6,
  speedReducer: 2996.35 * 1.001,
  keane30: -0.3,
  silence: -0.1,
};

/** Minutes a run; they come last. */
const SLOW: readonly ProblemName[] = ['keane30', 'speedReducer'];

/** Keane's is left out: one proposal at a time takes hours there. */
const ASYNC_NAMES = NAMES.filter((name) => name !== 'keane30');
const PENDING = 16;
/** Asynchronous runs may use this many more evaluations than sequential ones for the same value. */
const ASYNC_SHARE = 1.15;

const ABLATIONS: Readonly<Record<string, SettingsInput>> = {
  'as it is': {},
  'copula for the objective': { objectiveTransform: 'copula' },
  'no bilog for constraints': { constraintTransform: 'standardize' },
};
const ABLATION_NAMES: readonly ProblemName[] = ['ackley10', 'spring', 'pressureVessel', 'weldedBeam'];

type Mode = 'batch' | 'sequential' | 'asynchronous' | 'sobol';

interface Job {
  readonly key: string;
  readonly problem: ProblemName;
  readonly seed: number;
  readonly mode: Mode;
  readonly settings: SettingsInput;
}

interface TracePoint {
  readonly f: number;
  readonly feasible: boolean;
}

interface Run {
  readonly problem: ProblemName;
  readonly seed: number;
  readonly seconds: number;
  /** In the order in which evaluations came back. */
  readonly trace: readonly TracePoint[];
}

/** What BoTorch's runs say besides. */
interface PeerRun extends Run {
  readonly versions: Readonly<Record<string, string>>;
  readonly askSeconds: number;
}

/* ---------- one run ---------- */

async function runJob(job: Job): Promise<Run> {
  const problem = PROBLEMS[job.problem];
  const { evaluations, initial, batch } = BUDGETS[job.problem];
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

/* ---------- many runs ---------- */

/** Runs jobs in child processes; each process takes the next job when it is done with one. */
async function runAll(jobs: readonly Job[], folder: string): Promise<void> {
  const waiting = jobs.filter(({ key }) => !existsSync(join(folder, `${key}.json`)));
  let done = jobs.length - waiting.length;
  await Promise.all(
    Array.from({ length: PROCESSES }, async () => {
      const child = fork(fileURLToPath(import.meta.url), ['--child']);
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

function serveJobs(): void {
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

function jobsOf(part: string, seeds: number): Job[] {
  const job = (
    prefix: string,
    problem: ProblemName,
    seed: number,
    mode: Mode,
    settings: SettingsInput = {},
  ): Job => ({
    key: `${prefix}-${problem}-${seed}`,
    problem,
    seed,
    mode,
    settings,
  });
  const all: Job[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    if (part === 'bars') {
      for (const name of NAMES) all.push(job('scbo', name, seed, 'batch'), job('sobol', name, seed, 'sobol'));
    }
    if (part === 'async') {
      for (const name of ASYNC_NAMES) {
        all.push(
          job('sequential', name, seed, 'sequential'),
          job('asynchronous', name, seed, 'asynchronous'),
        );
      }
    }
    if (part === 'ablations') {
      for (const name of ABLATION_NAMES) {
        for (const [label, settings] of Object.entries(ABLATIONS).slice(1)) {
          all.push(job(`ablation-${label.replaceAll(' ', '_')}`, name, seed, 'batch', settings));
        }
      }
    }
  }
  return all;
}

/* ---------- the speed of asking ---------- */

interface AskTimes {
  readonly points: number;
  readonly dimensions: number;
  readonly constraints: number;
  readonly withoutRefit: readonly number[];
  readonly withRefit: readonly number[];
  /** The longest time that the event loop stood still while asking, ms. */
  readonly longestBlockMs: number;
  readonly processor: string;
}

async function timeAsks(points: number): Promise<AskTimes> {
  const dimensions = 18;
  const space = SearchSpace.from(
    Object.fromEntries(
      Array.from({ length: dimensions }, (_, i) => [`x${i}`, { type: 'real', low: 0, high: 1 }]),
    ),
  );
  const evaluate = ({ id, values }: Proposal): Outcome => {
    const x = Object.values(values).map(Number);
    const objective = -x.reduce((sum, v, i) => sum + (1 + (i % 3)) * (v - 0.4) ** 2, 0);
    const [a = 0, b = 0, c = 0, d = 0] = x;
    return { id, values, status: 'complete', objective, constraints: [a + b - 1.2, c * d - 0.6] };
  };
  let longestBlockMs = 0;
  const measure = async (refitShare: number) => {
    const optimizer = createOptimizer('scbo', space, { constraints: 2, initial: points, refitShare });
    for (let told = 0; told < points; told += 200) {
      optimizer.tell((await optimizer.ask(Math.min(200, points - told))).map(evaluate));
    }
    const seconds: number[] = [];
    for (let i = 0; i < 12; i++) {
      let last = performance.now();
      let running = true;
      const watch = (): void => {
        const now = performance.now();
        longestBlockMs = i < 2 ? 0 : Math.max(longestBlockMs, now - last);
        last = now;
        if (running) setImmediate(watch);
      };
      setImmediate(watch);
      const began = performance.now();
      const proposals = await optimizer.ask(1);
      // The first asks fit from scratch and warm the compiler up.
      if (i >= 2) seconds.push((performance.now() - began) / 1000);
      running = false;
      optimizer.tell(proposals.map(evaluate));
    }
    return seconds;
  };
  const withoutRefit = await measure(1);
  const first = longestBlockMs;
  const withRefit = await measure(0);
  return {
    points,
    dimensions,
    constraints: 2,
    withoutRefit,
    withRefit,
    longestBlockMs: Math.max(first, longestBlockMs),
    processor: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`,
  };
}

/* ---------- BoTorch ---------- */

function runPeers(folder: string, seeds: number): void {
  const python = join(folder, 'venv', 'bin', 'python');
  if (!existsSync(python)) {
    execFileSync('python3', ['-m', 'venv', join(folder, 'venv')], { stdio: 'inherit' });
    execFileSync(python, ['-m', 'pip', 'install', '-q', 'torch==2.9.1', 'botorch==0.18.1'], {
      stdio: 'inherit',
    });
  }
  const script = fileURLToPath(new URL('./peers/botorch_scbo.py', import.meta.url));
  const chosen = Array.from({ length: seeds }, (_, seed) => ['--seed', String(seed)]).flat();
  const { status } = spawnSync(python, [script, '--out', folder, '--threads', '2', ...chosen], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`the BoTorch runs ended with ${status}`);
}

/* ---------- tables ---------- */

function bestAt(trace: readonly TracePoint[], count = trace.length): number {
  let best = Number.POSITIVE_INFINITY;
  for (const { f, feasible } of trace.slice(0, count)) if (feasible) best = Math.min(best, f);
  return best;
}

function firstFeasible(trace: readonly TracePoint[]): number {
  const index = trace.findIndex(({ feasible }) => feasible);
  return index < 0 ? Number.POSITIVE_INFINITY : index + 1;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low === high ? low : low + (at - Math.floor(at)) * (high - low);
}

interface Cell {
  readonly seeds: number;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly firstFeasible: number;
  readonly seconds: number;
}

function cellOf(runs: readonly Run[], count?: number): Cell | undefined {
  if (runs.length === 0) return undefined;
  const finals = runs.map(({ trace }) => bestAt(trace, count));
  return {
    seeds: runs.length,
    median: quantile(finals, 0.5),
    low: quantile(finals, 0.25),
    high: quantile(finals, 0.75),
    firstFeasible: quantile(
      runs.map(({ trace }) => firstFeasible(trace)),
      0.5,
    ),
    seconds: quantile(
      runs.map(({ seconds }) => seconds),
      0.5,
    ),
  };
}

const digits = (value: number) => (Number.isFinite(value) ? value.toPrecision(5) : 'none');
const show = (cell: Cell | undefined) =>
  cell === undefined ? '' : `${digits(cell.median)} [${digits(cell.low)}, ${digits(cell.high)}]`;
const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly string[]) =>
  [row(head), row(head.map(() => '---')), ...rows].join('\n');

function readRuns<T extends Run>(folder: string, prefix: string, problem: ProblemName): T[] {
  const pattern = new RegExp(`^${prefix}-${problem}-\\d+\\.json$`);
  return readdirSync(folder)
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as T);
}

function barsTable(folder: string): string {
  const rows = NAMES.map((name) => {
    const problem: Problem = PROBLEMS[name];
    const ours = cellOf(readRuns(folder, 'scbo', name));
    const peer = cellOf(readRuns<PeerRun>(folder, 'botorch', name));
    const sobol = cellOf(readRuns(folder, 'sobol', name));
    const met = ours !== undefined && ours.median <= BARS[name];
    return row([
      problem.title,
      BUDGETS[name].evaluations,
      BUDGETS[name].batch,
      digits(problem.optimum.f),
      digits(BARS[name]),
      show(ours),
      ours === undefined ? '' : met ? 'yes' : 'no',
      show(peer),
      show(sobol),
      `${ours?.firstFeasible ?? ''} / ${peer?.firstFeasible ?? ''}`,
      `${ours?.seeds ?? 0} / ${peer?.seeds ?? 0}`,
    ]);
  });
  return table(
    [
      'problem',
      'evaluations',
      'batch',
      'optimum',
      'bar',
      'Tacet',
      'met',
      'BoTorch',
      'Sobol',
      'first feasible',
      'seeds',
    ],
    rows,
  );
}

function asyncTable(folder: string): string {
  const rows = ASYNC_NAMES.map((name) => {
    const { evaluations } = BUDGETS[name];
    const more = Math.ceil(evaluations * ASYNC_SHARE);
    const sequential = cellOf(readRuns(folder, 'sequential', name));
    const asynchronous = readRuns(folder, 'asynchronous', name);
    const needed = cellOf(asynchronous, more);
    const met = sequential !== undefined && needed !== undefined && needed.median <= sequential.median;
    return row([
      PROBLEMS[name].title,
      `${evaluations}`,
      show(sequential),
      show(cellOf(asynchronous, evaluations)),
      show(needed),
      met ? 'yes' : 'no',
      sequential?.seeds ?? 0,
    ]);
  });
  return table(
    ['problem', 'N', 'sequential at N', '16 pending at N', '16 pending at 1.15 N', 'within 15 %', 'seeds'],
    rows,
  );
}

function ablationTable(folder: string): string {
  const rows = Object.keys(ABLATIONS).map((label, i) =>
    row([
      label,
      ...ABLATION_NAMES.map((name) =>
        show(cellOf(readRuns(folder, i === 0 ? 'scbo' : `ablation-${label.replaceAll(' ', '_')}`, name))),
      ),
    ]),
  );
  return table(['setting', ...ABLATION_NAMES.map((name) => PROBLEMS[name].title)], rows);
}

function timeTable(times: AskTimes): string {
  return table(
    ['ask(1) at', 'median', 'slowest', 'bar'],
    [
      row([
        'without refit',
        `${quantile(times.withoutRefit, 0.5).toFixed(3)} s`,
        `${Math.max(...times.withoutRefit).toFixed(3)} s`,
        '0.25 s',
      ]),
      row([
        'with refit',
        `${quantile(times.withRefit, 0.5).toFixed(3)} s`,
        `${Math.max(...times.withRefit).toFixed(3)} s`,
        '1.0 s',
      ]),
      row(['event loop blocked', '', `${times.longestBlockMs.toFixed(0)} ms`, '50 ms']),
    ],
  );
}

/** Puts what the results folder holds into `docs/optimizer.json` and between the marks of `docs/optimizer.md`. */
function render(folder: string): void {
  const document = fileURLToPath(new URL('../docs/optimizer.md', import.meta.url));
  const timesFile = join(folder, 'ask-times.json');
  const times = existsSync(timesFile) ? (JSON.parse(readFileSync(timesFile, 'utf8')) as AskTimes) : undefined;
  // A part that was never run keeps the table that is there.
  const ran = (prefix: string) => readdirSync(folder).some((file) => file.startsWith(prefix));
  const tables: Record<string, string> = {
    ...(ran('scbo-') ? { bars: barsTable(folder) } : {}),
    ...(ran('asynchronous-') ? { async: asyncTable(folder) } : {}),
    ...(ran('ablation-') ? { ablations: ablationTable(folder) } : {}),
    ...(times === undefined ? {} : { time: timeTable(times) }),
  };
  const summary = {
    bars: Object.fromEntries(
      NAMES.map((name) => [
        name,
        Object.fromEntries(
          ['scbo', 'botorch', 'sobol'].map((system) => [
            system,
            cellOf(readRuns(folder, system, name)) ?? null,
          ]),
        ),
      ]),
    ),
    async: Object.fromEntries(
      ASYNC_NAMES.map((name) => [
        name,
        Object.fromEntries(
          ['sequential', 'asynchronous'].map((mode) => [mode, cellOf(readRuns(folder, mode, name)) ?? null]),
        ),
      ]),
    ),
    askTimes: times ?? null,
  };
  writeFileSync(document.replace(/md$/, 'json'), `${JSON.stringify(summary, undefined, 2)}\n`);
  let text = readFileSync(document, 'utf8');
  for (const [name, content] of Object.entries(tables)) {
    const pattern = new RegExp(`(<!-- table: ${name} -->\\n)[^]*?(<!-- end -->)`);
    text = text.replace(pattern, (_, open: string, close: string) => `${open}${content}\n${close}`);
    console.log(`\n${content}`);
  }
  writeFileSync(document, text);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      seeds: { type: 'string', default: '10' },
      results: { type: 'string', default: RESULTS },
      only: { type: 'string', default: 'bars,async,ablations,time' },
      peers: { type: 'boolean', default: false },
      child: { type: 'boolean', default: false },
    },
  });
  if (values.child) {
    serveJobs();
    return;
  }
  const folder = values.quick ? `${values.results}-quick` : values.results;
  mkdirSync(folder, { recursive: true });
  const seeds = values.quick ? 1 : Number(values.seeds);
  const parts = values.only.split(',');
  const jobs = parts
    .flatMap((part) => jobsOf(part, seeds))
    .filter(({ problem }) => !values.quick || !SLOW.includes(problem));
  if (parts.includes('time')) {
    const times = await timeAsks(values.quick ? 300 : 1000);
    writeFileSync(join(folder, 'ask-times.json'), JSON.stringify(times));
    console.log(`\n${timeTable(times)}\n`);
  }
  const last = (job: Job) => Number(SLOW.includes(job.problem));
  await runAll(
    jobs.toSorted((a, b) => last(a) - last(b)),
    folder,
  );
  if (values.peers) runPeers(folder, seeds);
  if (values.quick) console.log(`\n${barsTable(folder)}\n\n${asyncTable(folder)}`);
  else render(folder);
}

await main();
