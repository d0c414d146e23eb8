/** The runs in a results folder as tables, and into the documents. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROBLEMS, type Problem, type ProblemName } from '../problems.ts';
import type { AskTimes } from './ask-times.ts';
import {
  ABLATION_NAMES,
  ABLATIONS,
  ASYNC_NAMES,
  ASYNC_SHARE,
  BARS,
  BUDGETS,
  NAMES,
  type PeerRun,
  type Run,
} from './plan.ts';
import { type Cell, cellOf, quantile } from './statistics.ts';

/** Puts what the results folder holds into `docs/optimizer.json` and between the marks of `docs/optimizer.md`. */
export function render(folder: string): void {
  const document = fileURLToPath(new URL('../../docs/optimizer.md', import.meta.url));
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

export function barsTable(folder: string): string {
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

export function asyncTable(folder: string): string {
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

export function timeTable(times: AskTimes): string {
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

function readRuns<T extends Run>(folder: string, prefix: string, problem: ProblemName): T[] {
  const pattern = new RegExp(`^${prefix}-${problem}-\\d+\\.json$`);
  return readdirSync(folder)
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as T);
}

const digits = (value: number) => (Number.isFinite(value) ? value.toPrecision(5) : 'none');
const show = (cell: Cell | undefined) =>
  cell === undefined ? '' : `${digits(cell.median)} [${digits(cell.low)}, ${digits(cell.high)}]`;
const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly string[]) =>
  [row(head), row(head.map(() => '---')), ...rows].join('\n');
