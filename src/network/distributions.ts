/**
 * Values for many neurons or synapses: one for all, a list, or drawn from a distribution. They are plain data, the
 * same in TypeScript and in a network file: `gamma({ shape: 3, mean: 20 })` is
 * `{ distribution: 'gamma', shape: 3, mean: 20 }`.
 */
import { Draws } from '../random/draws.ts';
import type { Words2 } from '../random/philox.ts';
import { ensure, NetworkError } from './errors.ts';

/** Limits to which draws are clipped: a draw beyond one becomes that limit. */
export interface Limits {
  readonly low?: number;
  readonly high?: number;
}

export interface Uniform {
  readonly distribution: 'uniform';
  readonly low: number;
  readonly high: number;
}

export interface Normal extends Limits {
  readonly distribution: 'normal';
  readonly mean: number;
  readonly standardDeviation: number;
}

export interface LogNormal extends Limits {
  readonly distribution: 'log-normal';
  readonly mean: number;
  readonly standardDeviation: number;
}

export interface Gamma extends Limits {
  readonly distribution: 'gamma';
  readonly shape: number;
  readonly mean: number;
}

/** Parts of equal size, each with values of its own: the first part, the second, and so on. */
export interface Parts {
  readonly distribution: 'parts';
  readonly of: readonly Values[];
}

/** One value for all, a list with one value each, or a distribution. */
export type Values = number | ArrayLike<number> | Uniform | Normal | LogNormal | Gamma | Parts;

/** Equally likely from `low` to `high`. */
export function uniform(low: number, high: number): Uniform {
  return { distribution: 'uniform', low, high };
}

/** Normal, clipped to limits where they are given. */
export function normal(options: Omit<Normal, 'distribution'>): Normal {
  return { distribution: 'normal', ...options };
}

/** Log-normal with this mean and standard deviation of the values themselves, not of their logarithms. */
export function logNormal(options: Omit<LogNormal, 'distribution'>): LogNormal {
  return { distribution: 'log-normal', ...options };
}

/**
 * Gamma with this shape and mean, so its scale is mean / shape. For heterogeneous time constants Perez-Nieves et al.
 * (2021) take shape 3.
 */
export function gamma(options: Omit<Gamma, 'distribution'>): Gamma {
  return { distribution: 'gamma', ...options };
}

/** Cuts neurons into parts of equal size (to within one), each with values of its own: clusters, for example. */
export function parts(...of: Values[]): Parts {
  return { distribution: 'parts', of };
}

/** Where draws come from: key of the network, stream of the purpose, and a group within it. */
export interface DrawAddress {
  readonly key: Words2;
  readonly stream: number;
  readonly group: number;
}

/**
 * The values for `count` neurons or synapses, in f64. Value i is a function of the address and i alone.
 *
 * @param place names the values in errors, such as `population "neurons": tauMembraneMs`
 * @returns one number where all are the same
 * @throws {NetworkError} for a list of another length, a value that is not finite, and bad parameters
 */
export function valuesOf(
  values: Values,
  count: number,
  address: DrawAddress,
  place: string,
): number | Float64Array {
  if (typeof values === 'number') {
    ensure(Number.isFinite(values), () => `${place} is ${values}: give a finite number`);
    return values;
  }
  const out = new Float64Array(count);
  fill(out, 0, values, new Draws(address.key, address.stream), address.group, place);
  return out;
}

function fill(
  out: Float64Array,
  first: number,
  values: Values,
  draws: Draws,
  group: number,
  place: string,
): void {
  if (typeof values === 'number') {
    out.fill(valuesOf(values, 1, { key: [0, 0], stream: 0, group }, place) as number);
  } else if (!isDistribution(values)) {
    fillList(out, values, place);
  } else if (values.distribution === 'parts') {
    const pieces = values.of.length;
    ensure(pieces > 0, () => `${place} has no parts: give parts(...) at least one`);
    values.of.forEach((part, i) => {
      const from = partStart(out.length, pieces, i);
      const piece = out.subarray(from, partStart(out.length, pieces, i + 1));
      fill(piece, first + from, part, draws, group, `${place}, part ${i}`);
    });
  } else {
    const { draw, varies } = drawOf(values, draws, place);
    draws.at(first, group);
    for (let i = 0; i < out.length; i++) {
      if (varies) draws.at(first + i, group);
      out[i] = draw();
    }
  }
}

/** Where part i of `pieces` begins among `count`: sizes differ by one at the most. */
export function partStart(count: number, pieces: number, i: number): number {
  return Math.round((count * i) / pieces);
}

function fillList(out: Float64Array, list: ArrayLike<number>, place: string): void {
  ensure(
    list.length === out.length,
    () => `${place} is a list of ${list.length}: give ${out.length} numbers, or one for all`,
  );
  for (let i = 0; i < out.length; i++) {
    const value = list[i] as number;
    ensure(Number.isFinite(value), () => `${place}, entry ${i} is ${value}: give a finite number`);
    out[i] = value;
  }
}

type Continuous = Uniform | Normal | LogNormal | Gamma;

/** How a value is drawn, and whether the words that this takes vary: each value has an address of its own then. */
interface Drawing {
  readonly draw: () => number;
  readonly varies: boolean;
}

function drawOf(of: Continuous, draws: Draws, place: string): Drawing {
  const check = (holds: boolean, what: string): void => {
    ensure(holds, () => `${place}: ${describe(of)} needs ${what}`);
  };
  switch (of.distribution) {
    case 'uniform': {
      const { low, high } = of;
      check(Number.isFinite(low) && Number.isFinite(high) && low <= high, 'low at or below high');
      return { draw: () => low + (high - low) * draws.unit(), varies: false };
    }
    case 'normal': {
      const { mean, standardDeviation: deviation } = of;
      check(
        Number.isFinite(mean) && deviation >= 0 && deviation < Infinity,
        'a standardDeviation of at least 0',
      );
      return { draw: clipped(of, check, () => mean + deviation * draws.normal()), varies: false };
    }
    case 'log-normal': {
      const { mean, standardDeviation: deviation } = of;
      check(mean > 0 && mean < Infinity, 'a mean above 0');
      check(deviation >= 0 && deviation < Infinity, 'a standardDeviation of at least 0');
      // The logarithm's variance and mean, from the mean and variance of the values.
      const variance = Math.log1p((deviation / mean) ** 2);
      const location = Math.log(mean) - variance / 2;
      const scale = Math.sqrt(variance);
      return { draw: clipped(of, check, () => Math.exp(location + scale * draws.normal())), varies: false };
    }
    case 'gamma': {
      const { shape, mean } = of;
      check(shape > 0 && shape < Infinity && mean > 0 && mean < Infinity, 'a shape and a mean above 0');
      const scale = mean / shape;
      return { draw: clipped(of, check, () => scale * draws.gamma(shape)), varies: true };
    }
    default:
      throw new NetworkError(
        `${place}: there is no distribution ${JSON.stringify((of as { distribution: unknown }).distribution)}: use uniform, normal, log-normal, gamma or parts`,
      );
  }
}

function clipped(
  { low = -Infinity, high = Infinity }: Limits,
  check: (holds: boolean, what: string) => void,
  draw: () => number,
): () => number {
  check(low <= high, 'low at or below high');
  if (low === -Infinity && high === Infinity) return draw;
  return () => Math.min(high, Math.max(low, draw()));
}

function isDistribution(values: Exclude<Values, number>): values is Continuous | Parts {
  return 'distribution' in values;
}

function describe(values: Continuous): string {
  return JSON.stringify(values);
}
