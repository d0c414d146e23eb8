/** The best objective so far, over trials and over time, with every trial as what it was. */
import type { SeriesOption } from 'echarts';
import type { TrialRecord } from '../../study/store.ts';
import {
  axis,
  baseOption,
  cell,
  type Figure,
  type FigureDefinition,
  GRID,
  legend,
  short,
  verticalAxis,
} from './figure.ts';
import {
  classOf,
  endedTrials,
  incumbents,
  objectiveOf,
  type StudyData,
  TRIAL_CLASSES,
} from './study-data.ts';
import { SYMBOLS, type Theme } from './theme.ts';

/** Where a trial stands along the figure. */
interface Along {
  readonly name: string;
  of(trial: TrialRecord): number;
  /** Where the figure ends. */
  last(data: StudyData): number;
}

const BY_NUMBER: Along = {
  name: 'trials that have ended',
  of: ({ finishOrder }) => (finishOrder ?? 0) + 1,
  last: (data) => endedTrials(data).length,
};

/** Hours, or minutes where there are few of them. */
function byTime({ createdAt, trials }: StudyData): Along {
  const ends = trials.map(({ finishedAt }) => finishedAt ?? createdAt);
  const end = ends.reduce((a, b) => Math.max(a, b), createdAt);
  const hours = end - createdAt > 5_400_000;
  const of = (unixMs: number) => (unixMs - createdAt) / (hours ? 3_600_000 : 60_000);
  return {
    name: `time since the study began (${hours ? 'h' : 'min'})`,
    of: ({ finishedAt }) => of(finishedAt ?? createdAt),
    last: () => of(end),
  };
}

export const incumbentOverTrials: FigureDefinition = {
  id: 'incumbent-over-trials',
  title: 'Best objective over trials',
  section: 'Search',
  build: (data, theme) => figure(data, theme, BY_NUMBER),
};

export const incumbentOverTime: FigureDefinition = {
  id: 'incumbent-over-time',
  title: 'Best objective over time',
  section: 'Search',
  build: (data, theme) => figure(data, theme, byTime(data)),
};

function figure(data: StudyData, theme: Theme, along: Along): Figure | string {
  const ended = endedTrials(data);
  if (ended.length === 0) return 'No trial has ended yet.';
  const objectives = ended.flatMap((trial) => objectiveOf(trial) ?? []);
  const low = objectives.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = objectives.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  // Trials without an objective stand on a line of their own, below all that have one.
  const floor = objectives.length === 0 ? 0 : low - 0.08 * Math.max(high - low, 1e-6);
  const best = incumbents(data);
  const steps = best.map((trial): [number, number] => [along.of(trial), objectiveOf(trial) as number]);
  const last = steps.at(-1);
  if (last) steps.push([along.last(data), last[1]]);
  const series: SeriesOption[] = TRIAL_CLASSES.filter((one) => one !== 'running').map((name) => ({
    type: 'scatter',
    name,
    symbol: SYMBOLS[name],
    symbolSize: name === 'silent' ? 6 : 7,
    itemStyle: { color: theme.classes[name], opacity: 0.75 },
    data: ended
      .filter((trial) => classOf(trial) === name)
      .map((trial) => ({
        name: `trial ${trial.number}`,
        value: [along.of(trial), objectiveOf(trial) ?? floor],
      })),
  }));
  series.push({
    type: 'line',
    name: 'best so far',
    step: 'end',
    symbol: 'none',
    lineStyle: { color: theme.series[0] as string, width: 2 },
    itemStyle: { color: theme.series[0] as string },
    data: steps,
  });
  const now = best.at(-1);
  const without = ended.length - objectives.length;
  const said =
    now === undefined
      ? 'No trial meets all constraints yet.'
      : `The best is trial ${now.number} with ${short(objectiveOf(now) as number)}, the last of ${best.length} that were best in their time.`;
  return {
    caption: `${said} Each mark is a trial; the line is the best that meets all constraints.${without > 0 ? ` ${without} trials without an objective (silent or failed) stand on the lowest line.` : ''}`,
    height: 340,
    option: {
      ...baseOption(theme),
      legend: legend(theme),
      grid: GRID,
      xAxis: axis(theme, along.name, {
        type: 'value',
        min: 0,
        max: Math.max(along.last(data), 1e-9),
      }) as object,
      yAxis: verticalAxis(theme, 'objective', { type: 'value', scale: true }) as object,
      series,
    },
    table: {
      columns: ['trial', along.name, 'class', 'objective', 'best so far'],
      rows: rowsOf(ended, along),
    },
  };
}

function rowsOf(ended: readonly TrialRecord[], along: Along) {
  let best: number | undefined;
  return ended.map((trial) => {
    const objective = objectiveOf(trial);
    const kind = classOf(trial);
    if (kind === 'feasible' && (best === undefined || (objective as number) > best)) best = objective;
    return [trial.number, along.of(trial), kind, cell(objective), cell(best)];
  });
}
