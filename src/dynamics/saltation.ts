/** Lyapunov spectra by the exact tangent maps of networks in continuous time, in double precision. */
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { loadLinearAlgebra } from '../linalg/index.ts';
import type { LinearAlgebra } from '../linalg/linear-algebra.ts';
import { ensureInput } from './errors.ts';
import { EventNetwork } from './event-network.ts';
import { refuse } from './event-neurons.ts';
import { Interval, orthonormalize, randomOrthonormal } from './orthonormal.ts';
import { type LyapunovSpectrum, spectrumOf } from './spectrum.ts';
import { TangentProgram } from './tangent-program.ts';
import { type SpectrumTimes, stepsOf } from './times.ts';

/** The largest ratio of growths in one interval. */
const CONDITION = 1e6;
/** rows k^2 from which the native factorization is worth its copies. */
const LARGE = 4e6;

/** The state's variables by their neurons of the network: potentials, then each plane of synaptic variables. */
export function variablesOf(numbers: Uint32Array, channels: number): Uint32Array {
  const all = new Uint32Array(numbers.length * (1 + channels));
  for (let plane = 0; plane <= channels; plane++) all.set(numbers, plane * numbers.length);
  return all;
}

/**
 * The spectrum of one network by the route `saltation`.
 *
 * @throws {DynamicsError} `unsupported` for networks without exact tangent maps, `bad-input` naming an option
 */
export async function saltationSpectrum(
  network: CompiledNetwork,
  options: SpectrumTimes & { readonly seed?: number },
): Promise<LyapunovSpectrum> {
  const { steps, transientSteps, intervalSteps } = stepsOf(options, network.dtMs);
  const { count, channels, numbers } = new EventNetwork(network).neurons;
  const program = new TangentProgram(count, channels);
  const dimension = count * (1 + channels);
  const k = options.exponents ?? dimension;
  ensureInput(
    Number.isInteger(k) && k >= 1 && k <= dimension,
    () => `exponents is ${k}: give a whole number from 1 to ${dimension}, the dimension of "${network.name}"`,
  );
  const simulation = new EventNetwork(network, program);
  let tangents: Float64Array = randomOrthonormal(dimension, k, options.seed ?? 0);
  const interval = new Interval(intervalSteps, CONDITION, Math.max(1, Math.floor(steps / 40)));
  const logs: Float64Array[] = [];
  const times: number[] = [];
  const squares = new Float64Array(dimension * k);
  const algebra = dimension * k * k > LARGE ? loadLinearAlgebra() : undefined;
  for (let done = -transientSteps; done < steps; ) {
    const settling = done < 0;
    const size = Math.min(interval.steps, (settling ? 0 : steps) - done);
    program.clear();
    simulation.run(size);
    simulation.finishTangents();
    program.run(tangents, k);
    done += size;
    const grown = new Float64Array(k);
    tangents = await orthonormal(tangents, dimension, k, grown, algebra);
    interval.learn(grown, settling);
    options.onProgress?.(done + transientSteps, steps + transientSteps);
    if (settling) continue;
    logs.push(grown);
    times.push((size * network.dtMs) / 1000);
    for (let at = 0; at < squares.length; at++) {
      squares[at] = (squares[at] as number) + (tangents[at] as number) ** 2;
    }
  }
  return spectrumOf({
    route: 'saltation',
    growth: { logs, times },
    k,
    squares,
    neuronOf: variablesOf(numbers, channels),
    neurons: network.neurons,
    interval: interval.steps,
  });
}

/** Householder reflections where there is much to do; Gram-Schmidt, which knows of lost directions, otherwise. */
async function orthonormal(
  x: Float64Array,
  rows: number,
  k: number,
  logs: Float64Array,
  algebra: LinearAlgebra | undefined,
): Promise<Float64Array> {
  if (algebra) {
    const { q, r } = await algebra.qr(x, rows, k);
    let largest = 0;
    let smallest = Infinity;
    for (let i = 0; i < k; i++) {
      const length = r[i * k + i] as number;
      largest = Math.max(largest, length);
      smallest = Math.min(smallest, length);
      logs[i] = Math.log(length);
    }
    if (smallest > 1e-12 * largest) return q;
  }
  orthonormalize(x, rows, k, logs);
  return x;
}

/**
 * As {@link saltationSpectrum} counts it, per second: the largest exponent by a second trajectory at a small distance,
 * without any derivative.
 *
 * @throws {DynamicsError} `unsupported` for refractory neurons, too: their potentials do not tell when they spiked
 */
export function largestExponentOfReplicas(
  network: CompiledNetwork,
  options: Omit<SpectrumTimes, 'exponents'> & { readonly seed?: number; readonly distanceMv?: number },
): number {
  const { steps, transientSteps, intervalSteps = 1 } = stepsOf(options, network.dtMs);
  const distance = options.distanceMv ?? 1e-8;
  const first = new EventNetwork(network);
  if (first.neurons.refractoryMs.some((ms) => ms > 0)) {
    refuse(
      network,
      'refractory neurons',
      'two replicas are compared by their potentials; set refractoryMs to 0',
    );
  }
  const second = new EventNetwork(network);
  first.run(transientSteps);
  second.run(transientSteps);
  const own: readonly Float64Array[] = [first.membranes.v, first.membranes.g];
  const other: readonly Float64Array[] = [second.membranes.v, second.membranes.g];
  const dimension = first.membranes.v.length + first.membranes.g.length;
  const direction = randomOrthonormal(dimension, 1, options.seed ?? 0);
  const count = first.membranes.v.length;
  const each = (change: (plane: number, i: number) => void): void => {
    own.forEach((values, plane) => {
      for (let i = 0; i < values.length; i++) change(plane, i);
    });
  };
  const at = (values: readonly Float64Array[], plane: number, i: number) =>
    (values[plane] as Float64Array)[i] as number;
  each((plane, i) => {
    (other[plane] as Float64Array)[i] =
      at(own, plane, i) + distance * (direction[plane * count + i] as number);
  });
  let sum = 0;
  let counted = 0;
  for (let done = 0; done < steps; ) {
    const size = Math.min(intervalSteps, steps - done);
    first.run(size);
    second.run(size);
    done += size;
    let squares = 0;
    each((plane, i) => {
      squares += (at(other, plane, i) - at(own, plane, i)) ** 2;
    });
    const apart = Math.sqrt(squares);
    // The first fifth turns the difference to the direction that grows most, or shrinks least.
    if (done > steps / 5) {
      sum += Math.log(apart / distance);
      counted += size;
    }
    each((plane, i) => {
      const from = at(own, plane, i);
      (other[plane] as Float64Array)[i] = from + (at(other, plane, i) - from) * (distance / apart);
    });
  }
  return (sum / (counted * network.dtMs)) * 1000;
}
