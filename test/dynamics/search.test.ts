import { expect, it } from 'vitest';
import { saltationSpectrum } from '../../src/dynamics/saltation.ts';
import { createOptimizer, SearchSpace } from '../../src/search/index.ts';
import { deltaNetwork } from './networks.ts';

it('an exponent is the objective and a constraint of a search', async () => {
  // Uncoupled neurons have exponents of 0, and excitation or inhibition make one of them negative.
  const space = SearchSpace.from({ weight: { type: 'real', low: -0.3, high: 0 } });
  const optimizer = createOptimizer('sobol', space, { seed: 1, constraints: 1 });
  const outcomes: { weight: number; second: number }[] = [];
  for (const { id, values } of await optimizer.ask(8)) {
    const weight = Number(values.weight);
    const network = deltaNetwork({ neurons: 20, degree: 6, weight }).compile();
    const { exponents, summary } = await saltationSpectrum(network, {
      durationMs: 400,
      exponents: 2,
      intervalMs: 5,
    });
    const second = exponents[1] as number;
    optimizer.tell([
      { id, values, status: 'complete', objective: -second, constraints: [summary.largest - 20] },
    ]);
    outcomes.push({ weight, second });
  }
  const { outcomes: told } = optimizer.history();
  expect(told.every(({ constraints }) => (constraints?.[0] ?? 1) <= 0)).toBe(true);
  const strongest = outcomes.reduce((a, b) => (a.weight < b.weight ? a : b));
  const weakest = outcomes.reduce((a, b) => (a.weight > b.weight ? a : b));
  expect(strongest.second).toBeLessThan(weakest.second);
});
