/** Counting up what batches came to. */
import type { BatchOutcomes } from '../../kernels/surrogate.ts';
import type { SlotReport } from './training.ts';

/** What a slot's pass has come to so far. */
export interface Tally {
  samples: number;
  loss: number;
  correct: number;
  inputSpikes: number;
  spikes: number[];
  silent: number;
  silentByLayer: number[];
  /** Of a single batch. */
  predicted?: number[];
  finite: boolean;
}

export function newTally(layers: number): Tally {
  return {
    samples: 0,
    loss: 0,
    correct: 0,
    inputSpikes: 0,
    spikes: new Array<number>(layers).fill(0),
    silent: 0,
    silentByLayer: new Array<number>(layers).fill(0),
    finite: true,
  };
}

/**
 * What a batch came to in one slot.
 *
 * @param of which slot of how many, samples from one slot's to the next one's, and the network's layers
 */
export function tallyOf(
  { loss, predicted, outputSpikes, spikes }: BatchOutcomes,
  work: { readonly labels: Uint32Array; readonly inputSpikes: number; readonly alpha: number },
  of: Readonly<Record<'slot' | 'slots' | 'stride' | 'layers', number>>,
): Tally {
  const { labels, alpha } = work;
  const tally = newTally(of.layers);
  const first = of.slot * of.stride;
  tally.predicted = Array.from(predicted.subarray(first, first + labels.length));
  tally.inputSpikes = work.inputSpikes;
  labels.forEach((label, b) => {
    const at = of.slot * of.stride + b;
    tally.samples += 1;
    tally.loss += loss[at] as number;
    tally.correct += Number(predicted[at] === label);
    tally.silent += Number((outputSpikes[at] as number) < alpha);
    for (let l = 0; l < of.layers; l++) {
      const count = spikes[l * of.slots * of.stride + at] as number;
      tally.spikes[l] = (tally.spikes[l] as number) + count;
      tally.silentByLayer[l] = (tally.silentByLayer[l] as number) + Number(count < alpha);
    }
  });
  tally.finite = Number.isFinite(tally.loss);
  return tally;
}

/** Adds one batch to a pass. */
export function join(into: Tally, one: Tally): void {
  into.samples += one.samples;
  into.loss += one.loss;
  into.correct += one.correct;
  into.inputSpikes += one.inputSpikes;
  into.silent += one.silent;
  into.finite &&= one.finite;
  one.spikes.forEach((count, l) => {
    into.spikes[l] = (into.spikes[l] as number) + count;
    into.silentByLayer[l] = (into.silentByLayer[l] as number) + (one.silentByLayer[l] as number);
  });
}

export function reportOf(tally: Tally): SlotReport {
  const { samples, loss, correct, inputSpikes, spikes, silent, silentByLayer, predicted, finite } = tally;
  return {
    samples,
    loss: loss / samples,
    accuracy: correct / samples,
    inputSpikes: inputSpikes / samples,
    layerSpikes: spikes.map((count) => count / samples),
    silentSamples: silent,
    silentByLayer,
    ...(predicted === undefined ? {} : { predicted }),
    finite,
  };
}
