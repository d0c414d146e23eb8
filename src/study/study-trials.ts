/** The trials of a study: the optimizer proposes them, the store keeps them. */
import { keyOf, philox4x32, STREAMS } from '../random/philox.ts';
import {
  createOptimizer,
  MAX_ASK,
  type Optimizer,
  type OptimizerName,
  type OptimizerSummary,
  type Outcome,
  restoreOptimizer,
  type SearchSpace,
  type SettingsInput,
} from '../search/index.ts';
import type { EndedTrial } from './messages.ts';
import type { TrialSupply } from './run.ts';
import { historyOf, outcomeOf, proposalRecord } from './search-history.ts';
import type { Store, StudySpec, TrialRecord } from './store.ts';

/** The seed of everything random in a trial: from the study's seed and the trial's number alone. */
export function trialSeed(studySeed: number, number: number): number {
  const [word, more] = philox4x32([number, STREAMS.trialSeed, 0, 0], keyOf(studySeed));
  return (word >>> 5) * 2 ** 26 + (more >>> 6);
}

/** The lag of a deterministic study, see {@link DeterministicOrder}; undefined for one that is not. */
export function lagOf(spec: StudySpec): number | undefined {
  const { deterministic } = spec.optimizer;
  return typeof deterministic === 'number' ? deterministic : undefined;
}

/** Opens the trials of a study that is in the store: its optimizer goes on from where it was recorded. */
export async function openStudyTrials(
  spec: StudySpec,
  store: Store,
  space: SearchSpace,
  constraints: number,
): Promise<TrialSupply> {
  const known = await store.trials(spec.name);
  const lag = lagOf(spec);
  const order = lag === undefined ? new ArrivalOrder() : new DeterministicOrder(lag, known);
  const saved = await store.optimizer(spec.name);
  const { name, deterministic: _, ...settings } = spec.optimizer;
  const optimizer =
    saved === undefined
      ? createOptimizer(name as OptimizerName, space, {
          ...(settings as SettingsInput),
          seed: spec.seed,
          constraints,
        })
      : restoreOptimizer(saved, space, order.history(known));
  return new StudyTrials(spec, store, optimizer, order, known);
}

/** When the optimizer is asked and told. */
interface AskTellOrder {
  /** What the optimizer had been asked and told when its state was recorded. */
  history(known: readonly TrialRecord[]): ReturnType<typeof historyOf>;
  /** Asks for at most `count` proposals of trials `first`, `first` + 1, ... */
  ask(optimizer: Optimizer, first: number, count: number): Promise<Awaited<ReturnType<Optimizer['ask']>>>;
  /** Outcomes of trials, as they come. */
  tell(
    optimizer: Optimizer,
    outcomes: readonly { readonly number: number; readonly outcome: Outcome }[],
  ): void;
}

/** Tells outcomes as they come, and asks for as many proposals as there are free slots. */
class ArrivalOrder implements AskTellOrder {
  history(known: readonly TrialRecord[]) {
    return historyOf(known);
  }

  async ask(optimizer: Optimizer, _first: number, count: number) {
    const proposals = [];
    for (let left = count; left > 0; left -= MAX_ASK) {
      proposals.push(...(await optimizer.ask(Math.min(left, MAX_ASK))));
    }
    return proposals;
  }

  tell(optimizer: Optimizer, outcomes: readonly { readonly outcome: Outcome }[]): void {
    optimizer.tell(outcomes.map(({ outcome }) => outcome));
  }
}

/**
 * Asks for proposal n when exactly the outcomes of all proposals up to n - lag have been told, in the order of their
 * numbers. So the proposals depend on the seed alone, on any number of workers and slots; at most `lag` trials run at
 * once, and one that takes long holds up those behind it.
 *
 * How many were told follows from how many were asked for, so nothing needs to be kept besides the trials.
 */
class DeterministicOrder implements AskTellOrder {
  readonly #lag: number;
  readonly #waiting = new Map<number, Outcome>();
  #told: number;

  constructor(lag: number, known: readonly TrialRecord[]) {
    this.#lag = lag;
    this.#told = this.#toldBefore(known.length - 1);
    for (const trial of known) {
      if (trial.number < this.#told || trial.outcome === undefined) continue;
      this.#waiting.set(trial.number, timeless(outcomeOf(trial, trial.outcome)));
    }
  }

  history(known: readonly TrialRecord[]) {
    const inOrder = known.map(({ finishOrder: _, ...trial }): TrialRecord => {
      return trial.number < this.#told ? { ...trial, finishOrder: trial.number } : trial;
    });
    const { proposals, outcomes } = historyOf(inOrder);
    return { proposals, outcomes: outcomes.map(timeless) };
  }

  async ask(optimizer: Optimizer, first: number, count: number) {
    const proposals = [];
    for (let number = first; number < first + count; number++) {
      const due = [];
      for (let told = this.#told; told < this.#toldBefore(number); told++) {
        const outcome = this.#waiting.get(told);
        if (outcome === undefined) return proposals;
        due.push(outcome);
      }
      optimizer.tell(due);
      for (const _ of due) {
        this.#waiting.delete(this.#told);
        this.#told += 1;
      }
      proposals.push(...(await optimizer.ask(1)));
    }
    return proposals;
  }

  tell(_: Optimizer, outcomes: readonly { readonly number: number; readonly outcome: Outcome }[]): void {
    for (const { number, outcome } of outcomes) this.#waiting.set(number, timeless(outcome));
  }

  /** How many outcomes have been told when a proposal is asked for. */
  #toldBefore(number: number): number {
    return Math.max(0, number - this.#lag + 1);
  }
}

/** An outcome without what a clock measured. */
function timeless({ cost: _, ...outcome }: Outcome): Outcome {
  return outcome;
}

class StudyTrials implements TrialSupply {
  readonly interrupted: readonly TrialRecord[];
  readonly #spec: StudySpec;
  readonly #store: Store;
  readonly #optimizer: Optimizer;
  readonly #order: AskTellOrder;
  readonly #running = new Map<number, TrialRecord>();
  #begun: number;
  #ended: number;

  constructor(
    spec: StudySpec,
    store: Store,
    optimizer: Optimizer,
    order: AskTellOrder,
    known: readonly TrialRecord[],
  ) {
    this.#spec = spec;
    this.#store = store;
    this.#optimizer = optimizer;
    this.#order = order;
    this.interrupted = known.filter((trial) => trial.state === 'running');
    for (const trial of this.interrupted) this.#running.set(trial.number, trial);
    this.#begun = known.length;
    this.#ended = known.length - this.interrupted.length;
  }

  get left(): number {
    return Math.max(0, this.#spec.trials - this.#ended);
  }

  get unproposed(): number {
    return Math.max(0, this.#spec.trials - this.#begun);
  }

  async propose(count: number): Promise<readonly TrialRecord[]> {
    const { name, seed } = this.#spec;
    const first = this.#begun;
    const proposals = await this.#order.ask(this.#optimizer, first, Math.min(count, this.unproposed));
    const trials = proposals.map((proposal, index): TrialRecord => {
      return {
        number: first + index,
        state: 'running',
        values: proposal.values,
        seed: trialSeed(seed, first + index),
        proposal: proposalRecord(proposal),
        startedAt: Date.now(),
      };
    });
    if (trials.length === 0) return trials;
    await this.#store.begin(name, trials, this.#optimizer.save());
    this.#begun += trials.length;
    for (const trial of trials) this.#running.set(trial.number, trial);
    return trials;
  }

  async settle(ended: readonly EndedTrial[]): Promise<readonly TrialRecord[]> {
    const { name } = this.#spec;
    const outcomes = ended.map(({ number, outcome }) => {
      return { number, outcome: outcomeOf(this.#running.get(number) as TrialRecord, outcome) };
    });
    this.#order.tell(this.#optimizer, outcomes);
    const ends = await this.#store.finish(name, ended, this.#optimizer.save());
    return ended.map(({ number, outcome }, index) => {
      const trial = this.#running.get(number) as TrialRecord;
      this.#running.delete(number);
      this.#ended += 1;
      return { ...trial, ...ends[index], state: outcome.state, outcome };
    });
  }

  about(): { optimizer: OptimizerSummary } {
    return { optimizer: this.#optimizer.summary() };
  }
}
