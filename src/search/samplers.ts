/** Searches that learn nothing: random and Sobol. They also draw the initial designs of the others. */
import { z } from 'zod';
import type { Strategy } from './ask-tell.ts';
import type { Draft, History } from './history.ts';
import { type JsonValue, OptimizerError } from './optimizer.ts';
import { RandomStream, SEARCH_STREAMS } from './random.ts';
import { SobolSequence } from './sobol.ts';
import type { SearchSpace } from './space.ts';

/** How often a point that was proposed before is drawn again; a space of few values may have no other left. */
const REDRAWS = 100;

export type SamplerKind = 'sobol' | 'random';

/** Points drawn without regard to outcomes; each is (seed, index), so the state is one number. */
export class Sampler {
  readonly #space: SearchSpace;
  readonly #draw: (index: number) => Float64Array;
  next = 0;

  constructor(kind: SamplerKind, space: SearchSpace, seed: number) {
    this.#space = space;
    const { dimensions } = space;
    if (kind === 'sobol' && dimensions > 0) {
      const sequence = new SobolSequence(dimensions, { seed });
      this.#draw = (index) => sequence.point(index);
    } else {
      this.#draw = (index) => {
        const random = new RandomStream(seed, SEARCH_STREAMS.initial, index);
        return Float64Array.from({ length: dimensions }, () => random.uniform());
      };
    }
  }

  /** The next points, none proposed before or twice here as long as the space has others. */
  draw(history: History, count: number, origin: string): Draft[] {
    const drafts: Draft[] = [];
    const taken = new Set<string>();
    for (let i = 0; i < count; i++) {
      let unit = this.#point();
      for (
        let redraw = 0;
        redraw < REDRAWS && (history.isOccupied(unit) || taken.has(unit.join()));
        redraw++
      ) {
        unit = this.#point();
      }
      taken.add(unit.join());
      drafts.push({ unit, origin });
    }
    return drafts;
  }

  #point(): Float64Array {
    const unit = this.#space.snap(this.#draw(this.next));
    this.next += 1;
    return unit;
  }
}

/** A whole search by a sampler. */
export class SamplingStrategy implements Strategy {
  readonly name: SamplerKind;
  readonly #sampler: Sampler;

  constructor(kind: SamplerKind, space: SearchSpace, seed: number) {
    this.name = kind;
    this.#sampler = new Sampler(kind, space, seed);
  }

  async propose(history: History, count: number): Promise<readonly Draft[]> {
    return this.#sampler.draw(history, count, this.name);
  }

  observe(): void {}

  save(): JsonValue {
    return { next: this.#sampler.next };
  }

  restore(state: JsonValue): void {
    const parsed = z.strictObject({ next: z.number().int().nonnegative() }).safeParse(state);
    if (!parsed.success) {
      throw new OptimizerError('saved-state', `the saved ${this.name} search has no count of its draws`);
    }
    this.#sampler.next = parsed.data.next;
  }
}
