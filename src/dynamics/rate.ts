/**
 * Exponents of the rates of a network, linearized at the operating point at which it was measured:
 *
 *   tau_i dr_i/dt = -r_i + phi'_i sum over j of W_ij r_j,   W_ij = w_ij tau  (tau of the membrane for delta synapses,
 *                                                                             of the synapse for currents), mV ms
 *
 * phi'_i is the derivative by the mean input of the rate of a LIF neuron with white noise (Siegert 1951; Brunel and Hakim
 * 1999), at the mean and variance that the measured rates of its sources and its inputs from outside give. The system
 * being linear, its exponents are the real parts of the eigenvalues, without standard errors.
 */
import type { Device } from '../device/device.ts';
import { type CompiledNetwork, classOf, targetOf } from '../kernels/recurrent-network.ts';
import { loadLinearAlgebra } from '../linalg/index.ts';
import { simulate } from '../network/simulate.ts';
import { ensureInput } from './errors.ts';
import { type EventNeurons, eventNeurons, refuse } from './event-neurons.ts';
import { randomOrthonormal } from './orthonormal.ts';
import { type LyapunovSpectrum, summarize } from './spectrum.ts';
import { type SpectrumTimes, stepsOf } from './times.ts';

/** Neurons up to which the dense matrix and its eigenvalues are taken. */
const MOST_NEURONS = 5000;
/** Orthogonal iterations by which the vectors turn to the directions that grow most. */
const ITERATIONS = 60;

/** The linearization of a network's rates. */
export interface RateLinearization {
  readonly neurons: EventNeurons;
  /** [neuron][neuron], 1/ms */
  readonly matrix: Float64Array;
  /** Measured, of neurons with a state, spikes a second. */
  readonly ratesHz: Float64Array;
  /** phi', spikes/ms for a mean input of 1 mV. */
  readonly gains: Float64Array;
}

/** Simulates a network and linearizes its rates where they stand. */
export async function linearizeRates(
  device: Device,
  network: CompiledNetwork,
  { durationMs, transientMs }: { readonly durationMs: number; readonly transientMs: number },
): Promise<RateLinearization> {
  const neurons = eventNeurons(network, 'rate');
  const n = neurons.count;
  if (n > MOST_NEURONS) {
    refuse(network, `${n} neurons`, `the route "rate" takes at most ${MOST_NEURONS}; give a smaller network`);
  }
  const [run] = await simulate(device, [network], {
    durationMs: durationMs + transientMs,
    record: { spikes: true },
  });
  const counts = new Float64Array(network.neurons);
  const { neuron, step } = run?.spikes ?? { neuron: [], step: [] };
  const from = Math.round(transientMs / network.dtMs);
  for (let spike = 0; spike < neuron.length; spike++) {
    if ((step[spike] as number) < from) continue;
    const at = neuron[spike] as number;
    counts[at] = (counts[at] as number) + 1;
  }
  const rates = counts.map((count) => count / durationMs);
  const mean = neurons.restMv.slice();
  const variance = neurons.noiseMv.map((noise) => noise * noise);
  const reach = (i: number, exponential: number) =>
    exponential < 0 ? (neurons.tauMs[i] as number) : (neurons.tauSynapseMs[exponential * n + i] as number);
  const feel = (i: number, exponential: number, weight: number, rate: number) => {
    const tau = neurons.tauMs[i] as number;
    const area = weight * reach(i, exponential);
    mean[i] = (mean[i] as number) + area * rate;
    // Variance of shot noise through the synapse and the membrane.
    const share =
      exponential < 0
        ? (weight * weight * tau) / 2
        : (area * area) / (2 * (tau + (neurons.tauSynapseMs[exponential * n + i] as number)));
    variance[i] = (variance[i] as number) + share * rate;
  };
  const matrix = new Float64Array(n * n);
  const { rows, words, classes, weights } = network.synapses;
  for (let source = 0; source < network.neurons; source++) {
    const j = neurons.placeOf[source] as number;
    for (let at = rows[source] as number; at < (rows[source + 1] as number); at++) {
      const word = words[at] as number;
      const kind = classes[classOf(word)];
      const i = neurons.placeOf[targetOf(word)] as number;
      const exponential = neurons.exponentialOf[kind?.channel ?? 0] as number;
      const weight = kind?.weight ?? (weights?.[at] as number);
      feel(i, exponential, weight, rates[source] as number);
      if (j >= 0) matrix[i * n + j] = (matrix[i * n + j] as number) + weight * reach(i, exponential);
    }
  }
  for (const population of network.populations) {
    if (population.kind !== 'lif') continue;
    for (const { channel, meanPerStep, weight } of population.poisson) {
      for (let index = 0; index < population.count; index++) {
        const i = neurons.placeOf[population.first + index] as number;
        feel(i, neurons.exponentialOf[channel] as number, weight, meanPerStep / network.dtMs);
      }
    }
  }
  const gains = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const parameters = {
      tauMs: neurons.tauMs[i] as number,
      thresholdMv: neurons.thresholdMv[i] as number,
      // A reset that subtracts leads from the threshold to 0.
      resetMv: neurons.resetMv[i] as number,
      refractoryMs: neurons.refractoryMs[i] as number,
    };
    const deviation = Math.sqrt(2 * (variance[i] as number));
    gains[i] = rateGain(parameters, mean[i] as number, deviation);
    const tau = parameters.tauMs;
    for (let j = 0; j < n; j++) {
      matrix[i * n + j] = ((matrix[i * n + j] as number) * (gains[i] as number)) / tau;
    }
    matrix[i * n + i] = (matrix[i * n + i] as number) - 1 / tau;
  }
  return {
    neurons,
    matrix,
    ratesHz: Float64Array.from(neurons.numbers, (number) => 1000 * (rates[number] as number)),
    gains,
  };
}

/** The spectrum of a network by the route `rate`. */
export async function rateSpectrum(
  device: Device,
  network: CompiledNetwork,
  options: SpectrumTimes & { readonly seed?: number },
): Promise<LyapunovSpectrum> {
  const { transientSteps } = stepsOf(options, network.dtMs);
  const { matrix, neurons } = await linearizeRates(device, network, {
    durationMs: options.durationMs,
    transientMs: transientSteps * network.dtMs,
  });
  const n = neurons.count;
  const k = options.exponents ?? n;
  ensureInput(k <= n, () => `exponents is ${k}: give at most ${n}, the neurons of "${network.name}"`);
  const algebra = loadLinearAlgebra();
  const { real } = await algebra.eigenvalues(matrix, n);
  const exponents = Float64Array.from(real.subarray(0, k), (value) => value * 1000);
  // e^(A h) to second order turns any vectors to those that grow most, whichever h is small.
  const fastest = neurons.tauMs.reduce((least, tau) => Math.min(least, tau), Infinity);
  const size = real.reduce((most, value) => Math.max(most, Math.abs(value)), 1 / fastest);
  const h = 1 / size;
  let vectors = randomOrthonormal(n, k, options.seed ?? 0);
  const participation = new Float64Array(network.neurons * k);
  const operand = { values: matrix, rows: n, columns: n };
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const once = await algebra.matmul(operand, { values: vectors, rows: n, columns: k });
    const twice = await algebra.matmul(operand, { values: once, rows: n, columns: k });
    const moved = vectors.map(
      (x, at) => x + h * (once[at] as number) + ((h * h) / 2) * (twice[at] as number),
    );
    vectors = (await algebra.qr(moved, n, k)).q as Float64Array<ArrayBuffer>;
    options.onProgress?.(iteration + 1, ITERATIONS);
    // The second half, after the vectors have turned: of complex pairs they go on turning, so the mean is taken.
    if (iteration < ITERATIONS / 2) continue;
    for (let i = 0; i < n; i++) {
      const row = (neurons.numbers[i] as number) * k;
      for (let c = 0; c < k; c++) {
        const share = (vectors[i * k + c] as number) ** 2 / (ITERATIONS / 2);
        participation[row + c] = (participation[row + c] as number) + share;
      }
    }
  }
  const standardErrors = new Float64Array(k);
  return {
    route: 'rate',
    exponents,
    standardErrors,
    dimension: n,
    neurons: network.neurons,
    participation,
    duration: options.durationMs / 1000,
    interval: 1,
    history: exponents.slice(),
    local: exponents.slice(),
    blocks: 1,
    summary: summarize(exponents, standardErrors, n),
  };
}

/** A LIF neuron for its rate. */
export interface RateNeuron {
  readonly tauMs: number;
  readonly thresholdMv: number;
  readonly resetMv: number;
  readonly refractoryMs: number;
}

/**
 * Rate of a LIF neuron, spikes/ms: 1 / rate = refractory + tau sqrt(pi) times the integral of exp(x^2) (1 + erf x) from
 * (reset - mean) / deviation to (threshold - mean) / deviation.
 *
 * @param deviationMv sqrt 2 times the standard deviation that the noise alone would give the potential
 */
export function lifRate(neuron: RateNeuron, meanMv: number, deviationMv: number): number {
  const { tauMs, thresholdMv, resetMv, refractoryMs } = neuron;
  if (deviationMv <= 1e-6 * (thresholdMv - resetMv)) {
    if (meanMv <= thresholdMv) return 0;
    return 1 / (refractoryMs + tauMs * Math.log((meanMv - resetMv) / (meanMv - thresholdMv)));
  }
  const low = (resetMv - meanMv) / deviationMv;
  const high = (thresholdMv - meanMv) / deviationMv;
  if (high > 20) return 0;
  // Simpson's rule; exp(x^2) (1 + erf x) is smooth.
  const pieces = Math.max(64, 2 * Math.ceil(20 * (high - low)));
  const width = (high - low) / pieces;
  let sum = scaledErf(low) + scaledErf(high);
  for (let piece = 1; piece < pieces; piece++)
    sum += (piece % 2 === 1 ? 4 : 2) * scaledErf(low + piece * width);
  return 1 / (refractoryMs + tauMs * Math.sqrt(Math.PI) * (width / 3) * sum);
}

/** Derivative of {@link lifRate} by the mean, by central differences. */
export function rateGain(neuron: RateNeuron, meanMv: number, deviationMv: number): number {
  const step = 1e-4 * (neuron.thresholdMv - neuron.resetMv);
  const above = lifRate(neuron, meanMv + step, deviationMv);
  return (above - lifRate(neuron, meanMv - step, deviationMv)) / (2 * step);
}

/** exp(x^2) (1 + erf x) = exp(x^2) erfc(-x): the continued fraction of erfc below -3, its series above. */
function scaledErf(x: number): number {
  if (x < -3) {
    let fraction = 0;
    for (let term = 60; term >= 1; term--) fraction = term / 2 / (-x + fraction);
    return 1 / (Math.sqrt(Math.PI) * (-x + fraction));
  }
  // erf x = 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!
  let term = x;
  let sum = x;
  for (let n = 1; n < 2000 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return Math.exp(x * x) + (2 / Math.sqrt(Math.PI)) * sum;
}
