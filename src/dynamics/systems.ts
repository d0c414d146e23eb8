/**
 * Lyapunov exponents of any map or flow that is given with its Jacobian, in double precision: the method of Benettin,
 * Galgani, Giorgilli and Strelcyn (1980) and of Shimada and Nagashima (1979).
 */
import { DynamicsError, ensureInput } from './errors.ts';
import { Interval, orthonormalize, randomOrthonormal } from './orthonormal.ts';
import { type LyapunovSpectrum, spectrumOf } from './spectrum.ts';

/** x(t + 1) = f(x(t)). */
export interface MapSystem {
  readonly kind: 'map';
  readonly dimension: number;
  /** Writes f(state). */
  map(state: Float64Array, into: Float64Array): void;
  /** Writes df/dx at the state, row-major: [variable of f][variable of x]. */
  jacobian(state: Float64Array, into: Float64Array): void;
}

/** dx/dt = f(x), which is integrated by the Runge-Kutta method of fourth order, tangent vectors too. */
export interface FlowSystem {
  readonly kind: 'flow';
  readonly dimension: number;
  /** Time step. */
  readonly dt: number;
  /** Writes f(state). */
  derivative(state: Float64Array, into: Float64Array): void;
  /** Writes df/dx at the state, row-major. */
  jacobian(state: Float64Array, into: Float64Array): void;
}

export type System = MapSystem | FlowSystem;

export interface SystemOptions {
  /** The state to begin with. */
  readonly initial: ArrayLike<number>;
  /** Steps over which is averaged. */
  readonly steps: number;
  /** Steps before that, in which state and tangent vectors settle; a tenth of `steps` by default. */
  readonly transientSteps?: number;
  /** How many exponents, the largest; all by default. Fewer cost proportionally less. */
  readonly exponents?: number;
  /** Steps between two orthonormalizations; by default found from the condition of the tangent vectors. */
  readonly interval?: number;
  /** Of the first tangent vectors. */
  readonly seed?: number;
}

/** The largest ratio of growths in one interval: products keep ten digits of the smallest. */
const CONDITION = 1e6;
const MOST_INTERVAL = 1024;

/**
 * The Lyapunov spectrum of a map or flow.
 *
 * @throws {DynamicsError} `bad-input` naming the option; `not-finite` when the trajectory leaves every bound
 *
 * @example
 * const henon = {
 *   kind: 'map', dimension: 2,
 *   map: ([x, y], into) => into.set([1 - 1.4 * x * x + y, 0.3 * x]),
 *   jacobian: ([x], into) => into.set([-2.8 * x, 1, 0.3, 0]),
 * };
 * systemSpectrum(henon, { initial: [0.1, 0.1], steps: 100_000 }).exponents; // 0.419, -1.623
 */
export function systemSpectrum(system: System, options: SystemOptions): LyapunovSpectrum {
  const { dimension } = system;
  const { steps, transientSteps = Math.ceil(steps / 10), seed = 0 } = options;
  const k = options.exponents ?? dimension;
  checkSystem(system, options, k);
  const stepper = new Stepper(system, k);
  const state = Float64Array.from(options.initial);
  const tangents = randomOrthonormal(dimension, k, seed);
  const interval = new Interval(options.interval, CONDITION, Math.min(MOST_INTERVAL, Math.ceil(steps / 40)));
  const logs: Float64Array[] = [];
  const times: number[] = [];
  const squares = new Float64Array(dimension * k);
  const perStep = system.kind === 'flow' ? system.dt : 1;
  for (let done = -transientSteps; done < steps; ) {
    const settling = done < 0;
    const count = Math.min(interval.steps, (settling ? 0 : steps) - done);
    for (let step = 0; step < count; step++) stepper.advance(state, tangents);
    done += count;
    const grown = new Float64Array(k);
    orthonormalize(tangents, dimension, k, grown);
    interval.learn(grown, settling);
    if (settling) continue;
    logs.push(grown);
    times.push(count * perStep);
    for (let at = 0; at < squares.length; at++) {
      squares[at] = (squares[at] as number) + (tangents[at] as number) ** 2;
    }
  }
  const neuronOf = Uint32Array.from({ length: dimension }, (_, i) => i);
  const growth = { logs, times };
  return spectrumOf({
    ...{ route: 'given', growth, k, squares, neuronOf, neurons: dimension, interval: interval.steps },
  });
}

/**
 * The largest exponent without any Jacobian, from two replicas: a second trajectory begins at a small distance and is
 * brought back to it at every interval. A check of {@link systemSpectrum}, and of the Jacobian given to it.
 *
 * @param distance between the replicas; 1e-8 by default
 */
export function largestExponentByReplicas(
  system: System,
  options: Omit<SystemOptions, 'exponents'> & { readonly distance?: number },
): number {
  const { steps, transientSteps = Math.ceil(steps / 10), interval = 1, seed = 0, distance = 1e-8 } = options;
  checkSystem(system, options, 1);
  const { dimension } = system;
  const stepper = new Stepper(system, 0);
  const state = Float64Array.from(options.initial);
  const none = new Float64Array(0);
  for (let step = 0; step < transientSteps; step++) stepper.advance(state, none);
  const direction = randomOrthonormal(dimension, 1, seed);
  const replica = state.map((value, i) => value + distance * (direction[i] as number));
  let sum = 0;
  let counted = 0;
  for (let done = 0; done < steps; ) {
    const count = Math.min(interval, steps - done);
    for (let step = 0; step < count; step++) {
      stepper.advance(state, none);
      stepper.advance(replica, none);
    }
    done += count;
    const apart = Math.hypot(...replica.map((value, i) => value - (state[i] as number)));
    // The first tenth turns the difference to the direction that grows most.
    if (done > steps / 10) {
      sum += Math.log(apart / distance);
      counted += count;
    }
    for (let i = 0; i < dimension; i++) {
      const from = state[i] as number;
      replica[i] = from + ((replica[i] as number) - from) * (distance / apart);
    }
  }
  return sum / (counted * (system.kind === 'flow' ? system.dt : 1));
}

export function checkSystem(
  system: System,
  { initial, steps, transientSteps = 0, interval }: SystemOptions,
  k: number,
) {
  const { dimension } = system;
  ensureInput(
    initial.length === dimension,
    () => `initial has ${initial.length} values: give ${dimension}, one for each variable`,
  );
  const whole = (name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER) => {
    ensureInput(
      Number.isInteger(value) && value >= least && value <= most,
      () =>
        `${name} is ${value}: give a whole number from ${least} on${most < 2 ** 53 - 1 ? ` to ${most}` : ''}`,
    );
  };
  whole('steps', steps, 2);
  whole('transientSteps', transientSteps, 0);
  whole('exponents', k, 1, dimension);
  if (interval !== undefined) whole('interval', interval, 1);
  if (system.kind === 'flow') {
    const { dt } = system;
    ensureInput(dt > 0 && dt < Infinity, () => `dt is ${dt}: give a number above 0`);
  }
}

/** Advances a state and k tangent vectors by one step. */
export class Stepper {
  readonly #system: System;
  readonly #k: number;
  readonly #jacobian: Float64Array;
  readonly #slopes: readonly Float64Array[];
  readonly #tangentSlopes: readonly Float64Array[];
  readonly #between: Float64Array;
  readonly #tangentsBetween: Float64Array;

  constructor(system: System, k: number) {
    const { dimension } = system;
    this.#system = system;
    this.#k = k;
    this.#jacobian = new Float64Array(dimension * dimension);
    this.#slopes = Array.from({ length: 4 }, () => new Float64Array(dimension));
    this.#tangentSlopes = Array.from({ length: 4 }, () => new Float64Array(dimension * k));
    this.#between = new Float64Array(dimension);
    this.#tangentsBetween = new Float64Array(dimension * k);
  }

  advance(state: Float64Array, tangents: Float64Array): void {
    const system = this.#system;
    if (system.kind === 'map') {
      if (this.#k > 0) {
        system.jacobian(state, this.#jacobian);
        this.#multiply(tangents, this.#tangentsBetween);
        tangents.set(this.#tangentsBetween);
      }
      system.map(state, this.#between);
      state.set(this.#between);
    } else {
      this.#rungeKutta(system, state, tangents);
    }
    if (!state.every(Number.isFinite)) {
      throw new DynamicsError(
        'not-finite',
        `the state is ${state.subarray(0, 4).join(', ')}${state.length > 4 ? ', ...' : ''}: begin on the attractor, or give a shorter time step`,
      );
    }
  }

  /** The tangents pass through the derivative of the method itself, so they are those of the computed trajectory. */
  #rungeKutta(system: FlowSystem, state: Float64Array, tangents: Float64Array): void {
    const shares = [0, 0.5, 0.5, 1];
    for (let stage = 0; stage < 4; stage++) {
      const ahead = (shares[stage] as number) * system.dt;
      addScaled(state, this.#slopes[stage - 1], ahead, this.#between);
      system.derivative(this.#between, this.#slopes[stage] as Float64Array);
      if (this.#k === 0) continue;
      system.jacobian(this.#between, this.#jacobian);
      addScaled(tangents, this.#tangentSlopes[stage - 1], ahead, this.#tangentsBetween);
      this.#multiply(this.#tangentsBetween, this.#tangentSlopes[stage] as Float64Array);
    }
    combine(state, this.#slopes, system.dt);
    if (this.#k > 0) combine(tangents, this.#tangentSlopes, system.dt);
  }

  /** into = jacobian x tangents. */
  #multiply(tangents: Float64Array, into: Float64Array): void {
    const { dimension } = this.#system;
    const k = this.#k;
    into.fill(0);
    for (let row = 0; row < dimension; row++) {
      for (let column = 0; column < dimension; column++) {
        const factor = this.#jacobian[row * dimension + column] as number;
        if (factor === 0) continue;
        for (let i = 0; i < k; i++) {
          const at = row * k + i;
          into[at] = (into[at] as number) + factor * (tangents[column * k + i] as number);
        }
      }
    }
  }
}

function addScaled(
  base: Float64Array,
  slope: Float64Array | undefined,
  factor: number,
  into: Float64Array,
): void {
  if (slope === undefined) into.set(base);
  else for (let i = 0; i < base.length; i++) into[i] = (base[i] as number) + factor * (slope[i] as number);
}

function combine(values: Float64Array, slopes: readonly Float64Array[], dt: number): void {
  const [a, b, c, d] = slopes as [Float64Array, Float64Array, Float64Array, Float64Array];
  for (let i = 0; i < values.length; i++) {
    const middle = 2 * ((b[i] as number) + (c[i] as number));
    values[i] = (values[i] as number) + (dt / 6) * ((a[i] as number) + middle + (d[i] as number));
  }
}
