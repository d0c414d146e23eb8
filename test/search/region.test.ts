import { describe, expect, it } from 'vitest';
import { boxAround, isInside, TrustRegion } from '../../src/search/region.ts';

const RULES = {
  initialLength: 0.8,
  minimumLength: 2 ** -7,
  maximumLength: 1.6,
  successTolerance: 3,
  failureTolerance: 4,
};

describe('the trust region', () => {
  it('halves after as many failures in a row as tolerated, and an improvement starts the count again', () => {
    const region = new TrustRegion(RULES);
    const fail = () => region.observe('not-better', region.state);
    for (let i = 0; i < 3; i++) fail();
    region.observe('better-inside', region.state);
    for (let i = 0; i < 3; i++) fail();
    expect(region.state).toMatchObject({ length: 0.8, failures: 3, successes: 0 });
    fail();
    expect(region.state).toMatchObject({ length: 0.4, failures: 0, epoch: 1 });
  });

  it('doubles after improvements in a row, up to its largest', () => {
    const region = new TrustRegion(RULES);
    for (let i = 0; i < 3; i++) region.observe('better-inside', region.state);
    expect(region.state.length).toBe(1.6);
    for (let i = 0; i < 3; i++) region.observe('better-inside', region.state);
    expect(region.state.length).toBe(1.6);
  });

  it('is halved once by a batch, however large: the rest were proposed by the region before', () => {
    const region = new TrustRegion(RULES);
    const proposed = region.state;
    for (let i = 0; i < 200; i++) region.observe('not-better', proposed);
    expect(region.state.length).toBe(0.4);
  });

  it('takes up its former length when a late improvement lies outside', () => {
    const region = new TrustRegion(RULES);
    const before = { ...region.state, successes: 1 };
    for (let i = 0; i < 8; i++) region.observe('not-better', region.state);
    expect(region.state.length).toBe(0.2);
    region.observe('better-outside', before);
    expect(region.state).toMatchObject({ length: 0.8, successes: 2, failures: 0 });
  });

  it('restarts at its first length below its smallest', () => {
    const region = new TrustRegion(RULES);
    for (let i = 0; i < 4 * 7; i++) region.observe('not-better', region.state);
    expect(region.state).toMatchObject({ length: 0.8, restarts: 1 });
  });
});

describe('the box', () => {
  const reals = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];

  it('weighs sides by length scales, with the volume of the unweighted one', () => {
    const box = boxAround(Float64Array.of(0.5, 0.5, 0.5), 0.1, Float64Array.of(0.1, 1, 2), reals);
    const sides = box.upper.map((high, i) => high - (box.lower[i] as number));
    expect((sides[1] as number) / (sides[0] as number)).toBeCloseTo(10, 9);
    expect(sides.reduce((a, b) => a * b, 1)).toBeCloseTo(1e-3, 9);
  });

  it('is cut to the unit cube', () => {
    const box = boxAround(Float64Array.of(0, 0.9, 0.5), 0.4, undefined, reals);
    expect(Array.from(box.lower)).toEqual([0, expect.closeTo(0.7), expect.closeTo(0.3)]);
    expect(Array.from(box.upper)).toEqual([0.2, 1, expect.closeTo(0.7)]);
    expect(isInside(box, Float64Array.of(0.1, 0.95, 0.5))).toBe(true);
    expect(isInside(box, Float64Array.of(0.1, 0.95, 0.71))).toBe(false);
  });

  it('leaves a step to the next integer possible, however small it is', () => {
    const box = boxAround(Float64Array.of(0.55, 0.5, 0.5), 0.01, undefined, [
      10,
      1000,
      Number.POSITIVE_INFINITY,
    ]);
    expect(isInside(box, Float64Array.of(0.65, 0.5, 0.5))).toBe(true);
    expect(isInside(box, Float64Array.of(0.45, 0.5, 0.5))).toBe(true);
    expect(isInside(box, Float64Array.of(0.75, 0.5, 0.5))).toBe(false);
  });
});
