/** Which hyperparameters matter: by the trials alone, and by the optimizer's models. */
import type { TrialRecord } from '../../study/store.ts';
import {
  axis,
  baseOption,
  type FigureDefinition,
  type FigureTable,
  legend,
  percent,
  short,
} from './figure.ts';
import { classOf, endedTrials, movedParameters, objectiveOf, type StudyData, unitOf } from './study-data.ts';
import type { Theme } from './theme.ts';

/** The share of the trials that count as good. */
const GOOD = 0.2;
const BINS = 10;
/** Fewer trials than this tell nothing of importance. */
const FEWEST = 20;

export interface Importance {
  readonly name: string;
  /** Share of all hyperparameters' importances; they sum to 1. */
  readonly share: number;
}

/**
 * PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023, eq. 14): a hyperparameter is the more important the more the
 * distribution of its values among the best trials differs from that among all, by Pearson's divergence. Here by
 * histograms of ten bins along the search cube, one count added to each bin. Each hyperparameter by itself:
 * interactions don't show.
 *
 * Infeasible, silent and failed trials count as worse than all feasible ones.
 *
 * @returns the most important first; undefined with fewer than 20 trials, or no good ones
 */
export function importances(data: StudyData): Importance[] | undefined {
  const parameters = movedParameters(data);
  const ended = endedTrials(data).filter((trial) => unitOf(trial)?.length === parameters.length);
  if (ended.length < FEWEST || parameters.length === 0) return undefined;
  const feasible = ended.filter((trial) => classOf(trial) === 'feasible');
  const score = (trial: TrialRecord) => objectiveOf(trial) ?? Number.NEGATIVE_INFINITY;
  const good = feasible
    .toSorted((a, b) => score(b) - score(a))
    .slice(0, Math.max(2, Math.round(GOOD * ended.length)));
  if (good.length < 2) return undefined;
  const divergences = parameters.map(([name, parameter], index) => {
    const bins = parameter.type === 'categorical' ? parameter.choices.length : BINS;
    const density = (trials: readonly TrialRecord[]) => {
      const counts = new Float64Array(bins).fill(1);
      for (const trial of trials) {
        const bin = Math.min(bins - 1, Math.floor((unitOf(trial)?.[index] ?? 0) * bins));
        counts[bin] = (counts[bin] as number) + 1;
      }
      return counts.map((count) => count / (trials.length + bins));
    };
    const ofGood = density(good);
    const ofAll = density(ended);
    const divergence = ofGood.reduce((sum, p, bin) => {
      const q = ofAll[bin] as number;
      return sum + q * (p / q - 1) ** 2;
    }, 0);
    return { name, divergence };
  });
  const total = divergences.reduce((sum, { divergence }) => sum + divergence, 0);
  return divergences
    .map(({ name, divergence }) => ({ name, share: total > 0 ? divergence / total : 0 }))
    .sort((a, b) => b.share - a.share);
}

export const importance: FigureDefinition = {
  id: 'importance',
  title: 'Importance of hyperparameters',
  section: 'Hyperparameters',
  build(data, theme) {
    const found = importances(data);
    if (found === undefined) return `Needs at least ${FEWEST} trials that have ended, some of them feasible.`;
    const [first] = found;
    return {
      caption: `How much the best fifth of the trials differs from all of them along each hyperparameter by itself (PED-ANOVA). First: ${first?.name} with ${percent(first?.share ?? 0, 1)}.`,
      ...bars(
        theme,
        [{ name: 'importance', values: found.map(({ share }) => share) }],
        found.map(({ name }) => name),
        'share of importance',
      ),
      table: { columns: ['hyperparameter', 'share'], rows: found.map(({ name, share }) => [name, share]) },
    };
  },
};

export const lengthScales: FigureDefinition = {
  id: 'length-scales',
  title: "Length scales of the optimizer's models",
  section: 'Hyperparameters',
  build(data, theme) {
    const [objective] = data.lengthScales;
    if (objective === undefined) return 'The optimizer has no fitted models.';
    const names = Object.keys(objective.scales).sort(
      (a, b) => (objective.scales[a] as number) - (objective.scales[b] as number),
    );
    const series = data.lengthScales.map(({ output, scales }) => ({
      name: output,
      values: names.map((name) => scales[name] ?? Number.NaN),
    }));
    const table: FigureTable = {
      columns: ['hyperparameter', ...data.lengthScales.map(({ output }) => output)],
      rows: names.map((name) => [name, ...data.lengthScales.map(({ scales }) => scales[name] ?? null)]),
    };
    return {
      caption: `How far a hyperparameter must move, in units of the search cube, for a model's prediction to change: the shorter, the more it matters there. Shortest for ${objective.output}: ${names[0]} (${short(objective.scales[names[0] ?? ''] ?? Number.NaN)}).`,
      ...bars(theme, series, names, 'length scale', 'log'),
      table,
    };
  },
};

function bars(
  theme: Theme,
  series: readonly { readonly name: string; readonly values: readonly number[] }[],
  names: readonly string[],
  title: string,
  type: 'value' | 'log' = 'value',
) {
  return {
    height: 90 + names.length * (8 + 8 * series.length),
    option: {
      ...baseOption(theme),
      ...(series.length > 1 ? { legend: legend(theme) } : {}),
      grid: { left: 130, right: 24, top: series.length > 1 ? 36 : 10, bottom: 48 },
      xAxis: axis(theme, title, { type }),
      yAxis: {
        type: 'category' as const,
        inverse: true,
        data: [...names],
        axisLabel: { color: theme.text, interval: 0 },
        axisLine: { lineStyle: { color: theme.rule } },
      },
      series: series.map(({ name, values }) => ({ type: 'bar' as const, name, data: [...values] })),
    },
  };
}
