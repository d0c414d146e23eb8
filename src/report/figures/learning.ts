/** The best network, run again: how it learned, what it takes for what, how much its layers spike. */
import {
  axis,
  baseOption,
  type FigureDefinition,
  GRID,
  legend,
  percent,
  short,
  verticalAxis,
} from './figure.ts';
import { withPortrait } from './portrait.ts';

export const layerRates: FigureDefinition = {
  id: 'layer-rates',
  title: 'Rates of the best network',
  section: 'Best network',
  build: withPortrait(({ trial, rates }, theme) => {
    const said = rates.map(
      ({ layer, neurons, mean, never }) =>
        `${layer} ${short(mean)} (${percent(never, neurons)} of ${neurons} neurons never)`,
    );
    return {
      caption: `Mean spikes of a neuron in a hold-out sample of trial ${trial}, over the neurons of each layer: 5th percentile, quartiles, 95th percentile. Means: ${said.join(', ')}.`,
      height: 280,
      option: {
        ...baseOption(theme),
        grid: { ...GRID, top: 16 },
        xAxis: axis(theme, 'layer', { type: 'category', data: rates.map(({ layer }) => layer) }),
        yAxis: verticalAxis(theme, 'spikes per sample', { type: 'value', min: 0 }),
        series: [
          {
            type: 'boxplot',
            name: 'spikes',
            itemStyle: { color: 'transparent', borderColor: theme.series[0] as string },
            data: rates.map(({ quantiles }) => [...quantiles]),
          },
        ],
      },
      table: {
        columns: ['layer', 'neurons', 'never spike', 'mean', '5 %', '25 %', '50 %', '75 %', '95 %'],
        rows: rates.map(({ layer, neurons, never, mean, quantiles }) => [
          layer,
          neurons,
          never,
          mean,
          ...quantiles,
        ]),
      },
    };
  }),
};

export const learningCurves: FigureDefinition = {
  id: 'learning-curves',
  title: 'Loss and accuracy of the best network',
  section: 'Best network',
  build: withPortrait(({ trial, epochs, accuracy, recordedAccuracy, device }, theme) => {
    if (epochs.length === 0) return 'Its recipe learns without a loss.';
    const curve = (name: string, index: number, yAxisIndex: number, dashed: boolean, values: number[]) => ({
      type: 'line' as const,
      name,
      yAxisIndex,
      symbolSize: 5,
      lineStyle: {
        color: theme.series[index] as string,
        type: dashed ? ('dashed' as const) : ('solid' as const),
      },
      itemStyle: { color: theme.series[index] as string },
      data: values.map((value, epoch) => [epoch + 1, value]),
    });
    const same = accuracy === recordedAccuracy ? 'as recorded' : `recorded was ${short(recordedAccuracy)}`;
    return {
      caption: `Trial ${trial} by epochs: on what it learned from, while it learned and with its dropout, and on the hold-out after each epoch. Run again on ${device}: accuracy ${short(accuracy)}, ${same}.`,
      height: 320,
      option: {
        ...baseOption(theme),
        legend: legend(theme),
        grid: { ...GRID, right: 68 },
        xAxis: axis(theme, 'epoch', {
          type: 'value',
          min: 1,
          max: Math.max(2, epochs.length),
          minInterval: 1,
        }),
        yAxis: [
          verticalAxis(theme, 'accuracy', { type: 'value', min: 0, max: 1 }),
          verticalAxis(theme, 'loss', { type: 'value', min: 0, splitLine: { show: false } }),
        ],
        series: [
          curve(
            'accuracy, training',
            0,
            0,
            true,
            epochs.map(({ train }) => train.accuracy),
          ),
          curve(
            'accuracy, hold-out',
            0,
            0,
            false,
            epochs.map(({ holdOut }) => holdOut.accuracy),
          ),
          curve(
            'loss, training',
            1,
            1,
            true,
            epochs.map(({ train }) => train.loss),
          ),
          curve(
            'loss, hold-out',
            1,
            1,
            false,
            epochs.map(({ holdOut }) => holdOut.loss),
          ),
        ],
      },
      table: {
        columns: ['epoch', 'training loss', 'training accuracy', 'hold-out loss', 'hold-out accuracy'],
        rows: epochs.map(({ train, holdOut }, epoch) => [
          epoch + 1,
          train.loss,
          train.accuracy,
          holdOut.loss,
          holdOut.accuracy,
        ]),
      },
    };
  }),
};

/** Pixels of a class's row. */
const ROW = 30;

export const confusionMatrix: FigureDefinition = {
  id: 'confusion',
  title: 'Confusions of the best network',
  section: 'Best network',
  build: withPortrait(({ trial, confusion }, theme) => {
    if (confusion === undefined) return 'Its recipe keeps no class that a sample was taken for.';
    const names = confusion.map((_, label) => String(label));
    const cells = confusion.flatMap((row, label) => {
      const all = row.reduce((sum, count) => sum + count, 0);
      return row.flatMap((count, taken) => (count > 0 ? [{ label, taken, count, share: count / all }] : []));
    });
    const wrong = cells.filter(({ label, taken }) => label !== taken).sort((a, b) => b.count - a.count);
    const samples = cells.reduce((sum, { count }) => sum + count, 0);
    const right = samples - wrong.reduce((sum, { count }) => sum + count, 0);
    const worst = wrong.slice(0, 3).map(({ label, taken, count }) => `${label} for ${taken} (${count})`);
    return {
      caption: `Samples of the hold-out by label and by the class that trial ${trial} takes them for; a square's side grows with its share of the label's. ${right} of ${samples} are right.${worst.length > 0 ? ` Most often taken: ${worst.join(', ')}.` : ''}`,
      height: 90 + ROW * names.length,
      option: {
        ...baseOption(theme),
        grid: { ...GRID, top: 16 },
        xAxis: axis(theme, 'taken for', { type: 'category', data: names }),
        yAxis: verticalAxis(theme, 'label', { type: 'category', data: names, inverse: true }),
        series: [true, false].map((correct) => ({
          type: 'scatter' as const,
          name: correct ? 'right' : 'wrong',
          symbol: 'rect',
          // Transparent by the colour: an opacity would fade the numbers too.
          itemStyle: { color: `${theme.series[correct ? 0 : 1]}73` },
          label: { show: true, formatter: '{@[2]}', color: theme.text },
          data: cells
            .filter(({ label, taken }) => (label === taken) === correct)
            .map(({ label, taken, count, share }) => ({
              value: [taken, label, count],
              symbolSize: Math.max(4, (ROW - 4) * Math.sqrt(share)),
            })),
        })),
      },
      table: {
        columns: ['label', ...names.map((name) => `taken for ${name}`)],
        rows: confusion.map((row, label) => [label, ...row]),
      },
    };
  }),
};
