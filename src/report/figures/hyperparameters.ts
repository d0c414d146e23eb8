/** Trials in the search space: parallel coordinates, and the objective along each hyperparameter. */
import type { SeriesOption } from 'echarts';
import { bestTrials } from '../../study/ranking.ts';
import type { TrialRecord } from '../../study/store.ts';
import {
  baseOption,
  cell,
  type FigureDefinition,
  legend,
  type Panel,
  short,
  smallMultiples,
} from './figure.ts';
import { classOf, endedTrials, movedParameters, objectiveOf } from './study-data.ts';
import { SYMBOLS } from './theme.ts';

/** Lines that an eye still follows; the table has all of them. */
const BEST_LINES = 60;
const OTHER_LINES = 140;

export const parallelCoordinates: FigureDefinition = {
  id: 'parallel-coordinates',
  title: 'Parallel coordinates',
  section: 'Hyperparameters',
  wide: true,
  build(data, theme) {
    const ended = endedTrials(data);
    const best = bestTrials(
      ended.filter((trial) => classOf(trial) === 'feasible'),
      BEST_LINES,
    );
    const parameters = movedParameters(data);
    if (ended.length === 0 || parameters.length === 0) return 'No trial has ended yet.';
    const chosen = new Set(best);
    const rest = ended.filter((trial) => !chosen.has(trial));
    const step = Math.max(1, rest.length / OTHER_LINES);
    const others = Array.from(
      { length: Math.min(OTHER_LINES, rest.length) },
      (_, i) => rest[Math.floor(i * step)] as TrialRecord,
    );
    const line = (trial: TrialRecord) => [
      ...parameters.map(([name]) => trial.values[name] ?? Number.NaN),
      objectiveOf(trial) ?? Number.NaN,
    ];
    const scores = ended.flatMap((trial) => objectiveOf(trial) ?? []);
    const series: SeriesOption[] = [
      {
        type: 'parallel',
        name: 'others',
        silent: true,
        lineStyle: { color: theme.faint, opacity: 0.22, width: 1, type: 'dotted' },
        data: others.map((trial) => line(trial)) as number[][],
      },
      {
        type: 'parallel',
        name: 'best',
        lineStyle: { color: theme.series[0] as string, opacity: 0.55, width: 1.4 },
        data: best.map((trial) => ({ name: `trial ${trial.number}`, value: line(trial) as number[] })),
      },
    ];
    return {
      caption: `The ${best.length} best feasible trials (solid lines) among ${others.length} others (dotted, evenly chosen from ${rest.length}). Axes run from the lower to the upper bound; the last one is the objective.`,
      height: 420,
      minWidth: 760,
      option: {
        ...baseOption(theme),
        legend: legend(theme, ['best', 'others']),
        parallel: { left: 40, right: 50, top: 110, bottom: 24 },
        parallelAxis: [
          ...parameters.map(([name, parameter], dim) => ({
            dim,
            name,
            nameRotate: 38,
            nameTextStyle: { color: theme.text, fontSize: 10, align: 'left' as const },
            axisLabel: {
              color: theme.text,
              fontSize: 9,
              formatter: (value: number | string) => (typeof value === 'number' ? short(value) : value),
            },
            axisLine: { lineStyle: { color: theme.faint } },
            ...(parameter.type === 'categorical'
              ? { type: 'category' as const, data: parameter.choices.map(String) }
              : {
                  type: parameter.scale === 'log' ? ('log' as const) : ('value' as const),
                  min: parameter.low,
                  max: parameter.high,
                }),
          })),
          {
            dim: parameters.length,
            name: 'objective',
            nameRotate: 38,
            nameTextStyle: {
              color: theme.text,
              fontSize: 10,
              fontWeight: 'bold' as const,
              align: 'left' as const,
            },
            type: 'value' as const,
            axisLabel: { color: theme.text, fontSize: 9 },
            axisLine: { lineStyle: { color: theme.text } },
            ...(scores.length > 0
              ? {
                  min: Math.floor(20 * Math.min(...scores)) / 20,
                  max: Math.ceil(20 * Math.max(...scores)) / 20,
                }
              : {}),
          },
        ],
        series,
      },
      table: {
        columns: ['trial', 'class', ...parameters.map(([name]) => name), 'objective'],
        rows: ended.map((trial) => [
          trial.number,
          classOf(trial),
          ...parameters.map(([name]) => trial.values[name] ?? null),
          cell(objectiveOf(trial)),
        ]),
      },
    };
  },
};

export const slices: FigureDefinition = {
  id: 'slices',
  title: 'Objective along each hyperparameter',
  section: 'Hyperparameters',
  wide: true,
  build(data, theme, width) {
    const scored = endedTrials(data).filter((trial) => objectiveOf(trial) !== undefined);
    const parameters = movedParameters(data);
    if (scored.length === 0 || parameters.length === 0) return 'No trial has an objective yet.';
    const classes = (['feasible', 'infeasible', 'silent'] as const).filter((name) =>
      scored.some((trial) => classOf(trial) === name),
    );
    const panels = parameters.map(([name, parameter]): Panel => {
      const isChoice = parameter.type === 'categorical';
      return {
        title: name,
        xAxis: isChoice
          ? { type: 'category', data: parameter.choices.map(String) }
          : {
              type: parameter.scale === 'log' ? 'log' : 'value',
              min: parameter.low,
              max: parameter.high,
              splitNumber: 3,
              axisLabel: { color: theme.text, fontSize: 9, hideOverlap: true, formatter: short },
            },
        yAxis: { type: 'value', scale: true, splitNumber: 3 },
        series: classes.map(
          (kind): SeriesOption => ({
            type: 'scatter',
            name: kind,
            symbol: SYMBOLS[kind],
            symbolSize: 4.5,
            itemStyle: { color: theme.classes[kind], opacity: 0.65 },
            data: scored
              .filter((trial) => classOf(trial) === kind)
              .map((trial) => ({
                name: `trial ${trial.number}`,
                value: [
                  isChoice ? String(trial.values[name]) : (trial.values[name] as number),
                  objectiveOf(trial) as number,
                ],
              })),
          }),
        ),
      };
    });
    const { option, height } = smallMultiples(theme, panels, width, 28);
    return {
      caption: `Every trial with an objective, once for each hyperparameter that the search moves: ${scored.length} trials. Axes run from bound to bound, logarithmically where the search does.`,
      height,
      option: { ...baseOption(theme), ...option, legend: legend(theme, classes) },
      table: {
        columns: ['trial', 'class', 'objective', ...parameters.map(([name]) => name)],
        rows: scored.map((trial) => [
          trial.number,
          classOf(trial),
          objectiveOf(trial) as number,
          ...parameters.map(([name]) => trial.values[name] ?? null),
        ]),
      },
    };
  },
};
