/** What the optimizer costs the host: ask and tell, on the search space of the recorded experiment. */
import {
  createOptimizer,
  MAX_ASK,
  type Optimizer,
  type Outcome,
  type Proposal,
  SearchSpace,
} from '../../search/index.ts';
import { recipeOf } from '../../study/recipes.ts';
import { confirm } from '../errors.ts';
import type { BenchCase, BenchSuite } from '../suite.ts';

export const search: BenchSuite = {
  name: 'search',
  about: 'ask and tell of the optimizers, 18 hyperparameters and two constraints; the device is idle',
  timesKernels: false,
  cases: () => [askTell('random', 1000, 1000), askTell('sobol', 1000, 1000), askTell('scbo', 200, 8)],
};

/**
 * @param before trials that are told beforehand; of `scbo` as many as its initial design has, so that models propose then
 * @param count of one repetition
 */
function askTell(name: 'random' | 'sobol' | 'scbo', before: number, count: number): BenchCase {
  return {
    name: `ask-tell:${name}`,
    work: `${count} trials after ${before}`,
    unit: 'trial',
    prepare: async () => {
      const space = SearchSpace.from(recipeOf('mnist-stdp').space);
      const settings = { seed: 1, constraints: 2, ...(name === 'scbo' ? { initial: before } : {}) };
      const optimizer = createOptimizer(name, space, settings);
      const twin = createOptimizer(name, space, settings);
      return {
        check: async () => {
          const proposals = await askFor(optimizer, before);
          const again = await askFor(twin, before);
          confirm(
            proposals.length === before && JSON.stringify(proposals) === JSON.stringify(again),
            () => `${name}: two optimizers of one seed propose different trials`,
          );
          optimizer.tell(proposals.map(outcomeOf));
        },
        run: async () => {
          let asked = 0;
          while (asked < count) {
            const proposals = await optimizer.ask(Math.min(16, count - asked));
            optimizer.tell(proposals.map(outcomeOf));
            asked += proposals.length;
          }
          return { amount: asked };
        },
        [Symbol.dispose]: () => {},
      };
    },
  };
}

async function askFor(optimizer: Optimizer, count: number): Promise<Proposal[]> {
  const proposals: Proposal[] = [];
  while (proposals.length < count) {
    proposals.push(...(await optimizer.ask(Math.min(MAX_ASK, count - proposals.length))));
  }
  return proposals;
}

/** An objective with one optimum, and two constraints that half of the space meets. */
function outcomeOf({ id, values }: Proposal): Outcome {
  const numbers = Object.values(values).map((value) => (typeof value === 'number' ? Math.abs(value) : 1));
  const sum = numbers.reduce((total, value) => total + Math.log1p(value), 0);
  const [a = 0, b = 0] = numbers;
  return {
    id,
    values,
    status: 'complete',
    objective: -((sum - 50) ** 2),
    constraints: [Math.log1p(a) - 2, Math.log1p(b) - 2],
  };
}
