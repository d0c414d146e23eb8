/**
 * A study as plain data: what figures and pages are made from, in this process or, sent as JSON, in a browser.
 */
import type { Parameter } from '../../search/space.ts';
import { compareTrials, isFeasible } from '../../study/ranking.ts';
import type { StudySpec, TrialRecord } from '../../study/store.ts';
import type { Portrait } from './portrait-data.ts';

/** Length scales of one model of the optimizer, by hyperparameter, in units of the search cube. */
export interface LengthScales {
  /** `objective`, or the name of a constraint. */
  readonly output: string;
  readonly scales: Readonly<Record<string, number>>;
}

export interface StudyData {
  readonly spec: StudySpec;
  /** What the recipe does, in a line. */
  readonly summary: string;
  /** Unix time, ms. */
  readonly createdAt: number;
  /** Names of the constraints, in the order of a trial's. */
  readonly constraints: readonly string[];
  /** In the order of their numbers, without their histories. */
  readonly trials: readonly TrialRecord[];
  /** Empty for an optimizer without models, and before the first fit. */
  readonly lengthScales: readonly LengthScales[];
  /** When these data were read: Unix time, ms. */
  readonly readAt: number;
  /** One network, run again and looked at. */
  readonly portrait?: Portrait;
}

/** What a trial is drawn as. */
export type TrialClass = 'feasible' | 'infeasible' | 'silent' | 'failed' | 'running';

export const TRIAL_CLASSES: readonly TrialClass[] = ['feasible', 'infeasible', 'silent', 'failed', 'running'];

export function classOf(trial: TrialRecord): TrialClass {
  if (trial.state === 'silent' || trial.state === 'failed') return trial.state;
  if (trial.state !== 'complete') return 'running';
  return isFeasible(trial) ? 'feasible' : 'infeasible';
}

/** Trials that have ended, in the order of their ends. */
export function endedTrials({ trials }: Pick<StudyData, 'trials'>): TrialRecord[] {
  return trials
    .filter(({ finishOrder }) => finishOrder !== undefined)
    .sort((a, b) => (a.finishOrder as number) - (b.finishOrder as number));
}

/** Each trial that was the best when it ended, in the order of their ends. */
export function incumbents(data: Pick<StudyData, 'trials'>): TrialRecord[] {
  const found: TrialRecord[] = [];
  for (const trial of endedTrials(data)) {
    const best = found.at(-1);
    if (isFeasible(trial) && (best === undefined || compareTrials(trial, best) < 0)) found.push(trial);
  }
  return found;
}

/** The hyperparameters that the search moves, in the order of the search cube's coordinates. */
export function movedParameters({ spec }: StudyData): (readonly [name: string, parameter: Parameter])[] {
  const { parameters, fixed } = spec.space as unknown as {
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly fixed: Readonly<Record<string, unknown>>;
  };
  return Object.entries(parameters ?? {}).filter(([name]) => !Object.hasOwn(fixed ?? {}, name));
}

/** Where a trial lies in the search cube, [0, 1] for each moved hyperparameter; undefined where nobody recorded it. */
export function unitOf({ proposal }: TrialRecord): readonly number[] | undefined {
  const unit = typeof proposal === 'object' && proposal !== null && 'unit' in proposal ? proposal.unit : null;
  return Array.isArray(unit) ? (unit as number[]) : undefined;
}

/** The samples that a trial would have run had it not been stopped; undefined where its recipe has no such number. */
export function plannedSamples({ spec }: StudyData, trial: TrialRecord): number | undefined {
  const { trainSamples, holdOutSamples } = spec.settings;
  const { epochs } = trial.values;
  if (typeof trainSamples !== 'number' || typeof holdOutSamples !== 'number' || typeof epochs !== 'number') {
    return undefined;
  }
  return trainSamples * epochs + holdOutSamples;
}

/** The samples that a trial ran, all phases together. */
export function samplesRun({ outcome }: TrialRecord): number {
  return (outcome?.phases ?? []).reduce((sum, { samples }) => sum + samples, 0);
}

/** The objective of a trial that has a finite one. */
export function objectiveOf({ outcome }: TrialRecord): number | undefined {
  return outcome?.objective !== undefined && Number.isFinite(outcome.objective)
    ? outcome.objective
    : undefined;
}
