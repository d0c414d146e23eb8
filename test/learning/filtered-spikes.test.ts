import { expect, it } from 'vitest';
import { SpikeFilter } from '../../src/learning/filtered-spikes.ts';
import { Draws } from '../../src/random/draws.ts';
import { keyOf, STREAMS } from '../../src/random/philox.ts';

const [NEURONS, STEPS, DT, TAU, EVERY] = [70, 103, 0.5, 8, 10];

function randomRaster(): { raster: Uint32Array; spikes: { step: number; neuron: number }[] } {
  const draws = new Draws(keyOf(2), STREAMS.encoding).at(0, 0);
  const words = Math.ceil(NEURONS / 32);
  const raster = new Uint32Array(STEPS * words);
  const spikes: { step: number; neuron: number }[] = [];
  for (let step = 0; step < STEPS; step++) {
    for (let neuron = 0; neuron < NEURONS; neuron++) {
      if (draws.below(8) !== 0) continue;
      spikes.push({ step, neuron });
      const at = step * words + Math.floor(neuron / 32);
      raster[at] = ((raster[at] as number) | (1 << (neuron % 32))) >>> 0;
    }
  }
  return { raster, spikes };
}

it('sums the exponentials of all past spikes at each sample', () => {
  const { raster, spikes } = randomRaster();
  const filter = new SpikeFilter({ neurons: NEURONS, dtMs: DT, tauMs: TAU, everySteps: EVERY });
  const samples = filter.push(raster, STEPS);
  expect(samples.length).toBe(10 * NEURONS);
  for (let sample = 0; sample < 10; sample++) {
    const end = (sample + 1) * EVERY - 1;
    for (let neuron = 0; neuron < NEURONS; neuron++) {
      const expected = spikes
        .filter((spike) => spike.neuron === neuron && spike.step <= end)
        .reduce((sum, { step }) => sum + Math.exp((-(end - step) * DT) / TAU), 0);
      expect(samples[sample * NEURONS + neuron]).toBeCloseTo(expected, 12);
    }
  }
});

it('gives the same samples however the raster is cut, and only those of the neurons read', () => {
  const { raster } = randomRaster();
  const options = { neurons: NEURONS, dtMs: DT, tauMs: TAU, everySteps: EVERY };
  const whole = new SpikeFilter(options).push(raster, STEPS);
  const read = [69, 3, 32];
  const filter = new SpikeFilter({ ...options, read });
  const pieces: number[] = [];
  let from = 0;
  for (const steps of [1, 8, 0, 33, 10, 51]) {
    pieces.push(...filter.push(raster.subarray(from * 3, (from + steps) * 3), steps));
    from += steps;
  }
  const expected = Array.from({ length: 10 }, (_, sample) =>
    read.map((neuron) => whole[sample * NEURONS + neuron] as number),
  ).flat();
  expect(pieces).toEqual(expected);
});

it('refuses neurons that are not there and rasters that do not fit', () => {
  const options = { neurons: NEURONS, dtMs: DT, tauMs: TAU, everySteps: EVERY };
  expect(() => new SpikeFilter({ ...options, read: [70] })).toThrow("neuron 70 can't be read: there are 70");
  expect(() => new SpikeFilter({ ...options, tauMs: 0 })).toThrow('tauMs is 0');
  expect(() => new SpikeFilter(options).push(new Uint32Array(5), 2)).toThrow('5 words is not 2 steps of 3');
});
