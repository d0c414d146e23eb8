/** Chaotic series by their equations: Lorenz, Roessler and Mackey-Glass, by integrators of fixed steps. */

/** A series of vectors at regular times. */
export interface Series {
  readonly name: string;
  /** [sample][component] */
  readonly values: Float64Array;
  readonly components: number;
  /** Time between two samples, in the unit of the equations. */
  readonly interval: number;
  /** 1 / (largest Lyapunov exponent), in the same unit; undefined where it is not known. */
  readonly lyapunovTime: number | undefined;
}

type Derivative = (x: Float64Array, out: Float64Array) => void;

/** One step of the classical Runge-Kutta method, in place. */
export function rungeKutta(derivative: Derivative, x: Float64Array, step: number): void {
  const slopes = [0, 1, 2, 3].map(() => new Float64Array(x.length));
  const [a, b, c, d] = slopes as [Float64Array, Float64Array, Float64Array, Float64Array];
  const moved = (slope: Float64Array, by: number) => x.map((value, i) => value + by * (slope[i] as number));
  derivative(x, a);
  derivative(moved(a, step / 2), b);
  derivative(moved(b, step / 2), c);
  derivative(moved(c, step), d);
  for (let i = 0; i < x.length; i++) {
    const slope = (a[i] as number) + 2 * (b[i] as number) + 2 * (c[i] as number) + (d[i] as number);
    x[i] = (x[i] as number) + (step / 6) * slope;
  }
}

/** x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z with sigma 10, rho 28, beta 8/3 (Lorenz 1963). */
export const lorenzDerivative: Derivative = (state, out) => {
  const [x, y, z] = state as unknown as [number, number, number];
  out[0] = 10 * (y - x);
  out[1] = x * (28 - z) - y;
  out[2] = x * y - (8 / 3) * z;
};

/** x' = -y - z, y' = x + a y, z' = b + z (x - c) with a = b = 0.2, c = 5.7 (Roessler 1976). */
export const rosslerDerivative: Derivative = (state, out) => {
  const [x, y, z] = state as unknown as [number, number, number];
  out[0] = -y - z;
  out[1] = x + 0.2 * y;
  out[2] = 0.2 + z * (x - 5.7);
};

/** Samples of an ordinary differential equation. */
function flow(
  name: string,
  derivative: Derivative,
  start: readonly number[],
  { samples, step, every, discard, lyapunovTime }: Sampling,
): Series {
  const x = Float64Array.from(start);
  for (let k = 0; k < Math.round(discard / step); k++) rungeKutta(derivative, x, step);
  const values = new Float64Array(samples * x.length);
  for (let sample = 0; sample < samples; sample++) {
    for (let k = 0; sample > 0 && k < every; k++) rungeKutta(derivative, x, step);
    values.set(x, sample * x.length);
  }
  return { name, values, components: x.length, interval: every * step, lyapunovTime };
}

interface Sampling {
  readonly samples: number;
  readonly step: number;
  readonly every: number;
  readonly discard: number;
  readonly lyapunovTime: number;
}

/** A place to start from that differs with the seed; the transient leads to the attractor. */
function offset(seed: number): number {
  return ((seed * 0.6180339887498949) % 1) - 0.5;
}

/** Sampled every 0.05; steps of 0.005. Lyapunov exponent 0.9056 (Sprott). */
export function lorenz(samples: number, seed = 0): Series {
  const sampling = { samples, step: 0.005, every: 10, discard: 50, lyapunovTime: 1 / 0.9056 };
  return flow('lorenz', lorenzDerivative, [1 + offset(seed), 1, 1], sampling);
}

/** Sampled every 0.5; steps of 0.01. Lyapunov exponent 0.0714 (Sprott). */
export function rossler(samples: number, seed = 0): Series {
  const sampling = { samples, step: 0.01, every: 50, discard: 200, lyapunovTime: 1 / 0.0714 };
  return flow('rossler', rosslerDerivative, [-0.1 + offset(seed), 0, 0.02], sampling);
}

/**
 * x' = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x (Mackey and Glass 1977), sampled every 3; Runge-Kutta with steps of 0.1,
 * the delayed value between steps by cubic Hermite interpolation. Lyapunov time 197.
 */
export function mackeyGlass(samples: number, seed = 0): Series {
  const all = mackeyGlassGrid(Math.round((500 + 3 * samples) / 0.1), 1.2 + 0.2 * offset(seed));
  const values = Float64Array.from({ length: samples }, (_, sample) => all[5000 + 30 * sample] as number);
  return { name: 'mackey-glass', values, components: 1, interval: 3, lyapunovTime: 197 };
}

/** x at 0, 0.1, 0.2, ..., with x = history for all times up to 0. */
export function mackeyGlassGrid(steps: number, history: number): Float64Array {
  const h = 0.1;
  const delay = 170;
  const x = new Float64Array(steps + 1);
  // Derivatives just after each time of the grid: at 0 it jumps from that of the constant history.
  const slopes = new Float64Array(steps + 1);
  const rate = (now: number, delayed: number): number => (0.2 * delayed) / (1 + delayed ** 10) - 0.1 * now;
  const at = (k: number): number => (k <= 0 ? history : (x[k] as number));
  x[0] = history;
  slopes[0] = rate(history, history);
  for (let k = 0; k < steps; k++) {
    const [from, to] = [k - delay, k - delay + 1];
    const before = at(from);
    const after = at(to);
    const slopeFrom = from < 0 ? 0 : (slopes[from] as number);
    // The left derivative at the end of the interval: 0 where the interval still lies in the history.
    const slopeTo = to <= 0 ? 0 : (slopes[to] as number);
    const middle = (before + after) / 2 + (h / 8) * (slopeFrom - slopeTo);
    const now = x[k] as number;
    const a = rate(now, before);
    const b = rate(now + (h / 2) * a, middle);
    const c = rate(now + (h / 2) * b, middle);
    const d = rate(now + h * c, after);
    x[k + 1] = now + (h / 6) * (a + 2 * b + 2 * c + d);
    slopes[k + 1] = rate(x[k + 1] as number, after);
  }
  return x;
}
