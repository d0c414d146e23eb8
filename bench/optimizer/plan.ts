/** What the bench of the optimizer runs: problems, budgets, bars, settings to be compared, and the jobs they make. */
import type { SettingsInput } from '../../src/search/index.ts';
import { PROBLEMS, type ProblemName } from '../problems.ts';

export const NAMES = Object.keys(PROBLEMS) as ProblemName[];

/** Evaluations, initial design and batch of each problem: the same as in `bench/peers/botorch_scbo.py`. */
export const BUDGETS: Readonly<Record<ProblemName, { evaluations: number; initial: number; batch: number }>> =
  {
    ackley10: { evaluations: 200, initial: 10, batch: 4 },
    spring: { evaluations: 90, initial: 10, batch: 4 },
    pressureVessel: { evaluations: 120, initial: 10, batch: 4 },
    weldedBeam: { evaluations: 120, initial: 10, batch: 4 },
    speedReducer: { evaluations: 300, initial: 10, batch: 4 },
    keane30: { evaluations: 900, initial: 100, batch: 50 },
    silence: { evaluations: 120, initial: 10, batch: 4 },
  };

/** What the median has to reach; Ackley must besides be feasible by evaluation 60. */
export const BARS: Readonly<Record<ProblemName, number>> = {
  ackley10: 0.4,
  spring: 0.015,
  pressureVessel: 7300,
  weldedBeam: 3.6,
  speedReducer: 2996.35 * 1.001,
  keane30: -0.3,
  silence: -0.1,
};

/** Minutes a run; they come last. */
export const SLOW: readonly ProblemName[] = ['keane30', 'speedReducer'];

/** Keane's is left out: one proposal at a time takes hours there. */
export const ASYNC_NAMES = NAMES.filter((name) => name !== 'keane30');
export const PENDING = 16;
/** Asynchronous runs may use this many more evaluations than sequential ones for the same value. */
export const ASYNC_SHARE = 1.15;

export const ABLATIONS: Readonly<Record<string, SettingsInput>> = {
  'as it is': {},
  'copula for the objective': { objectiveTransform: 'copula' },
  'no bilog for constraints': { constraintTransform: 'standardize' },
};
export const ABLATION_NAMES: readonly ProblemName[] = ['ackley10', 'spring', 'pressureVessel', 'weldedBeam'];

export type Mode = 'batch' | 'sequential' | 'asynchronous' | 'sobol';

export interface Job {
  readonly key: string;
  readonly problem: ProblemName;
  readonly seed: number;
  readonly mode: Mode;
  readonly settings: SettingsInput;
}

export interface TracePoint {
  readonly f: number;
  readonly feasible: boolean;
}

export interface Run {
  readonly problem: ProblemName;
  readonly seed: number;
  readonly seconds: number;
  /** In the order in which evaluations came back. */
  readonly trace: readonly TracePoint[];
}

/** What BoTorch's runs say besides. */
export interface PeerRun extends Run {
  readonly versions: Readonly<Record<string, string>>;
  readonly askSeconds: number;
}

/** The runs of a part of the bench: `bars`, `async` or `ablations`. */
export function jobsOf(part: string, seeds: number): Job[] {
  const job = (
    prefix: string,
    problem: ProblemName,
    seed: number,
    mode: Mode,
    settings: SettingsInput = {},
  ): Job => ({
    key: `${prefix}-${problem}-${seed}`,
    problem,
    seed,
    mode,
    settings,
  });
  const all: Job[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    if (part === 'bars') {
      for (const name of NAMES) all.push(job('scbo', name, seed, 'batch'), job('sobol', name, seed, 'sobol'));
    }
    if (part === 'async') {
      for (const name of ASYNC_NAMES) {
        all.push(
          job('sequential', name, seed, 'sequential'),
          job('asynchronous', name, seed, 'asynchronous'),
        );
      }
    }
    if (part === 'ablations') {
      for (const name of ABLATION_NAMES) {
        for (const [label, settings] of Object.entries(ABLATIONS).slice(1)) {
          all.push(job(`ablation-${label.replaceAll(' ', '_')}`, name, seed, 'batch', settings));
        }
      }
    }
  }
  return all;
}
