/** The middle and the spread of repeated measurements. */

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Half of the distance between the quartiles: what a single repetition is off by, typically. */
  readonly deviation: number;
  readonly repetitions: number;
}

/** @throws {RangeError} for no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('a spread needs at least one value');
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    low: sorted[0] as number,
    high: sorted.at(-1) as number,
    deviation: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2,
    repetitions: sorted.length,
  };
}

/** A quantile of sorted values, linear between its neighbours. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const [a, b] = [sorted[below] ?? Number.NaN, sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN];
  return a + (b - a) * (place - below);
}
