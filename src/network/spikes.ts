/** Spikes of a simulation as a list, and what they say: rates, irregularity, silence. */
import { type SpikeList, spikesInRaster } from '../kernels/recurrent-records.ts';

/** Spikes in the order of their steps, and of their neurons within a step. */
export interface Spikes {
  readonly dtMs: number;
  /** Steps first .. first + steps - 1 were recorded. */
  readonly firstStep: number;
  readonly steps: number;
  readonly neurons: number;
  /** [spike]: the step in which it was emitted. */
  readonly step: Uint32Array;
  /** [spike] */
  readonly neuron: Uint32Array;
}

/** A raster as words of bits, a stretch of steps. */
export interface RasterBlock {
  readonly firstStep: number;
  readonly steps: number;
  /** [step][rasterWords]: bit n % 32 of word n / 32 is set where neuron n spikes. */
  readonly raster: Uint32Array;
  readonly rasterWords: number;
}

/** The spikes in records that follow one another: their lists, or else their rasters. */
export function spikesOf(
  blocks: readonly (RasterBlock & { readonly spikes?: SpikeList })[],
  dtMs: number,
  neurons: number,
): Spikes {
  const lists = blocks.map((block) => (block.spikes?.step.length ? block.spikes : spikesInRaster(block)));
  const steps = blocks.reduce((sum, block) => sum + block.steps, 0);
  return { dtMs, firstStep: blocks[0]?.firstStep ?? 0, steps, neurons, ...joinSpikes(lists) };
}

/** Lists that follow one another as one. */
function joinSpikes(lists: readonly SpikeList[]): SpikeList {
  const [first] = lists;
  if (first !== undefined && lists.length === 1) return first;
  const total = lists.reduce((sum, { step }) => sum + step.length, 0);
  const all = { step: new Uint32Array(total), neuron: new Uint32Array(total) };
  let at = 0;
  for (const { step, neuron } of lists) {
    all.step.set(step, at);
    all.neuron.set(neuron, at);
    at += step.length;
  }
  return all;
}

/** Only the spikes of some neurons, which are numbered from 0 then, from a step on. */
export function selectSpikes(
  spikes: Spikes,
  { first, count }: { readonly first: number; readonly count: number },
  fromStep = spikes.firstStep,
): Spikes {
  const chosen: number[] = [];
  spikes.neuron.forEach((neuron, s) => {
    if (neuron >= first && neuron < first + count && (spikes.step[s] as number) >= fromStep) chosen.push(s);
  });
  const end = spikes.firstStep + spikes.steps;
  return {
    dtMs: spikes.dtMs,
    firstStep: Math.min(fromStep, end),
    steps: Math.max(0, end - fromStep),
    neurons: count,
    step: Uint32Array.from(chosen, (s) => spikes.step[s] as number),
    neuron: Uint32Array.from(chosen, (s) => (spikes.neuron[s] as number) - first),
  };
}

/** What the spikes of a population amount to. */
export interface SpikeStatistics {
  readonly neurons: number;
  readonly spikes: number;
  /** Mean over all neurons; undefined where no time was recorded. */
  readonly rateHz: number | undefined;
  /**
   * Irregularity: the coefficient of variation of a neuron's inter-spike intervals, mean over the neurons with three
   * spikes or more (0: a clock, 1: a Poisson process). Undefined where there is no such neuron.
   */
  readonly cvOfIntervals: number | undefined;
  /** Share of the neurons that never spiked. */
  readonly silentShare: number;
}

export function spikeStatistics(spikes: Spikes): SpikeStatistics {
  const { neurons, neuron, step, dtMs } = spikes;
  const count = new Uint32Array(neurons);
  const last = new Float64Array(neurons);
  const sum = new Float64Array(neurons);
  const sumOfSquares = new Float64Array(neurons);
  for (let s = 0; s < neuron.length; s++) {
    const n = neuron[s] as number;
    const now = step[s] as number;
    if ((count[n] as number) > 0) {
      const interval = now - (last[n] as number);
      sum[n] = (sum[n] as number) + interval;
      sumOfSquares[n] = (sumOfSquares[n] as number) + interval * interval;
    }
    count[n] = (count[n] as number) + 1;
    last[n] = now;
  }
  let silent = 0;
  let irregular = 0;
  let cv = 0;
  for (let n = 0; n < neurons; n++) {
    const intervals = (count[n] as number) - 1;
    if (intervals < 0) silent += 1;
    if (intervals < 2) continue;
    const mean = (sum[n] as number) / intervals;
    cv += Math.sqrt(Math.max(0, (sumOfSquares[n] as number) / intervals - mean * mean)) / mean;
    irregular += 1;
  }
  const seconds = (spikes.steps * dtMs) / 1000;
  return {
    neurons,
    spikes: neuron.length,
    rateHz: seconds > 0 ? neuron.length / neurons / seconds : undefined,
    cvOfIntervals: irregular > 0 ? cv / irregular : undefined,
    silentShare: silent / neurons,
  };
}

/** Rate of a population over time, Hz: the mean over its neurons in each bin of `binMs`, the last one perhaps shorter. */
export function rateOverTime({ step, firstStep, steps, dtMs, neurons }: Spikes, binMs: number): Float64Array {
  const bin = Math.max(1, Math.round(binMs / dtMs));
  const rates = new Float64Array(Math.ceil(steps / bin));
  for (const at of step) {
    const b = Math.floor((at - firstStep) / bin);
    rates[b] = (rates[b] as number) + 1;
  }
  return rates.map((count, b) => {
    const length = Math.min(bin, steps - b * bin);
    return (1000 * count) / (neurons * length * dtMs);
  });
}
