/** A linear axis of a figure: from values to places, with round numbers for its ticks. */

export interface Axis {
  readonly ticks: readonly number[];
  /** The place of a value, pixels. */
  at(value: number): number;
}

/**
 * An axis on which `low` to `high` spans `from` to `to` pixels.
 *
 * @param count about how many ticks: they are 1, 2 or 5 times a power of ten apart
 */
export function linearAxis(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
  count: number,
): Axis {
  const span = high > low ? high - low : 1;
  const step = roundStep(span / count);
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= low + span * (1 + 1e-9); k++) {
    // Fifteen digits: 0.3, not 0.30000000000000004.
    ticks.push(Number((k * step).toPrecision(15)));
  }
  return { ticks, at: (value) => from + ((value - low) / span) * (to - from) };
}

/** 1, 2 or 5 times a power of ten, at or above a size. */
export function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= size * (1 - 1e-9)) ?? 10;
  return factor * power;
}
