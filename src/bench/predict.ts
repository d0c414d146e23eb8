/**
 * A model of what kernels take on hardware that is not here.
 *
 * A kernel's time is its bound (the highest of what each roof of the hardware asks for, see `roofs.ts`) over the share of
 * its bound that the same kernel reaches where it was measured. So whatever an implementation wastes, it is taken to
 * waste elsewhere too; what the hardware is better at, the roofs say. Validated in docs/benchmarks.md on the devices
 * that are here, each predicted from what was measured on another, or at another size.
 */
import { type Card, REACHED } from './cards.ts';
import { BenchError } from './errors.ts';
import type { BenchReport } from './report.ts';
import { type Bound, boundOf, type Roofs } from './roofs.ts';

export interface PredictedKernel {
  readonly case: string;
  readonly kernel: string;
  readonly measuredMs: number;
  /** What the roofs of the hardware allow at best, and what limits it. */
  readonly bound: Bound;
  /** With the share of the bound that was measured. */
  readonly likelyMs: number;
}

export interface Prediction {
  readonly card: string;
  readonly title: string;
  readonly sources: readonly string[];
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

/** @throws {BenchError} `bad-input` for a report without the suite `kernels` */
export function predictOn(card: Card, report: BenchReport): Prediction {
  const kernels = predictFrom(report, roofsOfCard(card));
  return { card: card.name, title: card.title, sources: card.sources, kernels };
}

/** What the kernels of a report would take under other roofs. */
export function predictFrom(report: BenchReport, roofs: Roofs): PredictedKernel[] {
  const found = report.cases.flatMap((one) =>
    one.kernels.flatMap(({ kernel, cost, share, launches, milliseconds }) => {
      if (cost === undefined || share === undefined) return [];
      const bound = boundOf(cost, launches, roofs);
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
