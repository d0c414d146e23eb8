/** A figure of curves with error bars as SVG, a panel a subject. */
import { linearAxis } from './axis.ts';
import { escapeMarkup } from './escape-markup.ts';
import { colour, place } from './svg.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Half the length of the error bar; absent or NaN: none. */
  readonly error?: number;
}

export interface Curve {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Panel {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly curves: readonly Curve[];
}

const PANEL = { width: 380, height: 250, left: 62, top: 40, right: 14, bottom: 46 };
const LEGEND_LINE = 18;
/** Curves from this on are dashed: there are no more colours. */
const COLOURS = 7;

export function comparisonFigure(title: string, panels: readonly Panel[]): string {
  const names = [...new Set(panels.flatMap(({ curves }) => curves.map(({ name }) => name)))];
  const columns = Math.min(2, Math.max(1, panels.length));
  const rows = Math.ceil(panels.length / columns);
  const legendLines = Math.ceil(names.length / 4);
  const head = 40 + legendLines * LEGEND_LINE;
  const width = Math.max(640, columns * PANEL.width + 20);
  const height = head + rows * PANEL.height + 12;
  const legend = names.map((name, n) => {
    const x = 16 + (n % 4) * ((width - 20) / 4);
    const y = 44 + Math.floor(n / 4) * LEGEND_LINE;
    return `<path d="M${x} ${y - 4}h22" ${stroke(n)}/><text x="${x + 28}" y="${y}">${escapeMarkup(name)}</text>`;
  });
  const drawn = panels.map((panel, p) => {
    const x = 10 + (p % columns) * PANEL.width;
    const y = head + Math.floor(p / columns) * PANEL.height;
    return `<g transform="translate(${x} ${y})">${drawPanel(panel, names)}</g>`;
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<title>${escapeMarkup(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="16" y="22" font-size="15" font-weight="600">${escapeMarkup(title)}</text>`,
    ...legend,
    ...drawn,
    '</svg>',
  ].join('\n')}\n`;
}

function drawPanel({ title, xLabel, yLabel, curves }: Panel, names: readonly string[]): string {
  const { width, height, left, top, right, bottom } = PANEL;
  const all = curves.flatMap(({ points }) => points);
  const bar = ({ error }: Point): number => (error !== undefined && Number.isFinite(error) ? error : 0);
  const span = (values: readonly number[]): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = high > low ? 0.05 * (high - low) : 0.5 * Math.abs(high) || 1;
    return [low - room, high + room];
  };
  const x = linearAxis(span(all.map((point) => point.x)), [left, width - right], 6);
  const y = linearAxis(
    span(all.flatMap((point) => [point.y - bar(point), point.y + bar(point)])),
    [height - bottom, top],
    5,
  );
  const ticks = [
    ...x.ticks.map((value) => {
      const at = place(x.at(value));
      return `<path d="M${at} ${height - bottom}v4" stroke="#888"/><text x="${at}" y="${height - bottom + 17}" text-anchor="middle">${value}</text>`;
    }),
    ...y.ticks.map((value) => {
      const at = place(y.at(value));
      return `<path d="M${left - 4} ${at}h4" stroke="#888"/><text x="${left - 7}" y="${at}" dy="4" text-anchor="end">${value}</text>`;
    }),
  ];
  const lines = curves.map(({ name, points }) => {
    const style = stroke(names.indexOf(name));
    const path = points.map(
      (point, k) => `${k === 0 ? 'M' : 'L'}${place(x.at(point.x))} ${place(y.at(point.y))}`,
    );
    const marks =
      points.length > 12
        ? []
        : points.map((point) => {
            const [cx, from, to] = [
              x.at(point.x),
              y.at(point.y - bar(point)),
              y.at(point.y + bar(point)),
            ].map(place);
            return `<path d="M${cx} ${from}V${to}" ${style}/><circle cx="${cx}" cy="${place(y.at(point.y))}" r="2.5"/>`;
          });
    return `<path d="${path.join('')}" ${style}/>${marks.join('')}`;
  });
  return [
    `<text x="${left}" y="${top - 10}" font-weight="600">${escapeMarkup(title)}</text>`,
    `<rect x="${left}" y="${top}" width="${width - left - right}" height="${height - top - bottom}" fill="none" stroke="#888"/>`,
    ...ticks,
    ...lines,
    `<text x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle">${escapeMarkup(xLabel)}</text>`,
    `<text transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeMarkup(yLabel)}</text>`,
  ].join('');
}

function stroke(curve: number): string {
  const dash = curve >= COLOURS ? ' stroke-dasharray="5 3"' : '';
  return `stroke="${colour(curve)}" fill="none" stroke-width="1.5"${dash}`;
}
