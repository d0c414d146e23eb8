/**
 * The one interface of every optimizer: ask for points to try, tell what came of them, in any order, with any
 * number of them pending.
 */
import type { Values } from './space.ts';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** A point to try. */
export interface Proposal {
  /** Counts from 0 in the order in which points are asked for. */
  readonly id: number;
  readonly values: Values;
  /** Where that is in the unit cube, exactly, shape [dimensions]: values alone don't give it back to the last bit. */
  readonly unit: readonly number[];
  /** What made it: `initial`, `random`, `sobol`, `grid`, `trust-region`. */
  readonly origin: string;
  /** The state under which it was made (trust region), for the record. */
  readonly detail?: JsonValue;
}

/** What came of a proposal. `silent` ones were stopped early and may lack an objective; `failed` ones lack all. */
export interface Outcome {
  readonly id: number;
  readonly values: Values;
  readonly status: 'complete' | 'silent' | 'failed';
  /** Maximized. Not finite counts as missing. */
  readonly objective?: number;
  /** Feasible iff every one is at most 0. Not finite, or too few, counts as missing. */
  readonly constraints?: readonly number[];
  /** What the trial cost, seconds. */
  readonly cost?: number;
}

/**
 * Everything that a search asked and was told. Whoever keeps a search keeps this and its saved state; a study's trials
 * are just that.
 */
export interface SearchHistory {
  /** Every proposal, in the order of their numbers. */
  readonly proposals: readonly Proposal[];
  /** Every outcome, in the order in which they were told. */
  readonly outcomes: readonly Outcome[];
}

/** Where a search stands. */
export interface OptimizerSummary {
  readonly optimizer: string;
  readonly asked: number;
  readonly told: number;
  readonly pending: number;
  readonly feasible: number;
  readonly silent: number;
  readonly failed: number;
  /** The best feasible outcome so far; without any, the one that violates the constraints least. */
  readonly incumbent?: Incumbent;
  /** The trust region, for those that have one. */
  readonly region?: { readonly length: number; readonly restarts: number };
}

export interface Incumbent {
  readonly id: number;
  readonly values: Values;
  readonly feasible: boolean;
  /** The objective, where there is one. */
  readonly objective?: number;
  /** Sum of the positive parts of the constraints. */
  readonly violation: number;
}

export interface Optimizer {
  readonly name: string;
  /**
   * `count` further points. Calls must not overlap: await one before the next.
   *
   * @throws OptimizerError when one overlaps, or when `count` is not from 1 to 256.
   */
  ask(count: number): Promise<readonly Proposal[]>;
  /** Takes outcomes in any order; cheap. @throws OptimizerError for one that was not asked for, or told twice. */
  tell(outcomes: readonly Outcome[]): void;
  /**
   * What `restoreOptimizer` needs besides the history to go on with the identical sequence: counters, the trust region,
   * the models' hyperparameters. Its size doesn't grow with the search, so it can be kept with every ask and tell.
   *
   * @throws OptimizerError while an ask is under way.
   */
  save(): JsonValue;
  /** The whole history as it has to be kept; for those who have not kept it by themselves. */
  history(): SearchHistory;
  /** Costs the same however long the search is. */
  summary(): OptimizerSummary;
}

export type OptimizerErrorCode = 'settings' | 'unknown-optimizer' | 'ask' | 'tell' | 'saved-state';

/** A misuse of an optimizer, or a state that can't be restored. */
export class OptimizerError extends Error {
  override readonly name = 'OptimizerError';
  readonly code: OptimizerErrorCode;

  constructor(code: OptimizerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
