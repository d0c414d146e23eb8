/**
 * Silence: a sample is silent for a layer that emits fewer than alpha spikes; a trial is stopped when the silent
 * samples of an epoch are more than the share beta of the whole training set (Firmin, Boulet, Talbi 2024).
 */

/** The largest number of silent samples in an epoch that does not stop a trial: n / N > beta stops it. */
export function silentBudget(beta: number, samples: number): number {
  // beta * samples may fall just short of a whole number in f64 (0.1 * 48000 does not, 0.07 * 100 does).
  return Math.floor(beta * samples + 1e-9 * samples);
}

/** Counts of one layer in the last epoch, which may have been cut short. */
export interface SilenceCounts {
  readonly silent: number;
  /** Samples seen in the epoch. */
  readonly seen: number;
  /** Samples of a whole epoch. */
  readonly samples: number;
  readonly beta: number;
}

/**
 * Both forms of the constraint (feasible iff at most 0). `plain`: c = n/N - beta, nearly a step, since every stopped
 * trial has almost the same value. `graded`: c = 1 - m/N - beta with m the samples that did spike: samples never
 * reached count as silent, so the sooner a network dies the worse it is. Equal for trials that were not stopped.
 */
export function silenceConstraints(counts: SilenceCounts): {
  readonly plain: number;
  readonly graded: number;
} {
  const { silent, seen, samples, beta } = counts;
  return { plain: silent / samples - beta, graded: 1 - (seen - silent) / samples - beta };
}
