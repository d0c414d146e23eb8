/**
 * An optimizer of one's own: a strategy says which points of the unit cube to try; numbering, history, constraints, saving
 * and restoring are the protocol's. This one is an evolution strategy: Gaussian steps around the best so far, longer
 * after a success and shorter after a failure (Rechenberg's rule).
 */
import {
  AskTell,
  type Draft,
  type History,
  type JsonValue,
  type Observation,
  parseSettings,
  RandomStream,
  SEARCH_STREAMS,
  SearchSpace,
  type Strategy,
} from 'tacet';

class EvolutionStrategy implements Strategy {
  readonly name = 'evolution';
  readonly #space: SearchSpace;
  readonly #seed: number;
  #step = 0.3;

  constructor(space: SearchSpace, seed: number) {
    this.#space = space;
    this.#seed = seed;
  }

  async propose(history: History, count: number): Promise<readonly Draft[]> {
    return Array.from({ length: count }, (_, k) => {
      // Addressed by the proposal's number, so that a search that is restored goes on as it would have.
      const random = new RandomStream(this.#seed, SEARCH_STREAMS.candidates, history.asked + k);
      const from = history.incumbent?.unit;
      const unit = Float64Array.from({ length: this.#space.dimensions }, (_, d) => {
        if (from === undefined) return random.uniform();
        return Math.min(1, Math.max(0, (from[d] as number) + this.#step * random.normal()));
      });
      return { unit: this.#space.snap(unit), origin: 'mutation' };
    });
  }

  observe(observation: Observation, previous: Observation | undefined): void {
    const better =
      previous === undefined ||
      (observation.objective ?? Number.NEGATIVE_INFINITY) > (previous.objective ?? 0);
    this.#step = Math.min(0.5, Math.max(1e-3, this.#step * (better ? 1.5 : 0.9)));
  }

  save(): JsonValue {
    return { step: this.#step };
  }

  restore(state: JsonValue): void {
    this.#step = (state as { readonly step: number }).step;
  }
}

const space = SearchSpace.from({
  x: { type: 'real', low: -5, high: 5 },
  y: { type: 'real', low: -5, high: 5 },
});
const optimizer = new AskTell(space, parseSettings({ seed: 1 }), new EvolutionStrategy(space, 1), 0);

for (let round = 0; round < 200; round++) {
  for (const { id, values } of await optimizer.ask(1)) {
    const { x, y } = values as { readonly x: number; readonly y: number };
    optimizer.tell([{ id, values, status: 'complete', objective: -((x - 1) ** 2) - (y + 2) ** 2 }]);
  }
}
console.log(JSON.stringify(optimizer.summary().incumbent));
