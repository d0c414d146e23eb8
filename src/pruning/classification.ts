/**
 * How well a network tells classes apart: spikes of labelled samples are shown one after the other, the network runs
 * untrained, and a linear readout of its filtered spikes at several times of a sample is fitted to the classes by ridge
 * regression on one-hot vectors.
 */
import type { SpikeSamples } from '../data/samples.ts';
import type { Device } from '../device/index.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { classify, type DenseMatrix, fitRidge } from '../learning/index.ts';
import type { LinearAlgebra } from '../linalg/index.ts';
import type { SpikeTrains } from '../network/encoders/spike-trains.ts';
import { ensure } from './errors.ts';
import { type NetworkActivity, type Reading, recordFeatures, rowsOf } from './features.ts';

/** Labelled samples in the order in which they are shown: those of the fit, then those of the test. */
export interface LabelledSpikes {
  readonly name: string;
  readonly samples: SpikeSamples;
  /** The first so many are for the fit. */
  readonly train: number;
  /** Simulated time of a step of the samples. */
  readonly stepMs: number;
}

export interface ClassificationOptions {
  /** Time step of the network, ms; 0.5 by default, as that of `hrsnn`. */
  readonly dtMs?: number;
  /** Silence after each sample, so that it dies away; 20 by default. */
  readonly pauseMs?: number;
  /** Times of a sample at which the filtered spikes are read, evenly apart, the last at its end; 5 by default. */
  readonly readings?: number;
  /** Decay of the filter; 50 by default. */
  readonly filterMs?: number;
  /** Penalties of the ridge that are tried on the last fifth of the training samples; 1, 10, 100, 1,000 by default. */
  readonly penalties?: readonly number[];
}

export const CLASSIFICATION_DEFAULTS = {
  dtMs: 0.5,
  pauseMs: 20,
  readings: 5,
  filterMs: 50,
  penalties: [1, 10, 100, 1000],
} as const satisfies Required<ClassificationOptions>;

export interface ClassificationScore extends NetworkActivity {
  /** Share of the test samples whose class was not found. */
  readonly error: number;
}

/** Time between two readings, a whole number of time steps: a sample and its pause are `readings` of these. */
export function readingMs({ samples, stepMs }: LabelledSpikes, options: ClassificationOptions = {}): number {
  const { dtMs, pauseMs, readings } = { ...CLASSIFICATION_DEFAULTS, ...options };
  return Math.ceil((samples.steps * stepMs + pauseMs) / readings / dtMs) * dtMs;
}

/** The samples as input of a network. */
export function encodeLabelled(data: LabelledSpikes, options: ClassificationOptions = {}): SpikeTrains {
  const { readings } = { ...CLASSIFICATION_DEFAULTS, ...options };
  const { steps, offsets, events, inputs, labels } = data.samples;
  const sampleMs = readings * readingMs(data, options);
  const timesMs = new Float64Array(events.length);
  for (let sample = 0; sample < labels.length; sample++) {
    for (let step = 0; step < steps; step++) {
      const at = sample * (steps + 1) + step;
      timesMs.fill(sample * sampleMs + step * data.stepMs, offsets[at] as number, offsets[at + 1] as number);
    }
  }
  return { count: inputs, neurons: Uint32Array.from(events), timesMs };
}

/**
 * Runs networks side by side, fits a readout for each, and scores it. Networks take their input by their own source
 * populations, encoded by {@link encodeLabelled} with the same options.
 *
 * @throws {PruningError} for fewer than ten samples of the fit, or none of the test
 */
export async function classifySamples(
  device: Device,
  algebra: LinearAlgebra,
  networks: readonly (CompiledNetwork | Reading)[],
  data: LabelledSpikes,
  options: ClassificationOptions = {},
): Promise<ClassificationScore[]> {
  const { readings, filterMs, penalties } = { ...CLASSIFICATION_DEFAULTS, ...options };
  const { labels, classes } = data.samples;
  const { train, name } = data;
  ensure(
    train >= 10 && train < labels.length,
    () =>
      `"${name}" has ${train} samples to learn from, of ${labels.length}: give at least 10, and some more`,
  );
  const times = { samples: labels.length * readings, sampleMs: readingMs(data, options), filterMs };
  const recorded = await recordFeatures(device, networks, times);
  const fitted = train - Math.floor(train / 5);
  const scores: ClassificationScore[] = [];
  for (const { features, activity } of recorded) {
    // All readings of a sample are one row.
    const rows = { ...features, rows: labels.length, columns: features.columns * readings };
    const errorOf = async (penalty: number, from: number, end: number): Promise<number> => {
      const wanted = oneHot(labels.subarray(0, from), classes);
      const readout = await fitRidge(algebra, rowsOf(rows, 0, from), wanted, penalty);
      const found = await classify(algebra, readout, rowsOf(rows, from, end));
      return (
        found.reduce((sum, label, row) => sum + (label === labels[from + row] ? 0 : 1), 0) / (end - from)
      );
    };
    const tried: { penalty: number; error: number }[] = [];
    for (const penalty of penalties) tried.push({ penalty, error: await errorOf(penalty, fitted, train) });
    const { penalty } = tried.reduce((a, b) => (b.error < a.error ? b : a));
    scores.push({ error: await errorOf(penalty, train, labels.length), ...activity });
  }
  return scores;
}

/** [sample][class]: 1 for the sample's. */
function oneHot(labels: ArrayLike<number>, classes: number): DenseMatrix {
  const values = new Float64Array(labels.length * classes);
  for (let row = 0; row < labels.length; row++) values[row * classes + (labels[row] as number)] = 1;
  return { values, rows: labels.length, columns: classes };
}
