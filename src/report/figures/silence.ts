/** Where networks are silent, how silence goes with spikes, and what stopping saved. */
import type { SeriesOption } from 'echarts';
import type { Parameter } from '../../search/space.ts';
import type { TrialRecord } from '../../study/store.ts';
import {
  axis,
  baseOption,
  cell,
  type FigureDefinition,
  GRID,
  legend,
  type Panel,
  percent,
  short,
  smallMultiples,
  verticalAxis,
} from './figure.ts';
import { classOf, endedTrials, movedParameters, plannedSamples, samplesRun } from './study-data.ts';
import { SYMBOLS } from './theme.ts';

const BINS = 8;
/** With fewer trials than this in each bin on average, there are fewer bins. */
const TRIALS_PER_BIN = 5;

/** Trials with about the same value of a hyperparameter. */
export interface Bin {
  readonly label: string;
  readonly trials: readonly TrialRecord[];
}

/** Bins with equally many trials, or one for each choice: a search does not spread its trials evenly. */
export function binsOf(trials: readonly TrialRecord[], name: string, parameter: Parameter): Bin[] {
  if (parameter.type === 'categorical') {
    return parameter.choices.map((choice) => ({
      label: String(choice),
      trials: trials.filter(({ values }) => values[name] === choice),
    }));
  }
  const valueIn = ({ values }: TrialRecord) => values[name] as number;
  const sorted = trials
    .filter(({ values }) => typeof values[name] === 'number')
    .sort((a, b) => valueIn(a) - valueIn(b));
  const count = Math.max(1, Math.min(BINS, Math.floor(sorted.length / TRIALS_PER_BIN)));
  const bins: TrialRecord[][] = [];
  for (let bin = 0; bin < count; bin++) {
    const part = sorted.slice(
      Math.round((bin * sorted.length) / count),
      Math.round(((bin + 1) * sorted.length) / count),
    );
    // Equal values stay together.
    const last = bins.at(-1)?.at(-1);
    while (last && part[0] && valueIn(part[0]) === valueIn(last))
      bins.at(-1)?.push(part.shift() as TrialRecord);
    if (part.length > 0) bins.push(part);
  }
  return bins.map((part) => {
    const [low, high] = [valueIn(part[0] as TrialRecord), valueIn(part.at(-1) as TrialRecord)];
    return { label: low === high ? short(low) : `${short(low)} to ${short(high)}`, trials: part };
  });
}

/** Wilson's interval of a share, 95 %. */
export function wilson(hits: number, count: number): readonly [low: number, high: number] {
  if (count === 0) return [0, 1];
  const z = 1.959964;
  const p = hits / count;
  const middle = p + (z * z) / (2 * count);
  const half = z * Math.sqrt((p * (1 - p)) / count + (z * z) / (4 * count * count));
  const scale = 1 + (z * z) / count;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

const isSilent = ({ state }: TrialRecord) => state === 'silent';

export const silentByParameter: FigureDefinition = {
  id: 'silent-by-hyperparameter',
  title: 'Where the silent region lies',
  section: 'Silence',
  wide: true,
  build(data, theme, width) {
    const ended = endedTrials(data);
    const silent = ended.filter(isSilent).length;
    if (silent === 0) return 'No trial was silent.';
    const parameters = movedParameters(data);
    if (parameters.length === 0) return 'The search moves no hyperparameter.';
    const all = parameters.map(([name, parameter]) => ({ name, bins: binsOf(ended, name, parameter) }));
    const spread = all.map(({ name, bins }) => {
      const shares = bins
        .filter(({ trials }) => trials.length > 0)
        .map(({ trials }) => trials.filter(isSilent).length / trials.length);
      return { name, range: Math.max(...shares) - Math.min(...shares) };
    });
    const strongest = spread.toSorted((a, b) => b.range - a.range)[0];
    const panels = all.map(({ name, bins }): Panel => {
      const counts = bins.map(({ trials }) => [trials.filter(isSilent).length, trials.length] as const);
      return {
        title: name,
        xAxis: {
          type: 'category',
          data: bins.map(({ label }) => label),
          axisLabel: {
            color: theme.text,
            fontSize: 9,
            hideOverlap: true,
            formatter: (label: string) => label.split(' to ')[0],
          },
        },
        yAxis: { type: 'value', min: 0, max: 1, splitNumber: 2 },
        series: [
          {
            type: 'bar',
            name: 'silent share',
            itemStyle: { color: theme.classes.silent },
            data: counts.map(([hits, count]) => (count === 0 ? 0 : hits / count)),
          },
          {
            type: 'custom',
            name: '95 % interval',
            renderItem: (_, api) => {
              const [x = 0, low = 0] = api.coord([api.value(0), api.value(1)]);
              const [, high = 0] = api.coord([api.value(0), api.value(2)]);
              return {
                type: 'line',
                shape: { x1: x, y1: low, x2: x, y2: high },
                style: { stroke: theme.text, lineWidth: 1 },
              };
            },
            z: 5,
            encode: { x: 0, y: [1, 2] },
            data: counts.map(([hits, count], bin) => [bin, ...wilson(hits, count)]),
          } as SeriesOption,
        ],
      };
    });
    const { option, height } = smallMultiples(theme, panels, width);
    return {
      caption: `Share of silent trials by hyperparameter, in bins of equally many trials (labels: where a bin begins), with 95 % intervals. ${percent(silent, ended.length)} of all are silent. It differs most along ${strongest?.name}.`,
      height,
      option: { ...baseOption(theme), ...option },
      table: {
        columns: ['hyperparameter', 'bin', 'trials', 'silent', 'share'],
        rows: all.flatMap(({ name, bins }) =>
          bins.map(({ label, trials }) => {
            const hits = trials.filter(isSilent).length;
            return [name, label, trials.length, hits, cell(hits / trials.length)];
          }),
        ),
      },
    };
  },
};

/** Per layer of a trial's training: spikes in a sample, and the share of samples with too few. */
function layersOf(trial: TrialRecord) {
  const train = trial.outcome?.phases.find(({ phase }) => phase === 'train');
  if (train === undefined || train.samples === 0) return [];
  return train.layers.map(({ layer, spikes, silentSamples }) => ({
    layer,
    perSample: spikes / train.samples,
    silentShare: silentSamples / train.samples,
  }));
}

export const spikesAndSilence: FigureDefinition = {
  id: 'spikes-and-silence',
  title: 'Spikes per sample against silent samples',
  section: 'Silence',
  build(data, theme, width) {
    const ended = endedTrials(data);
    const points = ended.flatMap((trial) => layersOf(trial).map((layer) => ({ trial, ...layer })));
    if (points.length === 0) return 'No trial has counted spikes.';
    const layers = [...new Set(points.map(({ layer }) => layer))];
    const { beta } = data.spec.settings;
    const panels = layers.map((layer): Panel => {
      const alpha = data.spec.settings[`${layer}Alpha`];
      const series = (['feasible', 'infeasible', 'silent'] as const).map(
        (name): SeriesOption => ({
          type: 'scatter',
          name,
          symbol: SYMBOLS[name],
          symbolSize: 6,
          itemStyle: { color: theme.classes[name], opacity: 0.7 },
          // A logarithmic axis has no 0: networks without a spike stand at its lower end.
          data: points
            .filter((point) => point.layer === layer && classOf(point.trial) === name)
            .map(({ trial, perSample, silentShare }) => ({
              name: `trial ${trial.number}`,
              value: [Math.max(perSample, 1e-3), silentShare],
            })),
          ...(name === 'silent'
            ? {
                markLine: {
                  silent: true,
                  symbol: 'none',
                  lineStyle: { color: theme.text, type: 'dashed' },
                  label: { color: theme.text, position: 'insideEndTop' },
                  data: [
                    ...(typeof alpha === 'number' && alpha > 0
                      ? [{ xAxis: alpha, label: { formatter: `alpha ${alpha}` } }]
                      : []),
                    ...(typeof beta === 'number'
                      ? [{ yAxis: beta, label: { formatter: `beta ${beta}` } }]
                      : []),
                  ],
                },
              }
            : {}),
        }),
      );
      return {
        title: `${layer} layer`,
        xAxis: { type: 'log', name: 'spikes per sample', nameGap: 22 },
        yAxis: { type: 'value', min: 0, max: 1 },
        series,
      };
    });
    const { option, height } = smallMultiples(theme, panels, width, 28);
    return {
      caption: `For each trial and layer, over the training samples that were run: mean spikes in a sample, and the share of samples with fewer than alpha. A trial is stopped once more than a share beta of an epoch's samples are silent.`,
      height: height + 14,
      option: {
        ...baseOption(theme),
        ...option,
        legend: legend(theme, ['feasible', 'infeasible', 'silent']),
      },
      table: {
        columns: ['trial', 'class', 'layer', 'spikes per sample', 'silent share of the samples run'],
        rows: points.map(({ trial, layer, perSample, silentShare }) => [
          trial.number,
          classOf(trial),
          layer,
          perSample,
          silentShare,
        ]),
      },
    };
  },
};

export const samplesSaved: FigureDefinition = {
  id: 'samples-saved',
  title: 'What stopping silent networks saved',
  section: 'Silence',
  build(data, theme) {
    const ended = endedTrials(data).filter(({ state }) => state !== 'failed');
    let ran = 0;
    let saved = 0;
    const rows = ended.flatMap((trial, index) => {
      const planned = plannedSamples(data, trial);
      if (planned === undefined) return [];
      ran += samplesRun(trial);
      saved += Math.max(0, planned - samplesRun(trial));
      return [[index + 1, trial.number, samplesRun(trial), planned, ran, saved] as const];
    });
    if (rows.length === 0) return 'The recipe does not say how many samples a trial would have run.';
    const stopped = ended.filter(isSilent);
    const series = [
      { name: 'samples run', at: 4, color: theme.classes.feasible },
      { name: 'samples not run', at: 5, color: theme.classes.silent },
    ] as const;
    return {
      caption: `Counted, not estimated: ${stopped.length} silent trials were stopped. ${ran.toLocaleString('en-US')} samples were run and ${saved.toLocaleString('en-US')} not run, ${percent(saved, ran + saved)} of what all trials would have run to their ends.`,
      height: 280,
      option: {
        ...baseOption(theme),
        legend: legend(theme),
        grid: { ...GRID, left: 88 },
        xAxis: axis(theme, 'trials that have ended', { type: 'value', min: 0, max: rows.length }),
        yAxis: verticalAxis(theme, 'samples, all trials together', { type: 'value', nameGap: 66 }),
        series: series.map(({ name, at, color }) => ({
          type: 'line',
          name,
          stack: 'samples',
          symbol: 'none',
          lineStyle: { color, width: 1 },
          itemStyle: { color },
          areaStyle: { color, opacity: 0.8 },
          data: rows.map((row) => [row[0], row[at]]),
        })),
      },
      table: {
        columns: ['ended', 'trial', 'samples run', 'samples planned', 'run so far', 'not run so far'],
        rows,
      },
    };
  },
};
