/**
 * A trust region under asynchrony. Every proposal carries the state under which it was made, so that a late outcome
 * is judged by that state: an improvement always counts, a failure only against the region that proposed it. So a
 * large batch can't halve the region more than once.
 *
 * Rules: Eriksson et al., TuRBO (NeurIPS 2019); Eriksson and Poloczek, SCBO (AISTATS 2021); greedy moves of late
 * improvements as in the asynchronous follow-up of Firmin, Boulet and Talbi (2024).
 */
import { z } from 'zod';

export interface RegionRules {
  readonly initialLength: number;
  readonly minimumLength: number;
  readonly maximumLength: number;
  readonly successTolerance: number;
  readonly failureTolerance: number;
}

/** What a proposal carries. */
export const regionStateSchema = z.object({
  /** The side before weighting, in units of the cube. */
  length: z.number(),
  successes: z.number(),
  failures: z.number(),
  /** Counts the changes of length. */
  epoch: z.number(),
  restarts: z.number(),
});

export type RegionState = z.output<typeof regionStateSchema>;

/** What an outcome was, seen from the region. */
export type Verdict = 'better-inside' | 'better-outside' | 'not-better';

export class TrustRegion {
  readonly #rules: RegionRules;
  state: RegionState;

  constructor(rules: RegionRules) {
    this.#rules = rules;
    this.state = { length: rules.initialLength, successes: 0, failures: 0, epoch: 0, restarts: 0 };
  }

  /** Takes the verdict on a point that was proposed under `proposed`. */
  observe(verdict: Verdict, proposed: RegionState): void {
    const { successTolerance, failureTolerance, maximumLength } = this.#rules;
    const { state } = this;
    const current = proposed.epoch === state.epoch;
    if (verdict === 'not-better') {
      if (!current) return;
      const failures = state.failures + 1;
      this.state = { ...state, successes: 0, failures };
      if (failures >= failureTolerance) this.#resize(state.length / 2);
      return;
    }
    if (verdict === 'better-outside' && !current && proposed.restarts === state.restarts) {
      // Found from a larger region that was given up too early: take it up again.
      this.#resize(Math.max(state.length, proposed.length));
      this.state = { ...this.state, successes: proposed.successes > 0 ? proposed.successes + 1 : 0 };
      return;
    }
    const successes = state.successes + 1;
    this.state = { ...state, successes, failures: 0 };
    if (successes >= successTolerance) this.#resize(Math.min(maximumLength, state.length * 2));
  }

  #resize(length: number): void {
    const { minimumLength, initialLength } = this.#rules;
    const restart = length < minimumLength;
    this.state = {
      length: restart ? initialLength : length,
      successes: 0,
      failures: 0,
      epoch: this.state.epoch + 1,
      restarts: this.state.restarts + (restart ? 1 : 0),
    };
  }
}

/** The box around a centre, cut to the unit cube. */
export interface Box {
  readonly centre: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/** Sides are `length` times the length scales over their geometric mean (TuRBO), so that the volume stays the same. */
export function boxAround(
  centre: Float64Array,
  length: number,
  lengthScales: Float64Array | undefined,
  cardinalities: readonly number[],
): Box {
  const d = centre.length;
  const logMean = lengthScales === undefined ? 0 : lengthScales.reduce((sum, l) => sum + Math.log(l) / d, 0);
  const half = Float64Array.from(centre, (_, i) => {
    const weight = lengthScales === undefined ? 1 : Math.exp(Math.log(lengthScales[i] as number) - logMean);
    // A step to the next integer must stay possible.
    return Math.max((weight * length) / 2, 1.5 / (cardinalities[i] as number));
  });
  return {
    centre,
    lower: centre.map((c, i) => Math.max(0, c - (half[i] as number))),
    upper: centre.map((c, i) => Math.min(1, c + (half[i] as number))),
  };
}

export function isInside(box: Box, point: Float64Array): boolean {
  return point.every((u, i) => u >= (box.lower[i] as number) && u <= (box.upper[i] as number));
}
