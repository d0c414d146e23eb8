import { describe, expect, it } from 'vitest';
import { costExponent, weighByCost } from '../../src/search/cost.ts';
import { createOptimizer, type Proposal, SearchSpace } from '../../src/search/index.ts';

describe('the exponent of the cost', () => {
  // Shares of the budget and exponents as published with the schedule's parameters.
  it.each([
    [0.05, 0.91],
    [0.2, 0.68],
    [0.4, 0.45],
    [0.5, 0.27],
    [0.6, 0],
    [0.7, 0],
    [0.8, 0.78],
    [0.95, 1],
  ])('at a share of %f is %f', (share, exponent) => {
    expect(Math.abs(costExponent(share) - exponent)).toBeLessThan(0.01);
  });

  it('stays from 0 to 1, also past the budget', () => {
    for (let share = 0; share < 2; share += 0.01) {
      expect(costExponent(share)).toBeGreaterThanOrEqual(0);
      expect(costExponent(share)).toBeLessThanOrEqual(1);
    }
    expect(costExponent(0)).toBe(1);
  });
});

describe('weighing', () => {
  it('divides gains, multiplies losses and violations, and keeps feasibility', () => {
    const weighed = weighByCost(
      { objective: Float64Array.of(3, 0, 3, 0), constraints: [Float64Array.of(-1, 2, 1, -2)] },
      Float64Array.of(2, 4),
      1,
    );
    expect(weighed.objective).toEqual(Float64Array.of(1, -4, 1, -4));
    expect(weighed.constraints[0]).toEqual(Float64Array.of(-1, 8, 2, -2));
  });
});

describe('a cost-aware search', () => {
  it('spends less than one that is not, where cost does not help', async () => {
    const space = SearchSpace.from({
      x: { type: 'real', low: 0, high: 1 },
      epochs: { type: 'real', low: 1, high: 100, scale: 'log' },
    });
    const spend = async (name: 'scbo' | 'casbo') => {
      let total = 0;
      for (let seed = 0; seed < 3; seed++) {
        const optimizer = createOptimizer(name, space, { seed, initial: 6, candidates: 300, features: 128 });
        for (let i = 0; i < 20; i++) {
          const [proposal] = (await optimizer.ask(1)) as [Proposal];
          const { x, epochs } = proposal.values as { x: number; epochs: number };
          if (i >= 6) total += epochs;
          optimizer.tell([{ ...proposal, status: 'complete', objective: -((x - 0.3) ** 2), cost: epochs }]);
        }
      }
      return total;
    };
    expect(await spend('casbo')).toBeLessThan(0.5 * (await spend('scbo')));
  });
});
