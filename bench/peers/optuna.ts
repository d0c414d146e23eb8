/**
 * What the optimizer costs a trial, here and in Optuna (PyPI), alternating in one go: ask and tell on the space of the
 * recorded experiment with two constraints, after a number of trials that were told.
 *
 *   node bench/peers/optuna.ts [--before 500] [--count 50] [--repetitions 3] [--python .venv/bin/python]
 *
 * Makes `.venv` with Optuna in it unless `--python` names an interpreter that has it. Optuna's Gaussian process needs torch
 * and is left out where that is not installed.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { spreadOf } from '../../src/bench/statistics.ts';
import {
  createOptimizer,
  MAX_ASK,
  type Optimizer,
  type OptimizerName,
  type Outcome,
  type Proposal,
  SearchSpace,
} from '../../src/search/index.ts';
import { recipeOf } from '../../src/study/recipes.ts';
import { interpreterWith } from './interpreter.ts';

const { values: options } = parseArgs({
  options: {
    before: { type: 'string', default: '500' },
    count: { type: 'string', default: '50' },
    repetitions: { type: 'string', default: '3' },
    python: { type: 'string' },
  },
});
const before = Number(options.before);
const count = Number(options.count);
const { space } = recipeOf('mnist-stdp');

/** As in optuna_ask_tell.py. */
function outcomeOf({ id, values }: Proposal): Outcome {
  const numbers = Object.values(values).map((value) => (typeof value === 'number' ? Math.abs(value) : 1));
  const sum = numbers.reduce((total, value) => total + Math.log1p(value), 0);
  const [a = 0, b = 0] = numbers;
  const constraints = [Math.log1p(a) - 2, Math.log1p(b) - 2];
  return { id, values, status: 'complete', objective: -((sum - 50) ** 2), constraints };
}

async function run(optimizer: Optimizer, trials: number, atOnce: number): Promise<void> {
  for (let told = 0; told < trials; ) {
    const proposals = await optimizer.ask(Math.min(atOnce, trials - told));
    optimizer.tell(proposals.map(outcomeOf));
    told += proposals.length;
  }
}

async function here(name: OptimizerName): Promise<number> {
  const initial = name === 'scbo' ? { initial: before } : {};
  const optimizer = createOptimizer(name, SearchSpace.from(space), { seed: 1, constraints: 2, ...initial });
  await run(optimizer, before, MAX_ASK);
  const began = performance.now();
  await run(optimizer, count, 1);
  return (performance.now() - began) / count;
}

function there(python: string, sampler: string): number | undefined {
  const { status, stdout } = spawnSync(python, ['bench/peers/optuna_ask_tell.py'], {
    input: JSON.stringify({ space, before, count, sampler }),
    encoding: 'utf8',
  });
  return status === 0 ? (JSON.parse(stdout) as { milliseconds: number }).milliseconds : undefined;
}

const python = interpreterWith('optuna', ['optuna==4.6.0'], options.python);
const found = new Map<string, number[]>();
const note = (name: string, ms: number | undefined) => {
  if (ms !== undefined) found.set(name, [...(found.get(name) ?? []), ms]);
};
for (let repetition = 0; repetition < Number(options.repetitions); repetition++) {
  for (const sampler of ['random', 'tpe', 'gp']) note(`Optuna 4.6.0, ${sampler}`, there(python, sampler));
  for (const name of ['random', 'scbo'] as const) note(`here, ${name}`, await here(name));
}
console.log(`| ask and tell, one trial at a time, after ${before} | ms a trial |\n| --- | --- |`);
for (const [name, times] of found) {
  const { median, low, high } = spreadOf(times);
  console.log(`| ${name} | ${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}) |`);
}
if (!found.has('Optuna 4.6.0, gp'))
  console.log('\nOptuna: its Gaussian process needs torch, which is not installed.');
