/**
 * Numbers as spikes: values from 0 to 1, shown one sample after the other, as spikes of source neurons.
 *
 * - rate: a value is a rate, and its neurons spike at random with it for as long as the sample is shown
 * - latency: a value is a time, and its neurons spike once: the larger, the sooner
 *
 * What comes out is what `spikeSource` takes.
 */
import { keyOf, philoxInto, STREAMS } from '../../random/philox.ts';
import { ensure, requirePositive, requireWhole } from '../errors.ts';

/** Values from 0 to 1: [sample][value]. */
export interface Samples {
  readonly values: ArrayLike<number>;
  readonly valuesPerSample: number;
}

export interface SpikeTrains {
  /** Source neurons in all: values of a sample x neurons of a value. */
  readonly count: number;
  /** Neuron of each spike, and its time from the beginning of the first sample; by time. */
  readonly neurons: Uint32Array;
  readonly timesMs: Float64Array;
}

export interface RateEncoding {
  readonly dtMs: number;
  /** How long each sample is shown, to the nearest step. */
  readonly sampleMs: number;
  /** Rate of a value of 1. */
  readonly maxRateHz: number;
  /** Rate of a value of 0; 0 by default. */
  readonly minRateHz?: number;
  /** Neurons for each value, which spike independently: value v has neurons v n to v n + n - 1. 1 by default. */
  readonly neuronsPerValue?: number;
  readonly seed: number;
}

/**
 * Encodes values as rates: in each step a neuron spikes with probability rate x dt, independently.
 *
 * @example
 * const trains = encodeRates({ values: [0.1, 0.9], valuesPerSample: 1 }, { dtMs: 1, sampleMs: 100, maxRateHz: 200, seed: 1 });
 * network.population('input', trains.count, spikeSource(trains));
 * @throws {NetworkError} naming the value, and for rates that a step can't show
 */
export function encodeRates(samples: Samples, encoding: RateEncoding): SpikeTrains {
  const { dtMs, sampleMs, maxRateHz, minRateHz = 0, neuronsPerValue = 1, seed } = encoding;
  requirePositive(dtMs, 'dtMs');
  requireWhole(neuronsPerValue, 1, 'neuronsPerValue');
  const count = checkSamples(samples);
  const steps = stepsOf(sampleMs, dtMs);
  const { values, valuesPerSample } = samples;
  ensure(
    minRateHz >= 0 && maxRateHz >= minRateHz && maxRateHz * dtMs <= 1000,
    () =>
      `rates from ${minRateHz} to ${maxRateHz} Hz: give 0 <= minRateHz <= maxRateHz <= ${1000 / dtMs}, one spike in each step of ${dtMs} ms`,
  );
  const key = keyOf(seed);
  const words = new Uint32Array(4);
  const size = valuesPerSample * neuronsPerValue;
  const trains = new TrainWriter(size);
  for (let sample = 0; sample < count; sample++) {
    const base = sample * valuesPerSample;
    for (let step = 0; step < steps; step++) {
      const time = sample * steps + step;
      // Four neurons share a block of four words.
      for (let neuron = 0; neuron < size; neuron++) {
        if (neuron % 4 === 0) philoxInto(words, neuron / 4, STREAMS.encoding, time, 1, key);
        const value = values[base + Math.floor(neuron / neuronsPerValue)] as number;
        const probability = ((minRateHz + (maxRateHz - minRateHz) * value) * dtMs) / 1000;
        if ((words[neuron % 4] as number) < probability * 2 ** 32) trains.add(neuron, time * dtMs);
      }
    }
  }
  return trains.done();
}

export interface LatencyEncoding {
  readonly dtMs: number;
  /** How long each sample is shown, to the nearest step. */
  readonly sampleMs: number;
  /**
   * - `linear`: a value x spikes at (1 - x) (sampleMs - dt) after the sample's beginning
   * - `membrane`: when a membrane charged by a drive of x reaches the threshold, tau ln(x / (x - threshold)); smaller
   *   drives never do
   */
  readonly form?: 'linear' | 'membrane';
  /** Time constant of `membrane`; a fifth of the sample by default. */
  readonly tauMs?: number;
  /** Values at or below don't spike. 0 by default, 0.01 for `membrane`. */
  readonly threshold?: number;
}

/**
 * Encodes values as the time of one spike.
 *
 * @throws {NetworkError} naming the value
 */
export function encodeLatencies(samples: Samples, encoding: LatencyEncoding): SpikeTrains {
  const { dtMs, sampleMs, form = 'linear', tauMs = sampleMs / 5 } = encoding;
  const threshold = encoding.threshold ?? (form === 'membrane' ? 0.01 : 0);
  requirePositive(dtMs, 'dtMs');
  requirePositive(tauMs, 'tauMs');
  ensure(
    threshold >= 0 && threshold < 1,
    () => `threshold is ${threshold}: give a number of at least 0 and below 1`,
  );
  const count = checkSamples(samples);
  const steps = stepsOf(sampleMs, dtMs);
  const { values, valuesPerSample } = samples;
  const trains = new TrainWriter(valuesPerSample);
  for (let sample = 0; sample < count; sample++) {
    const spikes: { step: number; neuron: number }[] = [];
    for (let neuron = 0; neuron < valuesPerSample; neuron++) {
      const value = values[sample * valuesPerSample + neuron] as number;
      if (value <= threshold) continue;
      const step =
        form === 'linear'
          ? Math.round((1 - value) * (steps - 1))
          : Math.round((tauMs * Math.log(value / (value - threshold))) / dtMs);
      if (step < steps) spikes.push({ step, neuron });
    }
    spikes.sort((a, b) => a.step - b.step || a.neuron - b.neuron);
    for (const { step, neuron } of spikes) trains.add(neuron, (sample * steps + step) * dtMs);
  }
  return trains.done();
}

/** The number of samples. */
function checkSamples({ values, valuesPerSample }: Samples): number {
  requireWhole(valuesPerSample, 1, 'valuesPerSample');
  ensure(
    values.length % valuesPerSample === 0,
    () => `${values.length} values are no whole number of samples of ${valuesPerSample}: give all of each`,
  );
  for (let place = 0; place < values.length; place++) {
    const value = values[place] as number;
    ensure(
      value >= 0 && value <= 1,
      () =>
        `value ${place % valuesPerSample} of sample ${Math.floor(place / valuesPerSample)} is ${value}: scale values to 0 to 1`,
    );
  }
  return values.length / valuesPerSample;
}

function stepsOf(sampleMs: number, dtMs: number): number {
  const steps = Math.round(sampleMs / dtMs);
  ensure(steps >= 1, () => `sampleMs is ${sampleMs}: give at least one time step, ${dtMs}`);
  return steps;
}

/** Collects spikes in arrays that double when full. */
class TrainWriter {
  readonly #count: number;
  #neurons = new Uint32Array(1024);
  #timesMs = new Float64Array(1024);
  #used = 0;

  constructor(count: number) {
    this.#count = count;
  }

  add(neuron: number, timeMs: number): void {
    if (this.#used === this.#neurons.length) {
      const neurons = new Uint32Array(2 * this.#used);
      const timesMs = new Float64Array(2 * this.#used);
      neurons.set(this.#neurons);
      timesMs.set(this.#timesMs);
      this.#neurons = neurons;
      this.#timesMs = timesMs;
    }
    this.#neurons[this.#used] = neuron;
    this.#timesMs[this.#used] = timeMs;
    this.#used += 1;
  }

  done(): SpikeTrains {
    return {
      count: this.#count,
      neurons: this.#neurons.slice(0, this.#used),
      timesMs: this.#timesMs.slice(0, this.#used),
    };
  }
}
