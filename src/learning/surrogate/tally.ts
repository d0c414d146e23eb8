/** Counting up what batches came to. */
import type { SlotReport } from './training.ts';

/** What a slot's pass has come to so far. */
export interface Tally {
  samples: number;
  loss: number;
  correct: number;
  spikes: number[];
  silent: number;
  finite: boolean;
}

export function newTally(layers: number): Tally {
  return {
    samples: 0,
    loss: 0,
    correct: 0,
    spikes: new Array<number>(layers).fill(0),
    silent: 0,
    finite: true,
  };
}

/** Adds one batch to a pass. */
export function join(into: Tally, one: Tally): void {
  into.samples += one.samples;
  into.loss += one.loss;
  into.correct += one.correct;
  into.silent += one.silent;
  into.finite &&= one.finite;
  one.spikes.forEach((count, l) => {
    into.spikes[l] = (into.spikes[l] as number) + count;
  });
}

export function reportOf(tally: Tally): SlotReport {
  const { samples, loss, correct, spikes, silent, finite } = tally;
  return {
    samples,
    loss: loss / samples,
    accuracy: correct / samples,
    layerSpikes: spikes.map((count) => count / samples),
    silentSamples: silent,
    finite,
  };
}
