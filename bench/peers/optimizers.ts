/**
 * Constrained optimization of the same test problems here and by others (PyPI), in turn, seed by seed.
 *
 *   node bench/peers/optimizers.ts --peer optuna [--problems spring,pressureVessel] [--seeds 2] [--evaluations 60]
 *     [--python .venv/bin/python]
 *   node bench/peers/optimizers.ts --peer botorch
 *
 * Optuna's TPE and Gaussian process propose one point at a time, and so does ours beside them; BoTorch's SCBO proposes four, by
 * its own implementation of the problems (`botorch_scbo.py`; a test holds both implementations against published optima).
 * Printed are the best feasible value after so many evaluations, the median over seeds with the lowest and the highest,
 * and the seconds of a run, nearly all of which proposing takes. With few seeds this shows that both sides solve
 * the problems and what they cost; docs/optimizer.md has ten seeds of more problems.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { spreadOf } from '../../src/bench/statistics.ts';
import { three } from '../../src/bench/units.ts';
import { BUDGETS, type Run, type TracePoint } from '../optimizer/plan.ts';
import { runJob } from '../optimizer/runs.ts';
import { bestAt } from '../optimizer/statistics.ts';
import { PROBLEMS, type ProblemName } from '../problems.ts';
import { interpreterWith } from './interpreter.ts';

const { values: options } = parseArgs({
  options: {
    peer: { type: 'string', default: 'optuna' },
    problems: { type: 'string', default: 'spring,pressureVessel' },
    seeds: { type: 'string', default: '2' },
    evaluations: { type: 'string' },
    python: { type: 'string' },
  },
});
if (options.peer !== 'optuna' && options.peer !== 'botorch') {
  throw new Error(`there is no peer "${options.peer}": give optuna or botorch`);
}
const problems = options.problems.split(',').map((name): ProblemName => {
  if (name in PROBLEMS) return name as ProblemName;
  throw new Error(`there is no problem "${name}": give some of ${Object.keys(PROBLEMS).join(', ')}`);
});

type Runner = (problem: ProblemName, seed: number) => Promise<Run>;

function evaluationsOf(problem: ProblemName): number {
  return Math.min(BUDGETS[problem].evaluations, Number(options.evaluations ?? Number.POSITIVE_INFINITY));
}

function here(mode: 'batch' | 'sequential'): Runner {
  return (problem, seed) => {
    const evaluations = evaluationsOf(problem);
    return runJob({ key: `${problem}-${seed}`, problem, seed, mode, settings: {} }, evaluations);
  };
}

function optuna(python: string, sampler: 'tpe' | 'gp'): Runner {
  return async (name, seed) => {
    const problem = PROBLEMS[name];
    const trace: TracePoint[] = [];
    const child = spawn(python, ['bench/peers/optuna_problem.py'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const say = (line: unknown) => child.stdin.write(`${JSON.stringify(line)}\n`);
    const { bounds } = problem;
    const { initial } = BUDGETS[name];
    say({ bounds, sampler, seed, initial, evaluations: evaluationsOf(name) });
    let began = performance.now();
    for await (const line of createInterface({ input: child.stdout })) {
      // Loading Python and torch is no part of it.
      if (trace.length === 0) began = performance.now();
      const evaluation = problem.evaluate(JSON.parse(line) as number[], { seed, index: trace.length });
      trace.push({ f: evaluation.f, feasible: evaluation.constraints.every((c) => c <= 0) });
      say(evaluation);
    }
    const seconds = (performance.now() - began) / 1000;
    const status = await ended;
    if (status !== 0) throw new Error(`Optuna ended with ${status}`);
    return { problem: name, seed, seconds, trace };
  };
}

function botorch(python: string): Runner {
  return (problem, seed) => {
    const folder = mkdtempSync(join(tmpdir(), 'tacet-botorch-'));
    try {
      const chosen = ['--problem', problem, '--seed', String(seed), '--out', folder, '--threads', '2'];
      const { status } = spawnSync(python, ['bench/peers/botorch_scbo.py', ...chosen], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      if (status !== 0) throw new Error(`BoTorch ended with ${status}`);
      const file = join(folder, `botorch-${problem}-${seed}.json`);
      return Promise.resolve(JSON.parse(readFileSync(file, 'utf8')) as Run);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** Both sides, ours last. */
function systems(): Readonly<Record<string, Runner>> {
  if (options.peer === 'botorch') {
    const python = interpreterWith('botorch', ['torch==2.9.1', 'botorch==0.18.1'], options.python);
    return { 'BoTorch 0.18.1, SCBO': botorch(python), 'here, scbo': here('batch') };
  }
  const python = interpreterWith('optuna', ['optuna==4.6.0', 'scipy', 'torch==2.9.1'], options.python);
  return {
    'Optuna 4.6.0, TPE': optuna(python, 'tpe'),
    'Optuna 4.6.0, GP': optuna(python, 'gp'),
    'here, scbo': here('sequential'),
  };
}

const all = systems();
const seeds = Number(options.seeds);
const atOnce = options.peer === 'botorch' ? 'four at a time' : 'one at a time';
console.log(`| problem, ${atOnce}, ${seeds} seeds | by | best feasible value | seconds a run |`);
console.log('| --- | --- | --- | --- |');
for (const problem of problems) {
  const { title, optimum } = PROBLEMS[problem];
  const runs = new Map<string, Run[]>();
  for (let seed = 0; seed < seeds; seed++) {
    for (const [name, run] of Object.entries(all)) {
      runs.set(name, [...(runs.get(name) ?? []), await run(problem, seed)]);
    }
  }
  for (const [name, own] of runs) {
    const best = own.map(({ trace }) => bestAt(trace));
    const found = best.filter(Number.isFinite);
    const none = found.length > 0 && found.length < seeds ? `, none in ${seeds - found.length}` : '';
    const value =
      found.length === 0 ? 'none' : said(found, (number) => String(Number(number.toPrecision(5))));
    const what = `${title}: ${evaluationsOf(problem)} evaluations, optimum ${Number(optimum.f.toPrecision(5))}`;
    console.log(
      `| ${what} | ${name} | ${value}${none} | ${said(
        own.map(({ seconds }) => seconds),
        three,
      )} |`,
    );
  }
}

function said(values: readonly number[], format: (value: number) => string): string {
  const { median, low, high } = spreadOf(values);
  return `${format(median)} (${format(low)} to ${format(high)})`;
}
