/** How the search went: constraint values, and the trust region's side with its restarts. */
import type { SeriesOption } from 'echarts';
import type { TrialRecord } from '../../study/store.ts';
import {
  axis,
  baseOption,
  cell,
  type FigureDefinition,
  GRID,
  legend,
  percent,
  short,
  verticalAxis,
} from './figure.ts';
import { endedTrials } from './study-data.ts';

export const constraintValues: FigureDefinition = {
  id: 'constraints',
  title: 'Constraint values',
  section: 'Search',
  build(data, theme) {
    const ended = endedTrials(data).filter(({ outcome }) => (outcome?.constraints.length ?? 0) > 0);
    if (data.constraints.length === 0) return 'The study has no constraints.';
    if (ended.length === 0) return 'No trial with constraint values has ended yet.';
    const symbols = ['circle', 'diamond', 'triangle', 'rect'];
    const valueIn = (trial: TrialRecord, index: number) => trial.outcome?.constraints[index];
    const series = data.constraints.map(
      (name, index): SeriesOption => ({
        type: 'scatter',
        name,
        symbol: symbols[index % symbols.length] as string,
        symbolSize: 5,
        itemStyle: { color: theme.series[index % theme.series.length] as string, opacity: 0.7 },
        data: ended.map((trial) => ({
          name: `trial ${trial.number}`,
          value: [(trial.finishOrder ?? 0) + 1, valueIn(trial, index) ?? Number.NaN],
        })),
        ...(index > 0
          ? {}
          : {
              markLine: {
                silent: true,
                symbol: 'none',
                label: { formatter: 'met at or below 0', position: 'insideEndTop', color: theme.text },
                lineStyle: { color: theme.text, type: 'dashed' },
                data: [{ yAxis: 0 }],
              },
            }),
      }),
    );
    const met = data.constraints.map((name, index) => {
      const count = ended.filter((trial) => (valueIn(trial, index) ?? Number.NaN) <= 0).length;
      return `${name} by ${percent(count, ended.length)}`;
    });
    return {
      caption: `A constraint is met at or below 0. Met ${met.join(', ')} of ${ended.length} trials.`,
      height: 300,
      option: {
        ...baseOption(theme),
        legend: legend(theme),
        grid: GRID,
        xAxis: axis(theme, 'trials that have ended', {
          type: 'value',
          min: 0,
          max: endedTrials(data).length,
        }),
        yAxis: verticalAxis(theme, 'constraint', { type: 'value' }),
        series,
      },
      table: {
        columns: ['trial', 'order of its end', ...data.constraints],
        rows: ended.map((trial) => [
          trial.number,
          (trial.finishOrder ?? 0) + 1,
          ...data.constraints.map((_, index) => cell(valueIn(trial, index))),
        ]),
      },
    };
  },
};

/** The region under which a trial was proposed. */
function regionOf({
  proposal,
}: TrialRecord): { readonly length: number; readonly restarts: number } | undefined {
  if (typeof proposal !== 'object' || proposal === null || !('detail' in proposal)) return undefined;
  const detail = proposal.detail as { readonly length?: unknown; readonly restarts?: unknown } | null;
  return typeof detail?.length === 'number' && typeof detail.restarts === 'number'
    ? { length: detail.length, restarts: detail.restarts }
    : undefined;
}

export const trustRegion: FigureDefinition = {
  id: 'trust-region',
  title: "Trust region's side",
  section: 'Search',
  build(data, theme) {
    const points = data.trials.flatMap((trial) => {
      const region = regionOf(trial);
      return region ? [{ number: trial.number, ...region }] : [];
    });
    const lastPoint = points.at(-1);
    if (lastPoint === undefined) return 'No proposal came from a trust region yet.';
    const restarts = points.filter(({ restarts }, i) => i > 0 && restarts > (points[i - 1]?.restarts ?? 0));
    return {
      caption: `The side of the box in which each trial was proposed, in units of the search cube; it doubles after successes and halves after failures. Now ${short(lastPoint.length)}, after ${lastPoint.restarts} restarts (dashed lines).`,
      height: 260,
      option: {
        ...baseOption(theme),
        grid: { ...GRID, top: 20 },
        xAxis: axis(theme, 'trial', { type: 'value', min: 0, max: Math.max(1, data.trials.length - 1) }),
        yAxis: verticalAxis(theme, 'side', { type: 'log', logBase: 2 }),
        series: [
          {
            type: 'line',
            name: 'side',
            step: 'end',
            symbol: points.length < 60 ? 'circle' : 'none',
            symbolSize: 4,
            data: points.map(({ number, length }) => [number, length]),
            markLine: {
              silent: true,
              symbol: 'none',
              label: { formatter: 'restart', color: theme.text },
              lineStyle: { color: theme.series[1] as string, type: 'dashed' },
              data: restarts.map(({ number }) => ({ xAxis: number })),
            },
          },
        ],
      },
      table: {
        columns: ['trial', 'side', 'restarts'],
        rows: points.map(({ number, length, restarts: count }) => [number, length, count]),
      },
    };
  },
};
