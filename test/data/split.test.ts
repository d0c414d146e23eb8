import { describe, expect, it } from 'vitest';
import { permutation, splitIndices } from '../../src/data/split.ts';

describe('permutation', () => {
  it.each([0, 1, 2, 1000])('of %d has every index once', (count) => {
    expect([...permutation(count, 5)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
  });

  it('is the same for a seed, and another for another', () => {
    expect(permutation(100, 1)).toEqual(permutation(100, 1));
    expect(permutation(100, 1)).not.toEqual(permutation(100, 2));
  });

  it('puts each index anywhere equally often', () => {
    // 3 indices, 6 orders, 6,000 seeds: each order about 1,000 times; chi-squared with 5 degrees of freedom.
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const order = permutation(3, seed).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquared).toBeLessThan(20.5); // 1 in 1,000
  });
});

describe('splitIndices', () => {
  it('gives disjoint parts of the sizes asked for', () => {
    const [train, holdOut] = splitIndices(100, [70, 20], 3);
    expect(train?.length).toBe(70);
    expect(holdOut?.length).toBe(20);
    expect(new Set([...(train ?? []), ...(holdOut ?? [])]).size).toBe(90);
  });

  it('refuses parts larger than the whole', () => {
    expect(() => splitIndices(10, [8, 3], 1)).toThrow(/8 \+ 3 samples are more than the 10/);
  });
});
