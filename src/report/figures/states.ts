/** How trials ended, over the course of the search. */
import type { SeriesOption } from 'echarts';
import { axis, baseOption, type FigureDefinition, GRID, legend, percent, verticalAxis } from './figure.ts';
import { classOf, endedTrials, type TrialClass } from './study-data.ts';

const STATES: readonly TrialClass[] = ['feasible', 'infeasible', 'silent', 'failed'];

export const stateShares: FigureDefinition = {
  id: 'state-shares',
  title: 'How trials ended, over the search',
  section: 'Search',
  build(data, theme) {
    const classes = endedTrials(data).map(classOf);
    if (classes.length < 2) return 'Fewer than two trials have ended.';
    const window = Math.max(10, Math.round(classes.length / 20));
    const rows = classes.map((_, end) => {
      const recent = classes.slice(Math.max(0, end + 1 - window), end + 1);
      return STATES.map((state) => recent.filter((one) => one === state).length / recent.length);
    });
    const series = STATES.map(
      (name, index): SeriesOption => ({
        type: 'line',
        name,
        stack: 'states',
        symbol: 'none',
        lineStyle: { width: 0.5, color: theme.classes[name] },
        itemStyle: { color: theme.classes[name] },
        areaStyle: {
          color: theme.classes[name],
          opacity: 0.85,
          ...(name === 'silent'
            ? { decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: 0.8 } }
            : {}),
        } as object,
        data: rows.map((shares, end) => [end + 1, shares[index] as number]),
      }),
    );
    const said = STATES.map((state) => {
      const count = classes.filter((one) => one === state).length;
      return `${count} ${state} (${percent(count, classes.length)})`;
    });
    return {
      caption: `Shares among the last ${window} trials that ended. All together: ${said.join(', ')}.`,
      height: 260,
      option: {
        ...baseOption(theme),
        legend: legend(theme),
        grid: GRID,
        xAxis: axis(theme, 'trials that have ended', { type: 'value', min: 1, max: classes.length }),
        yAxis: verticalAxis(theme, 'share', { type: 'value', min: 0, max: 1 }),
        series,
      },
      table: {
        columns: ['trials that have ended', ...STATES],
        rows: rows.map((shares, end) => [end + 1, ...shares]),
      },
    };
  },
};
