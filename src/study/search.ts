/** Running a study: the optimizer and the store on this thread, the trials in a worker that owns a device. */
import type { DeviceInfo } from '../device/device.ts';
import { keyOf, philox4x32, STREAMS } from '../random/philox.ts';
import {
  createOptimizer,
  type Optimizer,
  type OptimizerName,
  type OptimizerSummary,
  restoreOptimizer,
  SearchSpace,
  type SettingsInput,
} from '../search/index.ts';
import type { RunningTrial } from './messages.ts';
import { type MnistStdpSettings, recipeOf } from './recipes.ts';
import { historyOf, outcomeOf, proposalRecord } from './search-history.ts';
import { Session } from './session.ts';
import { type Store, StudyError, type StudySpec, type TrialRecord } from './store.ts';
import type { Hyperparameters, TrialOutcome } from './trial.ts';

/** What happens while a search or an evaluation runs. */
export type RunEvent =
  | {
      readonly kind: 'ready';
      readonly device: DeviceInfo;
      readonly slots: number;
      readonly setupSeconds: number;
    }
  /** Trials were handed to the device. */
  | { readonly kind: 'begun'; readonly trials: readonly TrialRecord[] }
  | {
      readonly kind: 'chunk';
      readonly samples: number;
      readonly seconds: number;
      readonly running: readonly RunningTrial[];
    }
  | { readonly kind: 'outcome'; readonly trial: TrialRecord; readonly optimizer?: OptimizerSummary };

export interface RunOptions {
  /** `auto | webgpu | webgpu:<name> | native` */
  readonly device: string;
  readonly slots?: number;
  readonly chunk?: number;
  /** Ends the run at the next chunk boundary; what was under way is run again on resuming. */
  readonly stop?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

/** The seed of everything random in a trial: from the study's seed and the trial's number alone. */
export function trialSeed(studySeed: number, number: number): number {
  const [word, more] = philox4x32([number, STREAMS.trialSeed, 0, 0], keyOf(studySeed));
  return (word >>> 5) * 2 ** 26 + (more >>> 6);
}

/**
 * Runs a study until it has all its trials, or until it is stopped. An existing study is resumed: the trials that were
 * under way are run again from their start with their seeds, and the optimizer goes on from its recorded state.
 *
 * @returns whether the study has all its trials
 * @throws {StudyError} `conflict` when the store has another study of that name
 */
export async function runSearch(
  spec: StudySpec,
  store: Store,
  options: RunOptions,
): Promise<{ finished: boolean }> {
  const recipe = recipeOf(spec.recipe);
  const settings = recipe.settings.parse(spec.settings);
  const space = studySpace(spec);
  const { resumed } = store.openStudy(spec);
  const optimizer = openOptimizer(spec, store, space, recipe.constraints.length);
  const known = resumed ? store.trials(spec.name) : [];
  let begun = known.length;
  let interrupted = known.filter((trial) => trial.state === 'running');
  let left = spec.trials - (begun - interrupted.length);
  if (left <= 0) return { finished: true };
  const pending = new Map<number, TrialRecord>();

  await using session = new Session(sessionSetup(settings, space, options));
  options.stop?.addEventListener('abort', () => session.abandon());
  if (options.stop?.aborted) session.abandon();
  for await (const message of session.messages()) {
    if (message.kind === 'ready' || message.kind === 'chunk') options.onEvent?.(message);
    if (message.kind === 'want' && !options.stop?.aborted) {
      const again = interrupted.slice(0, message.count);
      interrupted = interrupted.slice(again.length);
      const fresh = Math.min(message.count - again.length, spec.trials - begun);
      const proposed = fresh > 0 ? await propose(optimizer, fresh, begun, spec.seed) : [];
      begun += proposed.length;
      if (proposed.length > 0) store.begin(spec.name, proposed, optimizer.save());
      const trials = [...again, ...proposed];
      for (const trial of trials) pending.set(trial.number, trial);
      session.send(trials);
      if (trials.length > 0) options.onEvent?.({ kind: 'begun', trials });
    }
    if (message.kind === 'outcome') {
      const trial = pending.get(message.number);
      if (!trial)
        throw new StudyError('not-running', `trial ${message.number} was reported, but is not running`);
      pending.delete(message.number);
      optimizer.tell([outcomeOf(trial, message.outcome)]);
      const { outcome } = message;
      const ended = [{ number: trial.number, outcome }];
      const [end] = store.finish(spec.name, ended, optimizer.save());
      left -= 1;
      options.onEvent?.({
        kind: 'outcome',
        trial: { ...trial, ...end, state: outcome.state, outcome },
        optimizer: optimizer.summary(),
      });
      if (left === 0) session.close();
    }
  }
  return { finished: left === 0 };
}

/** One set of hyperparameters to be evaluated without a search. */
export interface EvaluationEntry {
  readonly values: Hyperparameters;
  readonly seed: number;
}

/**
 * Runs the given hyperparameters, all of them batched, without a search or a store.
 *
 * @returns an outcome for each entry; for those that were not finished when the run was stopped, undefined
 */
export async function runEvaluation(
  settings: MnistStdpSettings,
  entries: readonly EvaluationEntry[],
  options: RunOptions,
): Promise<(TrialOutcome | undefined)[]> {
  const outcomes: (TrialOutcome | undefined)[] = entries.map(() => undefined);
  if (entries.length === 0) return outcomes;
  const maxNeurons = Math.max(...entries.map((entry) => neuronsOf(entry.values)));
  const startedAt = Date.now();
  const record = (number: number, state: 'running' | TrialOutcome['state']): TrialRecord => {
    const { values, seed } = entries[number] as EvaluationEntry;
    return { number, state, values, seed, proposal: null, startedAt };
  };
  let begun = 0;
  let left = entries.length;
  await using session = new Session(workerSetup(settings, maxNeurons, options));
  options.stop?.addEventListener('abort', () => session.abandon());
  for await (const message of session.messages()) {
    if (message.kind === 'ready' || message.kind === 'chunk') options.onEvent?.(message);
    if (message.kind === 'want') {
      const numbers = entries.slice(begun, begun + message.count).map((_, offset) => begun + offset);
      begun += numbers.length;
      const trials = numbers.map((number) => record(number, 'running'));
      session.send(trials);
      if (trials.length > 0) options.onEvent?.({ kind: 'begun', trials });
    }
    if (message.kind === 'outcome') {
      outcomes[message.number] = message.outcome;
      left -= 1;
      const trial = { ...record(message.number, message.outcome.state), outcome: message.outcome };
      options.onEvent?.({ kind: 'outcome', trial });
      if (left === 0) session.close();
    }
  }
  return outcomes;
}

/** The search space of a study, as it was when the study was made. */
export function studySpace(spec: StudySpec): SearchSpace {
  const { parameters, fixed } = spec.space as { parameters: unknown; fixed: Hyperparameters };
  return SearchSpace.from(parameters).fix(fixed);
}

function openOptimizer(spec: StudySpec, store: Store, space: SearchSpace, constraints: number): Optimizer {
  const saved = store.optimizer(spec.name);
  if (saved !== undefined) return restoreOptimizer(saved, space, historyOf(store.trials(spec.name)));
  const { name, ...settings } = spec.optimizer;
  return createOptimizer(name as OptimizerName, space, {
    ...(settings as SettingsInput),
    seed: spec.seed,
    constraints,
  });
}

async function propose(
  optimizer: Optimizer,
  count: number,
  from: number,
  seed: number,
): Promise<TrialRecord[]> {
  const proposals = await optimizer.ask(count);
  return proposals.map((proposal, index) => ({
    number: from + index,
    state: 'running',
    values: proposal.values,
    seed: trialSeed(seed, from + index),
    proposal: proposalRecord(proposal),
    startedAt: Date.now(),
  }));
}

function sessionSetup(settings: MnistStdpSettings, space: SearchSpace, options: RunOptions) {
  const size = space.spec.map_size;
  const fixed = space.fixed.map_size;
  const largest = typeof fixed === 'number' ? fixed : size && 'high' in size ? size.high : 0;
  return workerSetup(settings, largest, options);
}

function workerSetup(settings: MnistStdpSettings, maxNeurons: number, options: RunOptions) {
  return {
    device: options.device,
    settings,
    maxNeurons: Math.max(1, maxNeurons),
    ...(options.slots === undefined ? {} : { slots: options.slots }),
    ...(options.chunk === undefined ? {} : { chunk: options.chunk }),
  };
}

/** The size of a network that is yet to be checked: 1 where it makes no sense, so that its own trial fails. */
function neuronsOf(values: Hyperparameters): number {
  const size = values.map_size;
  return typeof size === 'number' && size >= 1 && size <= 2048 ? size : 1;
}
