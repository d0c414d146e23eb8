/**
 * How well a network predicts a series: values become rates of input spikes, the network runs untrained, and a linear
 * readout of its filtered spikes is fitted by ridge regression to the values ahead, at each of several horizons at once.
 *
 * Valid prediction time here is that of direct forecasts: from each moment of the test, the first horizon at which the
 * normalized error exceeds 0.4, in Lyapunov times. A network that is fed its own predictions would have another one.
 */
import type { Series } from '../data/chaotic-series.ts';
import type { Device } from '../device/index.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { applyReadout, type DenseMatrix, fitRidge } from '../learning/index.ts';
import type { LinearAlgebra } from '../linalg/index.ts';
import { encodeRates, type SpikeTrains } from '../network/encoders/spike-trains.ts';
import { ensure } from './errors.ts';
import { type NetworkActivity, type Reading, recordFeatures, rowsOf } from './features.ts';

export interface ForecastOptions {
  /** Time step of the network, ms; 0.5 by default, as that of `hrsnn`. */
  readonly dtMs?: number;
  /** Simulated time for which a value of the series is shown; 10 by default. */
  readonly sampleMs?: number;
  /** Input neurons for each component; 30 by default. */
  readonly neuronsPerValue?: number;
  /** Rate of the largest value; 300 by default. */
  readonly maxRateHz?: number;
  /** Samples before the readout is fitted, of the fit, and of the test; 100, 2,000 and 500 by default. */
  readonly warmUp?: number;
  readonly train?: number;
  readonly test?: number;
  /** Horizons, in samples, ascending; the first is that of the error reported. */
  readonly horizons?: readonly number[];
  /** Penalties of the ridge that are tried on the last fifth of the training; 1, 10, 100 by default. */
  readonly penalties?: readonly number[];
  /** Decay of the filter; 30 by default. */
  readonly filterMs?: number;
}

export const FORECAST_DEFAULTS = {
  dtMs: 0.5,
  sampleMs: 10,
  neuronsPerValue: 30,
  maxRateHz: 300,
  warmUp: 100,
  train: 2000,
  test: 500,
  horizons: [1, 2, 4, 6, 8, 12, 16, 24, 32],
  penalties: [1, 10, 100],
  filterMs: 30,
} as const satisfies Required<ForecastOptions>;

/** How a network did. */
export interface ForecastScore extends NetworkActivity {
  /** Root mean squared error at the first horizon over the standard deviation, all components together. */
  readonly nrmse: number;
  /** [horizon] */
  readonly nrmseByHorizon: readonly number[];
  /** Mean over the starts of the test, in Lyapunov times (in samples where that is not known). */
  readonly validPredictionTime: number;
}

/** The error beyond which a prediction is not valid. */
const VALID_BELOW = 0.4;

/** Samples that a series must have. */
export function samplesNeeded(options: ForecastOptions = {}): number {
  const { warmUp, train, test, horizons } = { ...FORECAST_DEFAULTS, ...options };
  return warmUp + train + test + (horizons.at(-1) ?? 0);
}

/** The series as input of a network: each component scaled to 0 to 1 over the samples shown. */
export function encodeSeries(series: Series, seed: number, options: ForecastOptions = {}): SpikeTrains {
  const { dtMs, sampleMs, neuronsPerValue, maxRateHz, warmUp, train, test } = {
    ...FORECAST_DEFAULTS,
    ...options,
  };
  const { components, values } = series;
  const shown = values.slice(0, (warmUp + train + test) * components);
  const scaled = new Float64Array(shown.length);
  for (let component = 0; component < components; component++) {
    let [low, high] = [Infinity, -Infinity];
    for (let at = component; at < shown.length; at += components) {
      low = Math.min(low, shown[at] as number);
      high = Math.max(high, shown[at] as number);
    }
    for (let at = component; at < shown.length; at += components) {
      scaled[at] = ((shown[at] as number) - low) / (high - low || 1);
    }
  }
  return encodeRates(
    { values: scaled, valuesPerSample: components },
    { dtMs, sampleMs, maxRateHz, neuronsPerValue, seed },
  );
}

/**
 * Runs networks side by side, fits a readout for each, and scores it. Networks take their input by their own source
 * populations, encoded by {@link encodeSeries} with the same options.
 *
 * @param series of each network, over again where there are fewer
 */
export async function forecast(
  device: Device,
  algebra: LinearAlgebra,
  networks: readonly (CompiledNetwork | Reading)[],
  series: readonly Series[],
  options: ForecastOptions = {},
): Promise<ForecastScore[]> {
  const { sampleMs, warmUp, train, test, filterMs, horizons } = { ...FORECAST_DEFAULTS, ...options };
  const reach = horizons.at(-1) ?? 0;
  ensure(
    Math.floor(train / 5) > reach,
    () => `train is ${train}: give more than 5 x ${reach}, so that penalties can be tried on a fifth of it`,
  );
  const needed = samplesNeeded(options);
  for (const { name, values, components } of series) {
    ensure(
      values.length >= needed * components,
      () => `the series "${name}" has ${values.length / components} samples: give ${needed}, or lower train`,
    );
  }
  const samples = warmUp + train + test;
  const recorded = await recordFeatures(device, networks, { samples, sampleMs, filterMs });
  const scores: ForecastScore[] = [];
  for (const [slot, { features, activity }] of recorded.entries()) {
    const own = series[slot % series.length] as Series;
    scores.push({ ...(await readoutErrors(algebra, features, own, options)), ...activity });
  }
  return scores;
}

async function readoutErrors(
  algebra: LinearAlgebra,
  features: DenseMatrix,
  series: Series,
  options: ForecastOptions,
): Promise<Pick<ForecastScore, 'nrmse' | 'nrmseByHorizon' | 'validPredictionTime'>> {
  const { warmUp, train, test, horizons, penalties } = { ...FORECAST_DEFAULTS, ...options };
  const { components } = series;
  const outputs = horizons.length * components;
  const rows = (first: number, end: number) => rowsOf(features, first, end);
  const ahead = (first: number, end: number): DenseMatrix => {
    const values = new Float64Array((end - first) * outputs);
    for (let sample = first; sample < end; sample++) {
      horizons.forEach((horizon, h) => {
        for (let component = 0; component < components; component++) {
          values[(sample - first) * outputs + h * components + component] = series.values[
            (sample + horizon) * components + component
          ] as number;
        }
      });
    }
    return { values, rows: end - first, columns: outputs };
  };
  const deviations = Float64Array.from({ length: components }, (_, component) => {
    let [sum, squares] = [0, 0];
    for (let sample = warmUp; sample < warmUp + train; sample++) {
      const value = series.values[sample * components + component] as number;
      sum += value;
      squares += value * value;
    }
    return Math.sqrt(Math.max(squares / train - (sum / train) ** 2, Number.MIN_VALUE));
  });
  /** [row][horizon]: normalized squared error, mean over the components. */
  const errorsOf = async (penalty: number, from: number, fitted: number, end: number) => {
    const readout = await fitRidge(algebra, rows(from, fitted), ahead(from, fitted), penalty);
    const found = await applyReadout(algebra, readout, rows(fitted, end));
    const wanted = ahead(fitted, end).values;
    const errors = new Float64Array((end - fitted) * horizons.length);
    for (let place = 0; place < found.length; place++) {
      const component = place % components;
      const error =
        ((found[place] as number) - (wanted[place] as number)) / (deviations[component] as number);
      const at = Math.floor(place / components);
      errors[at] = (errors[at] as number) + error ** 2 / components;
    }
    return errors;
  };
  const end = warmUp + train;
  const held = Math.floor(train / 5);
  // The horizons reach beyond the fit, so those of its last samples would see the hold-out's values.
  const reach = horizons.at(-1) ?? 0;
  const trials: { penalty: number; error: number }[] = [];
  for (const penalty of penalties) {
    const errors = await errorsOf(penalty, warmUp, end - held, end - reach);
    trials.push({ penalty, error: errors.reduce((a, b) => a + b, 0) });
  }
  const { penalty } = trials.reduce((a, b) => (b.error < a.error ? b : a));
  const errors = await errorsOf(penalty, warmUp, end, end + test);
  const nrmseByHorizon = horizons.map((_, h) => {
    let sum = 0;
    for (let row = 0; row < test; row++) sum += errors[row * horizons.length + h] as number;
    return Math.sqrt(sum / test);
  });
  const unit = series.lyapunovTime === undefined ? 1 : series.interval / series.lyapunovTime;
  let valid = 0;
  for (let row = 0; row < test; row++) {
    const first = horizons.findIndex(
      (_, h) => Math.sqrt(errors[row * horizons.length + h] as number) > VALID_BELOW,
    );
    const lasting = first < 0 ? horizons.at(-1) : first === 0 ? 0 : horizons[first - 1];
    valid += ((lasting as number) * unit) / test;
  }
  return { nrmse: nrmseByHorizon[0] as number, nrmseByHorizon, validPredictionTime: valid };
}
