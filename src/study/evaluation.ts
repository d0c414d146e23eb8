/** Running given hyperparameters, without a search and without a store. */
import type { EndedTrial } from './messages.ts';
import { run, type TrialSupply } from './run.ts';
import type { RunOptions } from './run-events.ts';
import type { TrialRecord } from './store.ts';
import type { Hyperparameters, JsonObject, TrialOutcome } from './trial.ts';

/** One set of hyperparameters to be evaluated. */
export interface EvaluationEntry {
  readonly values: Hyperparameters;
  readonly seed: number;
}

/**
 * Runs the given hyperparameters of a recipe, all of them batched.
 *
 * @param study the recipe's name, and its settings, checked
 *
 * @returns an outcome for each entry; for those that were not finished when the run was stopped, undefined
 * @throws {DeviceError} when no device can be opened, or none is left
 */
export async function runEvaluation(
  study: { readonly recipe: string; readonly settings: JsonObject },
  entries: readonly EvaluationEntry[],
  options: RunOptions,
): Promise<(TrialOutcome | undefined)[]> {
  if (entries.length === 0) return [];
  const trials = new GivenTrials(entries);
  await run({ ...study, networks: entries.map(({ values }) => values) }, trials, options);
  return trials.outcomes;
}

class GivenTrials implements TrialSupply {
  readonly interrupted = [];
  readonly outcomes: (TrialOutcome | undefined)[];
  left: number;
  readonly #entries: readonly EvaluationEntry[];
  readonly #startedAt = Date.now();
  #begun = 0;

  constructor(entries: readonly EvaluationEntry[]) {
    this.#entries = entries;
    this.outcomes = entries.map(() => undefined);
    this.left = entries.length;
  }

  get unproposed(): number {
    return this.#entries.length - this.#begun;
  }

  async propose(count: number): Promise<readonly TrialRecord[]> {
    const first = this.#begun;
    this.#begun = Math.min(this.#entries.length, first + count);
    return Array.from({ length: this.#begun - first }, (_, index) => this.#record(first + index, 'running'));
  }

  async settle(ended: readonly EndedTrial[]): Promise<readonly TrialRecord[]> {
    return ended.map(({ number, outcome }) => {
      this.outcomes[number] = outcome;
      this.left -= 1;
      return { ...this.#record(number, outcome.state), outcome };
    });
  }

  about() {
    return {};
  }

  #record(number: number, state: TrialRecord['state']): TrialRecord {
    const { values, seed } = this.#entries[number] as EvaluationEntry;
    return { number, state, values, seed, proposal: null, startedAt: this.#startedAt };
  }
}
