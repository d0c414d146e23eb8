/** What accuracy costs: spikes, decoders, time. */
import type { SeriesOption } from 'echarts';
import type { TrialRecord } from '../../study/store.ts';
import {
  axis,
  baseOption,
  cell,
  type FigureDefinition,
  GRID,
  legend,
  short,
  verticalAxis,
} from './figure.ts';
import { quantile } from './quantile.ts';
import { classOf, endedTrials, objectiveOf } from './study-data.ts';
import { SYMBOLS } from './theme.ts';

/** Spikes of all layers in a sample of the hold-out: what an accelerator's energy goes with. */
function spikesPerSample({ outcome }: TrialRecord): number | undefined {
  const phase = outcome?.phases.find((one) => one.phase === 'hold-out');
  if (phase === undefined || phase.samples === 0) return undefined;
  return phase.layers.reduce((sum, { spikes }) => sum + spikes, 0) / phase.samples;
}

interface Point {
  readonly trial: TrialRecord;
  readonly spikes: number;
  readonly objective: number;
}

/** Those with which no other has both fewer spikes and a higher objective, by spikes. */
export function front(points: readonly Point[]): Point[] {
  const sorted = points.toSorted((a, b) => a.spikes - b.spikes || b.objective - a.objective);
  const found: Point[] = [];
  for (const point of sorted) {
    if (point.objective > (found.at(-1)?.objective ?? Number.NEGATIVE_INFINITY)) found.push(point);
  }
  return found;
}

export const energy: FigureDefinition = {
  id: 'accuracy-and-spikes',
  title: 'Accuracy against spikes',
  section: 'Trade-offs',
  build(data, theme) {
    const points = endedTrials(data).flatMap((trial): Point[] => {
      const [spikes, objective] = [spikesPerSample(trial), objectiveOf(trial)];
      return spikes === undefined || objective === undefined ? [] : [{ trial, spikes, objective }];
    });
    if (points.length === 0) return 'No trial has counted spikes on its hold-out.';
    const best = front(points.filter(({ trial }) => classOf(trial) === 'feasible'));
    const [cheapest, dearest] = [best[0], best.at(-1)];
    const classes = ['feasible', 'infeasible', 'silent'] as const;
    const series: SeriesOption[] = classes.map((name) => ({
      type: 'scatter',
      name,
      symbol: SYMBOLS[name],
      symbolSize: 6,
      itemStyle: { color: theme.classes[name], opacity: 0.7 },
      data: points
        .filter(({ trial }) => classOf(trial) === name)
        .map(({ trial, spikes, objective }) => ({
          name: `trial ${trial.number}`,
          value: [Math.max(spikes, 1e-3), objective],
        })),
    }));
    series.push({
      type: 'line',
      name: 'nothing better for fewer',
      step: 'end',
      symbol: 'none',
      lineStyle: { color: theme.series[2] as string, width: 2 },
      itemStyle: { color: theme.series[2] as string },
      data: best.map(({ spikes, objective }) => [Math.max(spikes, 1e-3), objective]),
    });
    const range =
      cheapest && dearest
        ? ` From ${short(cheapest.spikes)} spikes for ${short(cheapest.objective)} (trial ${cheapest.trial.number}) to ${short(dearest.spikes)} for ${short(dearest.objective)} (trial ${dearest.trial.number}).`
        : '';
    return {
      caption: `Spikes of all layers in a hold-out sample, on average, stand for energy. The line: feasible trials that none with fewer spikes surpasses.${range}`,
      height: 340,
      option: {
        ...baseOption(theme),
        legend: legend(theme),
        grid: GRID,
        xAxis: axis(theme, 'spikes per sample', { type: 'log' }),
        yAxis: verticalAxis(theme, 'objective', { type: 'value', scale: true }),
        series,
      },
      table: {
        columns: ['trial', 'class', 'spikes per sample', 'objective', 'on the front'],
        rows: points.map((point) => [
          point.trial.number,
          classOf(point.trial),
          point.spikes,
          point.objective,
          best.includes(point) ? 'yes' : 'no',
        ]),
      },
    };
  },
};

export const decoders: FigureDefinition = {
  id: 'decoders',
  title: 'Accuracy by decoder',
  section: 'Trade-offs',
  build(data, theme) {
    const ended = endedTrials(data).filter((trial) => classOf(trial) === 'feasible');
    const names = [...new Set(ended.flatMap(({ outcome }) => Object.keys(outcome?.accuracies ?? {})))];
    if (names.length === 0) return 'No feasible trial has accuracies of decoders.';
    const all = names.map((name) => {
      const values = ended.flatMap(({ outcome }) => outcome?.accuracies[name] ?? []).filter(Number.isFinite);
      return { name, sorted: values.sort((a, b) => a - b) };
    });
    const boxes = all.map(({ sorted }) => [0, 0.25, 0.5, 0.75, 1].map((share) => quantile(sorted, share)));
    const said = all.map(
      ({ name, sorted }) =>
        `${name} ${short(quantile(sorted, 0.5))} (best ${short(sorted.at(-1) ?? Number.NaN)})`,
    );
    return {
      caption: `Every decoder of the ${ended.length} feasible trials, whichever the trial was scored by: least, quartiles and greatest. Medians: ${said.join(', ')}.`,
      height: 280,
      option: {
        ...baseOption(theme),
        grid: { ...GRID, top: 16 },
        xAxis: axis(theme, '', { type: 'category', data: names }),
        yAxis: verticalAxis(theme, 'accuracy', { type: 'value', scale: true }),
        series: [
          {
            type: 'boxplot',
            name: 'accuracy',
            itemStyle: { color: 'transparent', borderColor: theme.series[0] as string },
            data: boxes,
          },
        ],
      },
      table: {
        columns: ['trial', ...names],
        rows: ended.map(({ number, outcome }) => [
          number,
          ...names.map((name) => cell(outcome?.accuracies[name])),
        ]),
      },
    };
  },
};

const HISTOGRAM_BINS = 24;

export const cost: FigureDefinition = {
  id: 'cost',
  title: 'Time of stopped and of complete trials',
  section: 'Trade-offs',
  build(data, theme) {
    const timed = endedTrials(data).filter(
      ({ outcome, state }) => state !== 'failed' && (outcome?.seconds ?? 0) > 0,
    );
    const seconds = (trial: TrialRecord) => trial.outcome?.seconds as number;
    if (timed.length < 2) return 'Fewer than two trials have a measured time.';
    const all = timed.map(seconds);
    const [low, high] = [Math.log10(Math.min(...all)), Math.log10(Math.max(...all))];
    const width = Math.max(1e-9, (high - low) / HISTOGRAM_BINS);
    const groups = (['silent', 'complete'] as const).map((state) => {
      const counts = new Array<number>(HISTOGRAM_BINS).fill(0);
      const own = timed.filter((trial) => trial.state === state).map(seconds);
      for (const time of own) {
        const bin = Math.min(HISTOGRAM_BINS - 1, Math.floor((Math.log10(time) - low) / width));
        counts[bin] = (counts[bin] as number) + 1;
      }
      return { state, counts, sorted: own.sort((a, b) => a - b) };
    });
    const labels = Array.from({ length: HISTOGRAM_BINS }, (_, bin) =>
      short(10 ** (low + (bin + 0.5) * width)),
    );
    const colours = { silent: theme.classes.silent, complete: theme.classes.feasible };
    const said = groups
      .filter(({ sorted }) => sorted.length > 0)
      .map(({ state, sorted }) => `${state} ${short(quantile(sorted, 0.5))} s`);
    return {
      caption: `From a trial's first launch to its end; slots share their device, so this is not the device's own time. Medians: ${said.join(', ')}.`,
      height: 280,
      option: {
        ...baseOption(theme),
        legend: legend(theme),
        grid: GRID,
        xAxis: axis(theme, 'seconds', { type: 'category', data: labels }),
        yAxis: verticalAxis(theme, 'trials', { type: 'value', minInterval: 1 }),
        series: groups.map(
          ({ state, counts }): SeriesOption => ({
            type: 'bar',
            name: state === 'silent' ? 'stopped (silent)' : 'complete',
            stack: 'trials',
            barCategoryGap: '5%',
            itemStyle: {
              color: colours[state],
              ...(state === 'silent'
                ? { decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: 0.8 } }
                : {}),
            } as object,
            data: counts,
          }),
        ),
      },
      table: {
        columns: ['trial', 'state', 'seconds'],
        rows: timed.map((trial) => [trial.number, trial.state, seconds(trial)]),
      },
    };
  },
};
