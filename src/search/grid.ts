/** A search that goes through all combinations of a space's values, once each: the first parameter fastest, the last slowest. */
import { z } from 'zod';
import type { Strategy } from './ask-tell.ts';
import type { Draft, History } from './history.ts';
import { type JsonValue, OptimizerError } from './optimizer.ts';
import type { SearchSpace } from './space.ts';

export class GridStrategy implements Strategy {
  readonly name = 'grid';
  readonly #space: SearchSpace;
  readonly #points: number;
  #next = 0;

  /** @throws OptimizerError for a space with real parameters, of which there are no combinations to go through */
  constructor(space: SearchSpace) {
    const real = space.names.find((_, axis) => space.cardinalities[axis] === Number.POSITIVE_INFINITY);
    if (real !== undefined) {
      throw new OptimizerError(
        'settings',
        `a grid can't go through the real parameter ${real}: list its values as the choices of a categorical one, or use sobol`,
      );
    }
    this.#space = space;
    this.#points = space.cardinalities.reduce((product, count) => product * count, 1);
  }

  /** @throws OptimizerError when there are no combinations left */
  async propose(_: History, count: number): Promise<readonly Draft[]> {
    if (this.#next + count > this.#points) {
      throw new OptimizerError(
        'ask',
        `the grid has ${this.#points} points, and ${this.#next + count} are asked for: give at most ${this.#points} trials`,
      );
    }
    return Array.from({ length: count }, () => {
      const unit = this.#point(this.#next);
      this.#next += 1;
      return { unit, origin: this.name };
    });
  }

  observe(): void {}

  save(): JsonValue {
    return { next: this.#next };
  }

  restore(state: JsonValue): void {
    const parsed = z.strictObject({ next: z.number().int().nonnegative() }).safeParse(state);
    if (!parsed.success) {
      throw new OptimizerError('saved-state', 'the saved grid search has no count of its points');
    }
    this.#next = parsed.data.next;
  }

  #point(index: number): Float64Array {
    let rest = index;
    const unit = Float64Array.from(this.#space.cardinalities, (count) => {
      const digit = rest % count;
      rest = Math.floor(rest / count);
      return (digit + 0.5) / count;
    });
    return this.#space.snap(unit);
  }
}
