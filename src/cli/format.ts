/** Numbers, durations and tables as the terminal shows them. */
import Table from 'cli-table3';

/** A whole number with separators: 12,345. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A share as a percentage without decimals: 73 %. Of nothing: a dash. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? '–' : `${Math.round((100 * part) / whole)} %`;
}

/** Four significant digits, exponents for the very small and the very large; whole numbers as they are. */
export function formatValue(value: number | string): string {
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(3);
  return String(Number(value.toPrecision(4)));
}

/** A score with four decimals, so that columns line up: 0.8300. */
export function formatScore(score: number | undefined): string {
  return score === undefined || !Number.isFinite(score) ? '–' : score.toFixed(4);
}

/** 4.2 s, 3 min 5 s, 2 h 10 min. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Unix time, ms, as local date and time to the minute. */
export function formatTime(unixMs: number): string {
  const date = new Date(unixMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `1 trial`, `2 trials`. */
export function plural(count: number, word: string): string {
  return `${formatCount(count)} ${word}${count === 1 ? '' : 's'}`;
}

/** A table without colours. Columns of which every cell looks like a number stand on the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumeric = (column: number) =>
    rows.every((row) => /^([-+]?[\d.,]+(e[-+]?\d+)?( %)?|–)$/.test(row[column] ?? ''));
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (rows.length > 0 && isNumeric(column) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
