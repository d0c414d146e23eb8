import { describe, expect, it } from 'vitest';
import { PROBLEMS, type Problem, spaceOf } from '../../bench/problems.ts';
import { RandomStream, SEARCH_STREAMS } from '../../src/search/index.ts';

/** How far the published coordinates, rounded, may be from feasible, as a share of each constraint's typical size. */
const SLACK = 2e-5;

function random(name: string): RandomStream {
  return new RandomStream(name.length, SEARCH_STREAMS.initial, 0);
}

/** The median size of each constraint over uniform points. */
function typicalSizes(problem: Problem): number[] {
  const draws = random(problem.name);
  const space = spaceOf(problem);
  const sizes = Array.from({ length: 501 }, () =>
    problem.evaluate(Object.values(space.sample(draws)).map(Number)).constraints.map(Math.abs),
  );
  return Array.from({ length: problem.constraints }, (_, j) => {
    const column = sizes.map((row) => row[j] as number).sort((a, b) => a - b);
    return column[250] as number;
  });
}

describe.each(Object.values(PROBLEMS))('$title', (problem) => {
  const { f, x } = problem.optimum;

  it('has the value of its optimum there, and the point is feasible up to its rounding', () => {
    const found = problem.evaluate(x);
    expect(Math.abs(found.f - f)).toBeLessThan(2e-5 * Math.max(1e-9, Math.abs(f)) + 1e-12);
    const sizes = typicalSizes(problem);
    found.constraints.forEach((c, j) => {
      expect(c).toBeLessThanOrEqual(SLACK * (sizes[j] as number));
    });
    x.forEach((value, i) => {
      const [low, high] = problem.bounds[i] as readonly [number, number];
      expect(value).toBeGreaterThanOrEqual(low);
      expect(value).toBeLessThanOrEqual(high);
    });
  });

  it('has nothing feasible and better near its optimum, nor at uniform points', () => {
    const draws = random(problem.name);
    const better = (candidate: number[]) => {
      const found = problem.evaluate(candidate);
      return found.constraints.every((c) => c <= 0) && found.f < f - 1e-4 * Math.abs(f);
    };
    const space = spaceOf(problem);
    for (let i = 0; i < 5000; i++) {
      expect(better(Object.values(space.sample(draws)).map(Number))).toBe(false);
      const step = 10 ** (-1 - 4 * draws.uniform());
      const near = x.map((value, j) => {
        const [low, high] = problem.bounds[j] as readonly [number, number];
        return Math.min(high, Math.max(low, value + step * (high - low) * draws.normal()));
      });
      expect(better(near)).toBe(false);
    }
  });

  it('has as many constraints and coordinates as it says', () => {
    expect(problem.evaluate(x).constraints.length).toBe(problem.constraints);
    expect(x.length).toBe(problem.bounds.length);
  });
});

describe('the silence-like problem', () => {
  it('is alive in a small part of the space, and noise never changes which part', () => {
    const problem = PROBLEMS.silence;
    const draws = random('silence');
    let alive = 0;
    for (let i = 0; i < 4000; i++) {
      const x = Array.from({ length: 8 }, () => draws.uniform());
      const [plain] = problem.evaluate(x).constraints;
      const [noisy] = problem.evaluate(x, { seed: 1, index: i }).constraints;
      expect(Math.sign(noisy as number)).toBe(Math.sign(plain as number));
      if ((plain as number) < 0) alive += 1;
    }
    // The ball of radius 0.3 in four dimensions has the volume π² 0.3⁴ / 2 = 0.04, four standard errors either way.
    expect(Math.abs(alive / 4000 - 0.04)).toBeLessThan(4 * Math.sqrt((0.04 * 0.96) / 4000));
  });
});
