/** Which trial ran when and on which device. */
import type { CustomSeriesRenderItem } from 'echarts';
import type { TrialRecord } from '../../study/store.ts';
import { axis, baseOption, type FigureDefinition, percent } from './figure.ts';
import { classOf, endedTrials, TRIAL_CLASSES, type TrialClass } from './study-data.ts';
import type { Theme } from './theme.ts';

/** A trial in a lane of its device. */
interface Bar {
  readonly trial: TrialRecord;
  readonly lane: number;
  /** Seconds since the study began. */
  readonly from: number;
  readonly to: number;
}

/**
 * Trials of a device in as few lanes as they need: each lane is a slot, though not always the one that it was.
 *
 * The time of a trial is from its first launch to its end; the store keeps its end and how long it took.
 */
export function lanesOf(trials: readonly TrialRecord[], createdAt: number): Bar[] {
  const bars = trials
    .map((trial) => {
      const to = ((trial.finishedAt ?? createdAt) - createdAt) / 1000;
      return { trial, from: Math.max(0, to - (trial.outcome?.seconds ?? 0)), to };
    })
    .sort((a, b) => a.from - b.from);
  const ends: number[] = [];
  return bars.map((bar) => {
    // Ends are recorded together, some milliseconds after each trial's own: that much overlap is none.
    const free = ends.findIndex((end) => end <= bar.from + 0.05 * (bar.to - bar.from) + 0.02);
    const lane = free >= 0 ? free : ends.length;
    ends[lane] = bar.to;
    return { ...bar, lane };
  });
}

export const occupancy: FigureDefinition = {
  id: 'occupancy',
  title: 'What ran when, by device',
  section: 'Devices',
  wide: true,
  build(data, theme) {
    const ended = endedTrials(data).filter(({ outcome }) => outcome !== undefined && outcome.seconds > 0);
    if (ended.length === 0) return 'No trial with a measured time has ended yet.';
    const devices = [...Map.groupBy(ended, ({ outcome }) => outcome?.device ?? '')];
    const rows: { readonly device: string; readonly bars: readonly Bar[]; readonly lanes: number }[] =
      devices.map(([device, trials]) => {
        const bars = lanesOf(trials, data.createdAt);
        return { device, bars, lanes: 1 + bars.reduce((most, { lane }) => Math.max(most, lane), 0) };
      });
    const firsts: number[] = [];
    let lanes = 0;
    for (const row of rows) {
      firsts.push(lanes);
      lanes += row.lanes;
    }
    const labels = rows.flatMap(({ device, lanes: count }) =>
      Array.from({ length: count }, (_, lane) => (lane === 0 ? device : '')),
    );
    const bars = rows.flatMap((row, index) =>
      row.bars.map((bar) => ({ ...bar, device: row.device, at: (firsts[index] as number) + bar.lane })),
    );
    const end = bars.reduce((most, { to }) => Math.max(most, to), 0);
    const begin = bars.reduce((least, { from }) => Math.min(least, from), end);
    const busy = rows.map(({ device, bars: own, lanes: count }) => {
      const time = own.reduce((sum, { from, to }) => sum + to - from, 0);
      const span =
        own.reduce((m, { to }) => Math.max(m, to), 0) - own.reduce((m, { from }) => Math.min(m, from), end);
      return `${device}: ${own.length} trials in ${count} lanes, ${percent(time, count * span)} of their time`;
    });
    return {
      caption: `Each bar is a trial, from its first launch to its end; lanes are slots. ${busy.join('. ')}.`,
      height: Math.min(900, 90 + 16 * lanes + 30),
      option: {
        ...baseOption(theme),
        legend: {
          top: 0,
          left: 0,
          textStyle: { color: theme.text },
          data: TRIAL_CLASSES.filter((c) => c !== 'running'),
        },
        grid: { left: 150, right: 24, top: 40, bottom: 48 },
        xAxis: axis(theme, 'time since the study began (s)', {
          type: 'value',
          min: Math.floor(begin),
          max: Math.ceil(end),
        }),
        yAxis: {
          type: 'category',
          inverse: true,
          data: labels,
          axisTick: { show: false },
          axisLine: { lineStyle: { color: theme.rule } },
          axisLabel: { color: theme.text, interval: 0, width: 140, overflow: 'truncate' },
        },
        series: TRIAL_CLASSES.filter((name) => name !== 'running').map((name) => ({
          type: 'custom',
          name,
          renderItem: drawBar(theme, name),
          itemStyle: { color: theme.classes[name] },
          encode: { x: [0, 1], y: 2 },
          data: bars
            .filter(({ trial }) => classOf(trial) === name)
            .map(({ trial, from, to, at }) => ({ name: `trial ${trial.number}`, value: [from, to, at] })),
        })),
      },
      table: {
        columns: ['trial', 'device', 'lane', 'from (s)', 'to (s)', 'class'],
        rows: bars.map(({ trial, device, lane, from, to }) => [
          trial.number,
          device,
          lane,
          from,
          to,
          classOf(trial),
        ]),
      },
    };
  },
};

function drawBar(theme: Theme, name: TrialClass): CustomSeriesRenderItem {
  return (_, api) => {
    const [x = 0, y = 0] = api.coord([api.value(0), api.value(2)]);
    const [end = 0] = api.coord([api.value(1), api.value(2)]);
    const size = api.size?.([0, 1]);
    const height = 0.8 * (Array.isArray(size) ? (size[1] as number) : 12);
    return {
      type: 'rect',
      shape: { x, y: y - height / 2, width: Math.max(0.5, end - x - 0.5), height },
      style: { fill: theme.classes[name] },
    };
  };
}
