/** Tables as CSV (RFC 4180): a line each, quotes where they are needed, an empty cell for nothing. */
import type { Cell, FigureTable } from './figures/figure.ts';

export function csvOf({ columns, rows }: FigureTable): string {
  return `${[columns, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n')}\r\n`;
}

function csvCell(value: Cell): string {
  if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
