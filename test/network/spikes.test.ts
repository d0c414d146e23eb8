import { describe, expect, it } from 'vitest';
import {
  rateOverTime,
  type Spikes,
  selectSpikes,
  spikeStatistics,
  spikesOf,
} from '../../src/network/spikes.ts';

/** Spikes given as [step, neuron]. */
function spikes(
  events: readonly (readonly [number, number])[],
  steps: number,
  neurons: number,
  dtMs = 1,
): Spikes {
  return {
    dtMs,
    firstStep: 0,
    steps,
    neurons,
    step: Uint32Array.from(events, ([step]) => step),
    neuron: Uint32Array.from(events, ([, neuron]) => neuron),
  };
}

describe('spikes', () => {
  it('out of rasters, in order, the highest bit of a word included', () => {
    const raster = Uint32Array.of(0x80000001, 0b10, 0, 0, 0, 0, 0xffffffff, 0);
    const [first, second] = [raster.subarray(0, 4), raster.subarray(4)];
    const all = spikesOf(
      [
        { firstStep: 10, steps: 2, raster: first, rasterWords: 2 },
        { firstStep: 12, steps: 2, raster: second, rasterWords: 2 },
      ],
      0.1,
      40,
    );
    expect(all).toMatchObject({ dtMs: 0.1, firstStep: 10, steps: 4, neurons: 40 });
    expect([...all.step]).toEqual([10, 10, 10, ...Array.from({ length: 32 }, () => 13)]);
    expect([...all.neuron]).toEqual([0, 31, 33, ...Array.from({ length: 32 }, (_, n) => n)]);
  });

  it('of some neurons, from a step on', () => {
    const all = spikes(
      [
        [0, 5],
        [2, 1],
        [2, 6],
        [3, 5],
        [4, 7],
      ],
      10,
      8,
    );
    const chosen = selectSpikes(all, { first: 5, count: 2 }, 2);
    expect(chosen).toMatchObject({ firstStep: 2, steps: 8, neurons: 2 });
    expect([...chosen.step]).toEqual([2, 3]);
    expect([...chosen.neuron]).toEqual([1, 0]);
  });

  it('amount to rates, irregularity and silence', () => {
    // Neuron 0: a clock. Neuron 1: intervals 1 and 3, CV 1 / 2. Neuron 2: one interval, which counts for no CV. Neuron 3: none.
    const all = spikes(
      [
        [0, 0],
        [0, 1],
        [1, 1],
        [2, 2],
        [4, 1],
        [5, 0],
        [6, 2],
        [10, 0],
      ],
      20,
      4,
    );
    expect(spikeStatistics(all)).toEqual({
      neurons: 4,
      spikes: 8,
      rateHz: expect.closeTo(8 / 4 / 0.02, 10),
      cvOfIntervals: expect.closeTo((0 + 0.5) / 2, 10),
      silentShare: 0.25,
    });
    expect(spikeStatistics(spikes([], 0, 2))).toEqual({
      neurons: 2,
      spikes: 0,
      rateHz: undefined,
      cvOfIntervals: undefined,
      silentShare: 1,
    });
  });

  it('make rates over time, in a shorter last bin too', () => {
    const all = spikes(
      [
        [0, 0],
        [3, 1],
        [4, 0],
        [9, 1],
      ],
      10,
      2,
      0.5,
    );
    // Bins of 2 ms are 4 steps; the last has 2 steps, 1 ms.
    expect([...rateOverTime(all, 2)]).toEqual([500, 250, 500]);
  });
});
