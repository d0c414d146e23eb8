import { describe, expect, it } from 'vitest';
import { type Evaluation, minimizeInBox } from '../../src/search/lbfgs.ts';

const box = (n: number, low: number, high: number) => ({
  lower: new Float64Array(n).fill(low),
  upper: new Float64Array(n).fill(high),
});

async function rosenbrock(x: Float64Array): Promise<Evaluation> {
  let value = 0;
  const gradient = new Float64Array(x.length);
  for (let i = 0; i + 1 < x.length; i++) {
    const [u, v] = [x[i] as number, x[i + 1] as number];
    value += 100 * (v - u * u) ** 2 + (1 - u) ** 2;
    gradient[i] = (gradient[i] as number) - 400 * (v - u * u) * u - 2 * (1 - u);
    gradient[i + 1] = (gradient[i + 1] as number) + 200 * (v - u * u);
  }
  return { value, gradient };
}

describe('minimizing in a box', () => {
  it.each([2, 5, 10])('finds the minimum of Rosenbrock in %i dimensions', async (n) => {
    const found = await minimizeInBox(rosenbrock, new Float64Array(n).fill(0.3), {
      ...box(n, -2, 2),
      maxEvaluations: 1000,
      valueTolerance: 1e-15,
    });
    for (const v of found.x) expect(v).toBeCloseTo(1, 4);
    expect(found.value).toBeLessThan(1e-8);
  });

  it('stops where a bound holds the minimum, with the sign of the gradient that a minimum has', async () => {
    const found = await minimizeInBox(rosenbrock, new Float64Array(4).fill(-1), {
      ...box(4, -2, 0.8),
      maxEvaluations: 1000,
      valueTolerance: 1e-15,
    });
    const { gradient } = await rosenbrock(found.x);
    for (const [i, v] of found.x.entries()) {
      const slope = gradient[i] as number;
      if (v === 0.8) expect(slope).toBeLessThan(0);
      else expect(Math.abs(slope)).toBeLessThan(1e-3);
    }
    expect(found.x).toContain(0.8);
  });

  it('keeps to the box and the number of evaluations, and gets past values that are not finite', async () => {
    let calls = 0;
    const found = await minimizeInBox(
      async (x) => {
        calls += 1;
        const v = x[0] as number;
        expect(v).toBeGreaterThanOrEqual(-1);
        expect(v).toBeLessThanOrEqual(3);
        return v < 0.5
          ? { value: Number.POSITIVE_INFINITY, gradient: new Float64Array(1) }
          : { value: (v - 1) ** 2, gradient: Float64Array.of(2 * (v - 1)) };
      },
      Float64Array.of(2.5),
      { ...box(1, -1, 3), maxEvaluations: 30 },
    );
    expect(found.x[0]).toBeCloseTo(1, 5);
    expect(calls).toBe(found.evaluations);
    expect(calls).toBeLessThanOrEqual(30);
  });
});
