import { describe, expect, it } from 'vitest';
import { encodeLatencies, encodeRates } from '../../src/network/encoders/spike-trains.ts';

describe('rate encoding', () => {
  const encoding = { dtMs: 0.5, sampleMs: 400, maxRateHz: 250, minRateHz: 10, seed: 5 };

  it('gives each value its rate, in its own sample', () => {
    const values = [0, 0.25, 1, 0.5, 0.75, 0];
    const neuronsPerValue = 40;
    const trains = encodeRates({ values, valuesPerSample: 3 }, { ...encoding, neuronsPerValue });
    expect(trains.count).toBe(120);
    const counts = new Float64Array(values.length);
    trains.timesMs.forEach((time, spike) => {
      const place =
        Math.floor(time / 400) * 3 + Math.floor((trains.neurons[spike] as number) / neuronsPerValue);
      counts[place] = (counts[place] as number) + 1;
    });
    values.forEach((value, place) => {
      const probability = ((10 + 240 * value) * 0.5) / 1000;
      const trials = 800 * neuronsPerValue;
      const error = Math.sqrt(trials * probability * (1 - probability));
      expect(Math.abs((counts[place] as number) - trials * probability)).toBeLessThan(5 * error);
    });
  });

  it('orders spikes by time, on steps, and at most one of a neuron in a step', () => {
    const trains = encodeRates({ values: [1, 0.9], valuesPerSample: 2 }, encoding);
    const seen = new Set<string>();
    for (const [spike, time] of trains.timesMs.entries()) {
      if (spike > 0) expect(time).toBeGreaterThanOrEqual(trains.timesMs[spike - 1] as number);
      expect((time / 0.5) % 1).toBe(0);
      seen.add(`${time} ${trains.neurons[spike]}`);
    }
    expect(seen.size).toBe(trains.neurons.length);
  });

  it('depends on the seed, and not on samples that come later', () => {
    const short = encodeRates({ values: [0.3, 0.6], valuesPerSample: 1 }, encoding);
    const long = encodeRates({ values: [0.3, 0.6, 0.9], valuesPerSample: 1 }, encoding);
    const other = encodeRates({ values: [0.3, 0.6], valuesPerSample: 1 }, { ...encoding, seed: 6 });
    expect(long.timesMs.slice(0, short.timesMs.length)).toEqual(short.timesMs);
    expect(other.timesMs).not.toEqual(short.timesMs);
  });

  it('refuses values and rates that it cannot show', () => {
    const samples = { values: [0.1, 0.2, 0.3, 1.5], valuesPerSample: 2 };
    expect(() => encodeRates(samples, encoding)).toThrow(
      'value 1 of sample 1 is 1.5: scale values to 0 to 1',
    );
    expect(() => encodeRates({ values: [1], valuesPerSample: 1 }, { ...encoding, maxRateHz: 2001 })).toThrow(
      'rates from 10 to 2001 Hz: give 0 <= minRateHz <= maxRateHz <= 2000',
    );
    expect(() => encodeRates({ values: [1, 1, 1], valuesPerSample: 2 }, encoding)).toThrow(
      '3 values are no whole number of samples of 2',
    );
  });
});

describe('latency encoding', () => {
  it('spikes once for each value, the larger the sooner, in its sample', () => {
    const values = [1, 0, 0.5, 0.25, 0.75, 1];
    const trains = encodeLatencies({ values, valuesPerSample: 3 }, { dtMs: 1, sampleMs: 101 });
    expect([...trains.neurons]).toEqual([0, 2, 2, 1, 0]);
    expect([...trains.timesMs]).toEqual([0, 50, 101, 126, 176]);
  });

  it('takes the time that a membrane takes to its threshold', () => {
    const values = [0.1, 0.2, 0.4, 1];
    const options = { dtMs: 0.1, sampleMs: 100, form: 'membrane', tauMs: 20, threshold: 0.15 } as const;
    const trains = encodeLatencies({ values, valuesPerSample: 4 }, options);
    // 0.1 never reaches it. 20 ln(x / (x - 0.15)) for the others, to the nearest step.
    expect([...trains.neurons]).toEqual([3, 2, 1]);
    for (const [spike, neuron] of trains.neurons.entries()) {
      const x = values[neuron] as number;
      const expected = 20 * Math.log(x / (x - 0.15));
      expect(Math.abs((trains.timesMs[spike] as number) - expected)).toBeLessThanOrEqual(0.05 + 1e-9);
    }
  });
});
