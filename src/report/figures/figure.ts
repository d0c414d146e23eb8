/** What a figure is, and the parts that many of them share. */
import type { EChartsOption, LegendComponentOption, SeriesOption } from 'echarts';
import type { StudyData } from './study-data.ts';
import type { Theme } from './theme.ts';

/** A cell of a figure's data. */
export type Cell = string | number | null;

/** What stands in a figure, as a table: for readers who can't see it, and for other programs. */
export interface FigureTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A figure of a study. The same object is drawn in a page and written to a file. */
export interface Figure {
  /** How to read it, and what it says in numbers; also what a screen reader says of it. */
  readonly caption: string;
  /** Pixels. */
  readonly height: number;
  /** Pixels below which it can't be read; a narrower page scrolls it. */
  readonly minWidth?: number;
  readonly option: EChartsOption;
  readonly table: FigureTable;
}

/** A kind of figure. */
export interface FigureDefinition {
  /** Names its files. */
  readonly id: string;
  readonly title: string;
  readonly section: Section;
  /** Whether it takes a page's whole width. */
  readonly wide?: boolean;
  /** The figure for so many pixels, or in a sentence why these data have none. */
  build(data: StudyData, theme: Theme, width: number): Figure | string;
}

export const SECTIONS = [
  'Search',
  'Silence',
  'Hyperparameters',
  'Trade-offs',
  'Devices',
  'Best network',
] as const;
export type Section = (typeof SECTIONS)[number];

/** What every figure looks like. Animations would hide what a live page changes. */
export function baseOption(theme: Theme): EChartsOption {
  return {
    animation: false,
    backgroundColor: theme.ground,
    color: [...theme.series],
    textStyle: { color: theme.text, fontFamily: FONT },
    tooltip: { trigger: 'item', confine: true },
  };
}

/** Without quotes: they would end the attribute that SVG has it in. */
export const FONT = 'system-ui, Segoe UI, DejaVu Sans, sans-serif';

/** A legend above the figure. */
export function legend(theme: Theme, data?: readonly string[]): LegendComponentOption {
  const names = data === undefined ? {} : { data: [...data] };
  return { top: 0, left: 0, textStyle: { color: theme.text }, itemHeight: 10, ...names };
}

/** Options of an axis with a name along it. */
export function axis(theme: Theme, name: string, more: object = {}): object {
  return {
    name,
    nameLocation: 'middle',
    nameGap: 30,
    nameTextStyle: { color: theme.text },
    axisLabel: { color: theme.text, hideOverlap: true },
    axisLine: { lineStyle: { color: theme.rule } },
    splitLine: { lineStyle: { color: theme.rule, opacity: 0.5 } },
    ...more,
  };
}

/** A vertical axis: its name stands farther off. */
export function verticalAxis(theme: Theme, name: string, more: object = {}): object {
  return axis(theme, name, { nameGap: 46, ...more });
}

/** One grid below the legend. */
export const GRID = { left: 68, right: 24, top: 40, bottom: 48 };

/** A small figure among several. */
export interface Panel {
  readonly title: string;
  readonly xAxis: object;
  readonly yAxis: object;
  readonly series: readonly SeriesOption[];
}

const PANEL = { width: 280, height: 170, top: 30, left: 44, bottom: 26 };
/** The width of figures in files. */
export const LAYOUT_WIDTH = 880;

/** Many small figures in rows of as many as fit: options to be spread into a figure's, and its height. */
export function smallMultiples(
  theme: Theme,
  panels: readonly Panel[],
  width: number,
  above = 0,
): { readonly option: EChartsOption; readonly height: number } {
  const columns = Math.max(1, Math.min(4, panels.length, Math.floor(width / PANEL.width)));
  const share = 100 / columns;
  const pad = (100 * PANEL.left) / width;
  const rows = Math.ceil(panels.length / columns);
  const place = (index: number) => ({ column: index % columns, row: Math.floor(index / columns) });
  const top = (index: number) => above + place(index).row * PANEL.height;
  return {
    height: above + rows * PANEL.height + 8,
    option: {
      title: panels.map(({ title }, index) => ({
        text: title,
        left: `${place(index).column * share + pad}%`,
        top: top(index) + 4,
        textStyle: { color: theme.text, fontSize: 12, fontWeight: 'bold' as const },
      })),
      grid: panels.map((_, index) => ({
        left: `${place(index).column * share + pad}%`,
        width: `${share - pad - 1.5}%`,
        top: top(index) + PANEL.top,
        height: PANEL.height - PANEL.top - PANEL.bottom,
      })),
      xAxis: panels.map(({ xAxis }, gridIndex) => ({ ...axis(theme, ''), ...xAxis, gridIndex })),
      yAxis: panels.map(({ yAxis }, gridIndex) => ({ ...axis(theme, ''), ...yAxis, gridIndex })),
      series: panels.flatMap(({ series }, index) =>
        series.map((one) => ({ ...one, xAxisIndex: index, yAxisIndex: index }) as SeriesOption),
      ),
    },
  };
}

/** A number for reading: four significant digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** `37 %` */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${Math.round((100 * part) / whole)} %`;
}

/** JSON and CSV have no NaN. */
export function cell(value: number | undefined): Cell {
  return value === undefined || !Number.isFinite(value) ? null : value;
}
