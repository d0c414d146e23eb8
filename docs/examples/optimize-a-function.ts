/** SCBO on a function of one's own: no networks, only ask and tell. */
import { createOptimizer, SearchSpace } from 'tacet';

const space = SearchSpace.from({
  rate: { type: 'real', low: 1e-4, high: 1, scale: 'log' },
  units: { type: 'integer', low: 1, high: 64 },
});
const optimizer = createOptimizer('scbo', space, { seed: 1, constraints: 1, initial: 8 });

for (let round = 0; round < 20; round++) {
  for (const { id, values } of await optimizer.ask(2)) {
    const { rate, units } = values as { readonly rate: number; readonly units: number };
    // The highest is at rate 0.01 and 50 units, but at most 40 are allowed: a constraint is met at or below 0.
    const objective = -((Math.log10(rate) + 2) ** 2) - ((units - 50) / 30) ** 2;
    optimizer.tell([{ id, values, status: 'complete', objective, constraints: [units - 40] }]);
  }
}

const { incumbent } = optimizer.summary();
console.log(JSON.stringify(incumbent));
