/**
 * A model of what kernels take on hardware that is not here, and at sizes that were not measured.
 *
 * The bound of a kernel's work under some roofs is what the highest roof asks for, plus what its launches cost (a launch
 * that waits for its begin does not compute meanwhile). How much longer the kernel takes than that depends on the *kind* of
 * work as much as on the kernel: a convolution and a dense layer go through one kernel and share little else. Cases of
 * a kind differ in size alone.
 *
 * Other hardware: a kernel takes its bound there over the share of the bound that the same case reached where it was
 * measured. So whatever an implementation wastes, it is taken to waste elsewhere too.
 *
 * Other sizes: the time is a power of the bound, through the sizes of the same kind that were measured (see
 * {@link timeAtSize}). Validated by `bench/validate-predictions.ts` on the devices that are here, each size predicted from
 * the others.
 */
import type { KernelCost } from '../kernels/costs.ts';
import { type Card, REACHED } from './cards.ts';
import { BenchError } from './errors.ts';
import type { BenchReport } from './report.ts';
import { type Bound, partsOf, type Roofs } from './roofs.ts';

export interface PredictedKernel {
  readonly case: string;
  readonly kernel: string;
  readonly measuredMs: number;
  /** What the roofs of the hardware allow at best, launches included, and what most of it comes from. */
  readonly bound: Bound;
  /** With the share of the bound that was measured. */
  readonly likelyMs: number;
}

export interface Prediction {
  readonly card: string;
  readonly title: string;
  readonly sources: readonly string[];
  /** What the shares of the bounds are from. */
  readonly basis: string;
  readonly kernels: readonly PredictedKernel[];
}

/** Roofs of a card by its figures. */
export function roofsOfCard(card: Card): Roofs {
  const cache = card.cacheGbPerSecond * 1e9;
  const memory = card.memoryGbPerSecond * 1e9 * REACHED.memory;
  return {
    copyBytesPerSecond: memory,
    reads: [{ withinBytes: card.cacheMib * 2 ** 20, bytesPerSecond: cache }],
    // A word at random moves a sector of 32 B.
    gathers: [
      { withinBytes: card.cacheMib * 2 ** 20, perSecond: cache / 32 },
      { withinBytes: Number.MAX_SAFE_INTEGER, perSecond: memory / 32 },
    ],
    flopsPerSecond: card.teraflops * 1e12 * REACHED.arithmetic,
    launchMs: card.launchUs / 1000,
    dispatchMs: card.launchUs / 1000,
    roundTripMs: 0.1,
    spread: 0,
  };
}

/** What work and launches take at the least together; `by` is the largest part. */
export function boundWithLaunches(cost: KernelCost, launches: number, roofs: Roofs): Bound {
  const parts = partsOf(cost, launches, roofs);
  const [by, largest] = parts.reduce((most, part) => (part[1] > most[1] ? part : most));
  const work = parts.reduce((most, [what, ms]) => (what === 'launches' ? most : Math.max(most, ms)), 0);
  const launching = by === 'launches' ? largest : launches * roofs.launchMs;
  return { by, milliseconds: work + launching };
}

/** @throws {BenchError} `bad-input` for a report without kernels that state their costs */
export function predictOn(card: Card, report: BenchReport): Prediction {
  const kernels = predictFrom(report, roofsOfCard(card));
  return { card: card.name, title: card.title, sources: card.sources, basis: basisOf(report), kernels };
}

/** What the kernels of a report would take under other roofs. */
export function predictFrom(report: BenchReport, roofs: Roofs): PredictedKernel[] {
  const measured = report.roofs;
  const found = report.cases.flatMap((one) =>
    one.kernels.flatMap(({ kernel, cost, launches, milliseconds }) => {
      if (cost === undefined || measured === undefined) return [];
      const bound = boundWithLaunches(cost, launches, roofs);
      const share = boundWithLaunches(cost, launches, measured).milliseconds / milliseconds.low;
      const likelyMs = bound.milliseconds / share;
      return [{ case: one.name, kernel, measuredMs: milliseconds.median, bound, likelyMs }];
    }),
  );
  if (found.length > 0) return found;
  throw new BenchError(
    'bad-input',
    `the report of ${report.device.name} has no kernels with costs: make one with tacet bench kernels -o FILE.json`,
  );
}

function basisOf({ device }: BenchReport): string {
  const { kind, name, software } = device;
  return kind === 'native' || software === true
    ? `shares of the bounds as on ${name}, a processor: what a card reaches may be another share`
    : `shares of the bounds as measured on ${name}`;
}

/** Work of one kind that was measured. */
export interface MeasuredSize {
  readonly boundMs: number;
  readonly milliseconds: number;
}

/** Time grows with the work, at least this slowly and at most in proportion to it: see {@link timeAtSize}. */
const LEAST_POWER = 0.5;
const MOST_POWER = 1.15;
/**
 * Weight of a slope of 1 against what the sizes say, as a variance of the logarithms of bounds: sizes that are a factor of 4
 * apart (0.48) decide for themselves, sizes that are nearly alike (many launches that do next to nothing) say nothing of a slope.
 */
const PRIOR_VARIANCE = 0.05;

/**
 * What work of a kind takes at a size that was not measured: a line through the logarithms of bounds and times of other
 * sizes, by least squares with a little weight on a slope of 1. The slope is below 1 where small work does not fill a device or pays for what happens once; a
 * little above it where large work falls out of a cache that no roof stands for. From one size alone: the same share.
 *
 * @returns undefined without sizes
 */
export function timeAtSize(boundMs: number, sizes: readonly MeasuredSize[]): number | undefined {
  if (sizes.length === 0) return undefined;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = sizes.map((size) => Math.log(size.boundMs));
  const y = sizes.map((size) => Math.log(size.milliseconds));
  const [centerX, centerY] = [mean(x), mean(y)];
  const variance = mean(x.map((value) => (value - centerX) ** 2));
  const covariance = mean(x.map((value, index) => (value - centerX) * ((y[index] as number) - centerY)));
  const raw = (covariance + PRIOR_VARIANCE) / (variance + PRIOR_VARIANCE);
  const slope = Math.min(MOST_POWER, Math.max(LEAST_POWER, raw));
  return Math.exp(centerY + slope * (Math.log(boundMs) - centerX));
}

/** A size that was measured, and what the others of its kind say of it. */
export interface SizeCheck {
  readonly case: string;
  readonly kernel: string;
  readonly kind: string;
  /** Other sizes of the kind. */
  readonly others: number;
  readonly measuredMs: number;
  readonly predictedMs: number;
}

/** Each kernel of each case from the other sizes of its kind; kernels whose kind has no other size are left out. */
export function checkSizes({ cases, roofs }: BenchReport): SizeCheck[] {
  if (roofs === undefined) return [];
  const all = cases.flatMap(({ name, kind = name, kernels }) =>
    kernels.flatMap(({ kernel, cost, launches, milliseconds }) => {
      if (cost === undefined) return [];
      const boundMs = boundWithLaunches(cost, launches, roofs).milliseconds;
      return [{ case: name, kind, kernel, boundMs, milliseconds: milliseconds.low }];
    }),
  );
  return all.flatMap((one) => {
    const others = all.filter(
      (other) => other.kernel === one.kernel && other.kind === one.kind && other.case !== one.case,
    );
    const predictedMs = timeAtSize(one.boundMs, others);
    if (predictedMs === undefined) return [];
    const { kernel, kind, milliseconds: measuredMs } = one;
    return [{ case: one.case, kernel, kind, others: others.length, measuredMs, predictedMs }];
  });
}
