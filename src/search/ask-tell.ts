/**
 * The ask / tell protocol around a strategy: numbers proposals, keeps the history, saves and restores. A strategy
 * only turns a history into drafts.
 */
import { z } from 'zod';
import { type Draft, History, type Observation, type Pending } from './history.ts';
import {
  type JsonValue,
  type Optimizer,
  OptimizerError,
  type OptimizerSummary,
  type Outcome,
  type Proposal,
  type SearchHistory,
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

/** The form of a saved optimizer: no part of it grows with the history, which is kept apart. */
export const savedSchema = z.object({
  format: z.literal(2),
  optimizer: z.string(),
  settings: z.unknown(),
  names: z.array(z.string()),
  asked: z.int().nonnegative(),
  told: z.int().nonnegative(),
  strategy: z.json(),
});

export type SavedOptimizer = z.output<typeof savedSchema>;

export class AskTell implements Optimizer {
  readonly #space: SearchSpace;
  readonly #settings: Settings;
  readonly #strategy: Strategy;
  readonly #history: History;
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
      return drafts.map((draft) => this.#proposal(this.#history.add(draft)));
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
      format: 2,
      optimizer: this.#strategy.name,
      settings: this.#settings,
      names: [...this.#space.names],
      asked: this.#history.asked,
      told: this.#history.observations.length,
      strategy: this.#strategy.save() as SavedOptimizer['strategy'],
    };
    return structuredClone(saved) as unknown as JsonValue;
  }

  history(): SearchHistory {
    const { observations, pending } = this.#history;
    const points = [...observations, ...pending.values()].sort((a, b) => a.id - b.id);
    return {
      proposals: points.map((point) => this.#proposal(point)),
      outcomes: observations.map(({ id, unit, status, objective, constraints, cost }) => ({
        id,
        values: this.#space.fromUnit(unit),
        status,
        ...(objective === undefined ? {} : { objective }),
        ...(constraints === undefined ? {} : { constraints }),
        ...(cost === undefined ? {} : { cost }),
      })),
    };
  }

  /** Puts the history and the strategy back where {@link save} found them. @throws OptimizerError */
  restore(saved: SavedOptimizer, { proposals, outcomes }: SearchHistory): void {
    if (saved.names.join() !== this.#space.names.join()) {
      throw new OptimizerError(
        'saved-state',
        `the saved search moves ${saved.names.join(', ')}, the space ${this.#space.names.join(', ')}: restore with the space it was saved with`,
      );
    }
    if (proposals.length !== saved.asked || outcomes.length !== saved.told) {
      throw new OptimizerError(
        'saved-state',
        `the search was saved after ${saved.asked} proposals and ${saved.told} outcomes, its history has ${proposals.length} and ${outcomes.length}: keep the state together with each ask and tell`,
      );
    }
    for (const [index, { id, unit, origin, detail }] of proposals.entries()) {
      if (id !== index || unit?.length !== this.#space.dimensions) {
        throw new OptimizerError(
          'saved-state',
          `proposal ${id} of the history stands at place ${index} with ${unit?.length ?? 'no'} coordinates: give all in the order of their numbers, as they were asked for, with ${this.#space.dimensions} coordinates`,
        );
      }
      const optional = detail === undefined || detail === null ? {} : { detail };
      this.#history.add({ unit: Float64Array.from(unit), origin, ...optional });
    }
    for (const outcome of outcomes) this.#history.settle(outcome);
    this.#strategy.restore(saved.strategy);
  }

  summary(): OptimizerSummary {
    const { asked, observations, pending, counts } = this.#history;
    const incumbent = this.#history.describeIncumbent(this.#space);
    const region = this.#strategy.region?.();
    return {
      optimizer: this.#strategy.name,
      asked,
      told: observations.length,
      pending: pending.size,
      ...counts,
      ...(incumbent === undefined ? {} : { incumbent }),
      ...(region === undefined ? {} : { region }),
    };
  }

  #proposal({ id, unit, origin, detail }: Pending): Proposal {
    return {
      id,
      values: this.#space.fromUnit(unit),
      unit: Array.from(unit),
      origin,
      ...(detail === undefined ? {} : { detail }),
    };
  }
}
