/** What the terminal shows of studies: lists, the end of a search, one study. Pure: records in, text out. */

import { endedTrials, incumbents } from '../report/figures/study-data.ts';
import { sparkline } from '../report/sparkline.ts';
import { bestTrials, isFeasible } from '../study/ranking.ts';
import type { Recipe } from '../study/recipe.ts';
import type { StudySummary, TrialRecord } from '../study/store.ts';
import type { JsonValue } from '../study/trial.ts';
import {
  formatDuration,
  formatScore,
  formatShare,
  formatTable,
  formatTime,
  formatValue,
  plural,
} from './format.ts';

/** How many trials the table of the best has. */
const BEST_TRIALS = 10;
/** How wide the curve of the best objective is, characters. */
const SPARKLINE_WIDTH = 60;
/** How wide a table may get, characters. */
const TABLE_WIDTH = 110;

/** All studies of a store, a line each. */
export function studiesTable(studies: readonly StudySummary[]): string {
  const rows = studies.map(({ spec, counts, best, createdAt }) => [
    spec.name,
    spec.recipe,
    String(spec.optimizer.name),
    `${counts.complete + counts.silent + counts.failed}/${spec.trials}`,
    String(counts.complete),
    String(counts.silent),
    String(counts.failed),
    formatScore(best?.outcome?.objective),
    formatTime(createdAt),
  ]);
  const head = ['study', 'recipe', 'optimizer', 'trials', 'complete', 'silent', 'failed', 'best', 'begun'];
  return formatTable(head, rows);
}

/** The best trials with their constraints and as many hyperparameters as fit; undefined when none has an objective. */
export function bestTable(
  trials: readonly TrialRecord[],
  constraints: readonly string[],
): string | undefined {
  const best = bestTrials(trials, BEST_TRIALS);
  const [first] = best;
  if (first === undefined) return undefined;
  const columns: (readonly [string, (trial: TrialRecord) => string])[] = [
    ['trial', ({ number }) => String(number)],
    ['objective', ({ outcome }) => formatScore(outcome?.objective)],
    [
      'feasible',
      (trial) => (isFeasible(trial) ? 'yes' : (trial.outcome?.state === 'silent' && 'silent') || 'no'),
    ],
    ...constraints.map((name, i) => {
      return [name, ({ outcome }: TrialRecord) => formatScore(outcome?.constraints[i])] as const;
    }),
  ];
  let width = columns.reduce((sum, column) => sum + columnWidth(column, best), 1);
  for (const name of telling(first)) {
    const column = [name, ({ values }: TrialRecord) => formatValue(values[name] ?? '')] as const;
    width += columnWidth(column, best);
    if (width > TABLE_WIDTH) break;
    columns.push(column);
  }
  const head = columns.map(([name]) => name);
  return formatTable(
    head,
    best.map((trial) => columns.map(([, cell]) => cell(trial))),
  );
}

/** The widest cell of a column, with the space and the rule that a table adds. */
function columnWidth(
  [name, cell]: readonly [string, (trial: TrialRecord) => string],
  trials: readonly TrialRecord[],
): number {
  return 3 + Math.max(name.length, ...trials.map((trial) => cell(trial).length));
}

/** Hyperparameters in the order in which they tell something at a glance: choices, whole numbers, others. */
function telling({ values }: TrialRecord): string[] {
  const rank = (value: number | string) => (typeof value === 'string' ? 0 : Number.isInteger(value) ? 1 : 2);
  return Object.entries(values)
    .sort(([, a], [, b]) => rank(a) - rank(b))
    .map(([name]) => name);
}

/** `60 trials: 20 complete (33 %), 38 silent (63 %), 2 failed (3 %)`, and what is left to do. */
export function sharesLine({ spec, counts }: StudySummary): string {
  const { complete, silent, failed } = counts;
  const ended = complete + silent + failed;
  const share = (count: number, state: string) => `${count} ${state} (${formatShare(count, ended)})`;
  const left = Math.max(0, spec.trials - ended);
  const shares = [share(complete, 'complete'), share(silent, 'silent'), share(failed, 'failed')].join(', ');
  return `${plural(ended, 'trial')}: ${shares}${left === 0 ? '' : `; ${left} to go`}`;
}

/** One study: what it searches, how far it is, its best trials. */
export function studyReport(
  study: StudySummary,
  trials: readonly TrialRecord[],
  recipe: Pick<Recipe, 'summary' | 'constraints'>,
): string {
  const { spec, createdAt } = study;
  const { name: optimizer } = spec.optimizer;
  const devices = new Set(trials.flatMap(({ outcome }) => (outcome ? [outcome.device] : [])));
  const seconds = trials.reduce((sum, { outcome }) => sum + (outcome?.seconds ?? 0), 0);
  const settings = Object.entries(spec.settings).map(([key, value]) => `${key} ${settingText(value)}`);
  const reasons = Map.groupBy(
    trials.flatMap(({ outcome }) =>
      outcome?.state === 'failed' ? [outcome.reason ?? 'no reason given'] : [],
    ),
    (reason) => reason,
  );
  return [
    `${spec.name}: ${recipe.summary}`,
    `recipe ${spec.recipe}, optimizer ${String(optimizer)}, seed ${spec.seed}, begun ${formatTime(createdAt)}`,
    `settings: ${settings.join(', ')}`,
    sharesLine(study),
    ...(devices.size === 0
      ? []
      : [`devices: ${[...devices].join(', ')}; ${formatDuration(seconds)} summed over trials`]),
    ...[...reasons].map(
      ([reason, all]) => `failed ${all.length === 1 ? 'once' : `${all.length} times`}: ${reason}`,
    ),
    ...incumbentLine(trials),
    bestTable(trials, recipe.constraints) ?? 'No trial has an objective yet.',
    ...testLine(trials),
  ].join('\n');
}

/** What the best trial comes to on the test set, which no search sees; nothing for recipes without one. */
export function testLine(trials: readonly TrialRecord[]): string[] {
  const [best] = bestTrials(trials, 1);
  const test = best?.outcome?.accuracies.test;
  if (best === undefined || test === undefined) return [];
  const objective = formatScore(best.outcome?.objective);
  return [
    `best trial ${best.number}: ${objective} on what it was chosen by, ${formatScore(test)} on the test set`,
  ];
}

/** How the best objective grew, over the trials in the order of their ends; nothing before there are two of them. */
export function incumbentLine(trials: readonly TrialRecord[]): string[] {
  const best = incumbents({ trials });
  const [first, last] = [best[0]?.outcome?.objective, best.at(-1)?.outcome?.objective];
  if (first === undefined || last === undefined || best.length < 2) return [];
  const objectives = new Map(best.map(({ number, outcome }) => [number, outcome?.objective]));
  let current: number | undefined;
  const curve = endedTrials({ trials }).map(({ number }) => {
    current = objectives.get(number) ?? current;
    return current;
  });
  return [
    `best over trials: ${sparkline(curve, SPARKLINE_WIDTH)}  ${formatScore(first)} to ${formatScore(last)}`,
  ];
}

/** Lists with commas between, anything with names in it as JSON. */
function settingText(value: JsonValue): string {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? JSON.stringify(value)
    : String(value);
}
