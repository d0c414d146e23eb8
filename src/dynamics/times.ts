/** How long a network is followed, and in how many steps. */
import { ensureInput } from './errors.ts';

export interface SpectrumTimes {
  /** Time over which is averaged, ms. */
  readonly durationMs: number;
  /** Time before that, in which the state and the tangent vectors settle, ms; a fifth of the duration by default. */
  readonly transientMs?: number;
  /** Time between two orthonormalizations, ms; by default found from the condition of the tangent vectors. */
  readonly intervalMs?: number;
  /** How many exponents, the largest; all by default. Fewer cost proportionally less. */
  readonly exponents?: number;
  /** Called now and then with the steps done and those to be done. */
  readonly onProgress?: (done: number, all: number) => void;
}

/** @throws {DynamicsError} `bad-input` naming the option */
export function stepsOf({ durationMs, transientMs, intervalMs }: SpectrumTimes, dtMs: number) {
  const whole = (name: string, ms: number, least: number) => {
    const steps = Math.round(ms / dtMs);
    ensureInput(
      Number.isFinite(ms) && steps >= least,
      () => `${name} is ${ms}: give at least ${least * dtMs} ms, ${least} time steps of ${dtMs} ms`,
    );
    return steps;
  };
  return {
    steps: whole('durationMs', durationMs, 2),
    transientSteps: whole('transientMs', transientMs ?? durationMs / 5, 0),
    intervalSteps: intervalMs === undefined ? undefined : whole('intervalMs', intervalMs, 1),
  };
}
