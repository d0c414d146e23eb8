/** A curve in a line of a terminal. */
const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/**
 * As many characters as there are values, or as fit: then each stands for the last value of its stretch. The lowest value
 * is the lowest bar; what is undefined is a blank.
 */
export function sparkline(values: readonly (number | undefined)[], width: number): string {
  const count = Math.min(values.length, width);
  const shown = Array.from(
    { length: count },
    (_, k) => values[Math.ceil(((k + 1) * values.length) / count) - 1],
  );
  const known = shown.filter((value) => value !== undefined);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  return shown
    .map((value) => {
      if (value === undefined) return ' ';
      return BARS[span > 0 ? Math.round(((value - low) / span) * (BARS.length - 1)) : 0];
    })
    .join('');
}
