/**
 * Minimization of a smooth function in a box: limited-memory BFGS on the variables that no bound holds, with a
 * projected backtracking search. It solves the problem of L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995) by the simpler
 * projected quasi-Newton step of Bertsekas (1982), enough for the few dozen hyperparameters of a model.
 */

export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface LbfgsOptions {
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** Evaluations at most. */
  readonly maxEvaluations?: number;
  /** Stops when no free component of the gradient exceeds this. */
  readonly gradientTolerance?: number;
  /** Stops when a step gains less than this share of |value| + 1. */
  readonly valueTolerance?: number;
}

export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly evaluations: number;
}

const MEMORY = 10;
const ARMIJO = 1e-4;
const MAX_HALVINGS = 20;

/** Minimizes from `start`. A value that is not finite is refused like one that is too high. */
export async function minimizeInBox(
  evaluate: (x: Float64Array) => Promise<Evaluation>,
  start: Float64Array,
  options: LbfgsOptions,
): Promise<Minimum> {
  const { lower, upper, maxEvaluations = 200, gradientTolerance = 1e-5, valueTolerance = 1e-9 } = options;
  const project = (x: Float64Array) =>
    x.map((v, i) => Math.min(upper[i] as number, Math.max(lower[i] as number, v)));
  let x = project(start);
  let current = await evaluate(x);
  let evaluations = 1;
  const steps: Float64Array[] = [];
  const changes: Float64Array[] = [];
  while (evaluations < maxEvaluations && Number.isFinite(current.value)) {
    const { gradient } = current;
    const free = gradient.map((g, i) => {
      const atLower = (x[i] as number) <= (lower[i] as number) && g > 0;
      const atUpper = (x[i] as number) >= (upper[i] as number) && g < 0;
      return atLower || atUpper ? 0 : 1;
    });
    const reduced = gradient.map((g, i) => g * (free[i] as number));
    if (Math.max(...reduced.map(Math.abs)) <= gradientTolerance) break;
    let direction = quasiNewton(reduced, steps, changes).map((v, i) => -v * (free[i] as number));
    if (!(dot(direction, reduced) < 0)) {
      steps.length = 0;
      changes.length = 0;
      direction = reduced.map((v) => -v);
    }
    // The first step has no curvature to go by: at most a unit of length.
    let length = steps.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(direction, direction))) : 1;
    let next: Evaluation | undefined;
    let moved = x;
    for (let halving = 0; halving < MAX_HALVINGS && evaluations < maxEvaluations; halving++) {
      moved = project(x.map((v, i) => v + length * (direction[i] as number)));
      const trial = await evaluate(moved);
      evaluations += 1;
      const gain = moved.reduce((s, v, i) => s + (gradient[i] as number) * (v - (x[i] as number)), 0);
      if (trial.value <= current.value + ARMIJO * gain) {
        next = trial;
        break;
      }
      length *= 0.5;
    }
    if (next === undefined) {
      if (steps.length === 0) break;
      steps.length = 0;
      changes.length = 0;
      continue;
    }
    const s = moved.map((v, i) => v - (x[i] as number));
    const change = next.gradient.map((g, i) => g - (gradient[i] as number));
    if (dot(s, change) > 1e-10 * dot(change, change)) {
      steps.push(s);
      changes.push(change);
      if (steps.length > MEMORY) {
        steps.shift();
        changes.shift();
      }
    }
    const gained = current.value - next.value;
    x = moved;
    current = next;
    if (gained <= valueTolerance * (Math.abs(current.value) + 1)) break;
  }
  return { x, value: current.value, evaluations };
}

/** The two-loop recursion (Nocedal 1980): the inverse Hessian's estimate times the gradient. */
function quasiNewton(gradient: Float64Array, steps: Float64Array[], changes: Float64Array[]): Float64Array {
  const q = gradient.slice();
  const factors: number[] = [];
  for (let k = steps.length - 1; k >= 0; k--) {
    const s = steps[k] as Float64Array;
    const c = changes[k] as Float64Array;
    const a = dot(s, q) / dot(s, c);
    factors[k] = a;
    addScaled(q, -a, c);
  }
  const s = steps.at(-1);
  const c = changes.at(-1);
  if (s !== undefined && c !== undefined) {
    const scale = dot(s, c) / dot(c, c);
    for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * scale;
  }
  for (let k = 0; k < steps.length; k++) {
    const step = steps[k] as Float64Array;
    const change = changes[k] as Float64Array;
    const b = dot(change, q) / dot(step, change);
    addScaled(q, (factors[k] as number) - b, step);
  }
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}

function addScaled(target: Float64Array, factor: number, v: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + factor * (v[i] as number);
}
