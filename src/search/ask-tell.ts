/**
 * The ask / tell protocol around a strategy: numbers proposals, keeps the history, saves and restores. A strategy
 * only turns a history into drafts.
 */
import { type Draft, History, type Observation } from './history.ts';
import {
  type JsonValue,
  type Optimizer,
  OptimizerError,
  type OptimizerSummary,
  type Outcome,
  type Proposal,
} from './optimizer.ts';
import type { Settings } from './settings.ts';
import type { SearchSpace } from './space.ts';

/** The most points one call of `ask` gives. */
export const MAX_ASK = 256;

/** How an optimizer chooses points. Its whole state is what {@link save} returns; the history is kept for it. */
export interface Strategy {
  readonly name: string;
  propose(history: History, count: number): Promise<readonly Draft[]>;
  /** Called for each observation, after the history has it. `previous` was the incumbent before. */
  observe(observation: Observation, previous: Observation | undefined): void;
  save(): JsonValue;
  restore(state: JsonValue): void;
  region?(): { readonly length: number; readonly restarts: number };
}

interface SavedDraft {
  readonly unit: readonly number[];
  readonly origin: string;
  readonly detail?: JsonValue;
}

/** The form of a saved optimizer. Points are kept as unit coordinates, exact in JSON. */
export interface SavedOptimizer {
  readonly format: 1;
  readonly optimizer: string;
  readonly settings: Settings;
  readonly names: readonly string[];
  readonly drafts: readonly SavedDraft[];
  readonly outcomes: readonly {
    readonly id: number;
    readonly status: Outcome['status'];
    readonly objective: number | null;
    readonly constraints: readonly number[] | null;
    readonly cost: number | null;
  }[];
  readonly strategy: JsonValue;
}

export class AskTell implements Optimizer {
  readonly #space: SearchSpace;
  readonly #settings: Settings;
  readonly #strategy: Strategy;
  readonly #history: History;
  readonly #drafts: SavedDraft[] = [];
  #asking = false;

  constructor(space: SearchSpace, settings: Settings, strategy: Strategy, constraints: number) {
    this.#space = space;
    this.#settings = settings;
    this.#strategy = strategy;
    this.#history = new History(constraints);
  }

  get name(): string {
    return this.#strategy.name;
  }

  async ask(count: number): Promise<readonly Proposal[]> {
    if (!Number.isInteger(count) || count < 1 || count > MAX_ASK) {
      throw new OptimizerError('ask', `asked for ${count} points: ask for 1 to ${MAX_ASK}`);
    }
    if (this.#asking) {
      throw new OptimizerError('ask', 'asked while an earlier ask is under way: await that one first');
    }
    this.#asking = true;
    try {
      const drafts = await this.#strategy.propose(this.#history, count);
      return drafts.map((draft) => this.#register(draft));
    } finally {
      this.#asking = false;
    }
  }

  tell(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const previous = this.#history.incumbent;
      this.#strategy.observe(this.#history.settle(outcome), previous);
    }
  }

  save(): JsonValue {
    if (this.#asking) {
      throw new OptimizerError('saved-state', 'saved while an ask is under way: await it first');
    }
    const saved: SavedOptimizer = {
      format: 1,
      optimizer: this.#strategy.name,
      settings: this.#settings,
      names: this.#space.names,
      drafts: this.#drafts,
      outcomes: this.#history.observations.map((observation) => ({
        id: observation.id,
        status: observation.status,
        objective: observation.objective ?? null,
        constraints: observation.constraints ?? null,
        cost: observation.cost ?? null,
      })),
      strategy: this.#strategy.save(),
    };
    return structuredClone(saved) as unknown as JsonValue;
  }

  /** Puts the history and the strategy back where {@link save} found them. */
  restore(saved: SavedOptimizer): void {
    if (saved.names.join() !== this.#space.names.join()) {
      throw new OptimizerError(
        'saved-state',
        `the saved search moves ${saved.names.join(', ')}, the space ${this.#space.names.join(', ')}: restore with the space it was saved with`,
      );
    }
    for (const draft of saved.drafts) this.#register({ ...draft, unit: Float64Array.from(draft.unit) });
    for (const { objective, constraints, cost, ...rest } of saved.outcomes) {
      this.#history.settle({
        ...rest,
        values: {},
        ...(objective === null ? {} : { objective }),
        ...(constraints === null ? {} : { constraints }),
        ...(cost === null ? {} : { cost }),
      });
    }
    this.#strategy.restore(saved.strategy);
  }

  summary(): OptimizerSummary {
    const { observations, pending, asked } = this.#history;
    const incumbent = this.#history.describeIncumbent(this.#space);
    const region = this.#strategy.region?.();
    return {
      optimizer: this.#strategy.name,
      asked,
      told: observations.length,
      pending: pending.size,
      feasible: observations.filter((observation) => observation.feasible).length,
      silent: observations.filter((observation) => observation.status === 'silent').length,
      failed: observations.filter((observation) => observation.status === 'failed').length,
      ...(incumbent === undefined ? {} : { incumbent }),
      ...(region === undefined ? {} : { region }),
    };
  }

  #register(draft: Draft): Proposal {
    const { id, unit, origin, detail } = this.#history.add(draft);
    const optional = detail === undefined ? {} : { detail };
    this.#drafts.push({ unit: Array.from(unit), origin, ...optional });
    return { id, values: this.#space.fromUnit(unit), origin, ...optional };
  }
}
