import { describe, expect, it } from 'vitest';
import { silenceConstraints, silentBudget } from '../../src/study/silence.ts';

describe('silence', () => {
  it.each([
    [0.1, 48_000, 4800],
    [0.05, 48_000, 2400],
    [0.07, 100, 7],
    [0.29, 100, 29],
    [0, 10, 0],
    [1, 10, 10],
    [0.15, 10, 1],
  ])('beta %d of %d samples allows %d silent ones', (beta, samples, budget) => {
    expect(silentBudget(beta, samples)).toBe(budget);
  });

  it('has equal forms for a whole epoch', () => {
    const { plain, graded } = silenceConstraints({ silent: 24, seen: 1000, samples: 1000, beta: 0.1 });
    expect(plain).toBeCloseTo(-0.076, 12);
    expect(graded).toBeCloseTo(plain, 12);
  });

  it('counts samples never reached as silent in the graded form', () => {
    const early = silenceConstraints({ silent: 101, seen: 101, samples: 1000, beta: 0.1 });
    const late = silenceConstraints({ silent: 101, seen: 900, samples: 1000, beta: 0.1 });
    expect(early.plain).toBeCloseTo(0.001, 12);
    expect(late.plain).toBeCloseTo(0.001, 12);
    expect(early.graded).toBeCloseTo(0.9, 12);
    expect(late.graded).toBeCloseTo(0.101, 12);
  });
});
