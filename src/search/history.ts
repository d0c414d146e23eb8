/** What a search knows: the points asked for, the outcomes told, and which of two is better. */
import { type Incumbent, type JsonValue, OptimizerError, type Outcome } from './optimizer.ts';
import type { SearchSpace } from './space.ts';

/** A point that a strategy proposes: where in the unit cube, and why. */
export interface Draft {
  /** Snapped: integers and categories stand in the middle of their cell. */
  readonly unit: Float64Array;
  readonly origin: string;
  readonly detail?: JsonValue;
}

/** A draft under its number, not yet told of. */
export interface Pending extends Draft {
  readonly id: number;
}

/** A proposal with what came of it. */
export interface Observation extends Pending {
  readonly status: Outcome['status'];
  /** Finite, or missing. */
  readonly objective: number | undefined;
  /** All of them finite, or missing. */
  readonly constraints: readonly number[] | undefined;
  readonly cost: number | undefined;
  /** Has an objective, and every constraint at most 0. */
  readonly feasible: boolean;
  /** Sum of the positive parts of the constraints; Infinity where they are missing. */
  readonly violation: number;
}

export class History {
  readonly constraints: number;
  /** In the order in which they were told. */
  readonly observations: Observation[] = [];
  readonly pending = new Map<number, Pending>();
  /** Of the observations. */
  readonly counts = { feasible: 0, silent: 0, failed: 0 };
  /** Costs of all observations together, seconds. */
  spentSeconds = 0;
  #asked = 0;
  readonly #occupied = new Map<string, number>();
  #incumbent: Observation | undefined;

  constructor(constraints: number) {
    this.constraints = constraints;
  }

  /** How many points were asked for; the number of the next one. */
  get asked(): number {
    return this.#asked;
  }

  /** The best observation so far, by {@link isBetter}. Never a failed one. */
  get incumbent(): Observation | undefined {
    return this.#incumbent;
  }

  /** Whether this point was proposed before, told of or not. */
  isOccupied(unit: Float64Array): boolean {
    return this.#occupied.has(keyOfPoint(unit));
  }

  /** Gives a draft its number and remembers it as pending. */
  add(draft: Draft): Pending {
    const pending: Pending = { ...draft, id: this.#asked };
    this.#asked += 1;
    this.pending.set(pending.id, pending);
    const key = keyOfPoint(draft.unit);
    this.#occupied.set(key, (this.#occupied.get(key) ?? 0) + 1);
    return pending;
  }

  /** Takes an outcome. @throws OptimizerError when nothing pending has its number. */
  settle(outcome: Outcome): Observation {
    const pending = this.pending.get(outcome.id);
    if (pending === undefined) {
      throw new OptimizerError(
        'tell',
        `outcome ${outcome.id} was ${outcome.id < this.#asked ? 'told before' : 'never asked for'}: tell each proposal once`,
      );
    }
    const observation: Observation = { ...pending, ...judge(outcome, this.constraints) };
    this.pending.delete(outcome.id);
    this.observations.push(observation);
    this.spentSeconds += observation.cost ?? 0;
    if (observation.feasible) this.counts.feasible += 1;
    if (observation.status !== 'complete') this.counts[observation.status] += 1;
    if (
      this.#incumbent === undefined
        ? observation.violation < Infinity
        : isBetter(observation, this.#incumbent)
    ) {
      this.#incumbent = observation;
    }
    return observation;
  }

  /** The incumbent for a summary. */
  describeIncumbent(space: SearchSpace): Incumbent | undefined {
    const best = this.#incumbent;
    if (best === undefined) return undefined;
    return {
      id: best.id,
      values: space.fromUnit(best.unit),
      feasible: best.feasible,
      ...(best.objective === undefined ? {} : { objective: best.objective }),
      violation: best.violation,
    };
  }
}

/** Whether `a` is strictly better: feasible with a higher objective, or, of infeasible ones, violating less. */
export function isBetter(a: Observation, b: Observation): boolean {
  if (a.feasible !== b.feasible) return a.feasible;
  if (a.feasible) return (a.objective as number) > (b.objective as number);
  return a.violation < b.violation;
}

/** Reads an outcome leniently: whatever is not a finite number is missing; a failed trial lacks everything. */
function judge(outcome: Outcome, count: number) {
  const { status } = outcome;
  const failed = status === 'failed';
  const given = outcome.constraints ?? [];
  const usable = !failed && given.length >= count && given.slice(0, count).every(Number.isFinite);
  const constraints = usable ? given.slice(0, count) : undefined;
  const objective = failed || !Number.isFinite(outcome.objective) ? undefined : outcome.objective;
  const cost =
    outcome.cost !== undefined && outcome.cost > 0 && outcome.cost < Infinity ? outcome.cost : undefined;
  // Without an objective an unconstrained trial can't be ranked, so it counts as violating without measure.
  const unranked = constraints === undefined || (count === 0 && objective === undefined);
  const violation = unranked ? Infinity : constraints.reduce((sum, c) => sum + Math.max(0, c), 0);
  return {
    status,
    objective,
    constraints,
    cost,
    violation,
    feasible: violation === 0 && objective !== undefined,
  };
}

/** The point's bytes, two a character: a third of the size of its digits, and faster. Coordinates are never -0. */
function keyOfPoint(unit: Float64Array): string {
  return String.fromCharCode(...new Uint16Array(unit.buffer, unit.byteOffset, unit.length * 4));
}
