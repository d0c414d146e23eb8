import { describe, expect, it } from 'vitest';
import {
  RandomStream,
  SEARCH_STREAMS,
  SearchSpace,
  SpaceError,
  type SpaceErrorCode,
} from '../../src/search/index.ts';

const space = SearchSpace.from({
  tau: { type: 'real', low: 5, high: 500, scale: 'log' },
  reset: { type: 'real', low: 1, high: 100, scale: 'reversed-log' },
  shift: { type: 'real', low: -70, high: -50 },
  neurons: { type: 'integer', low: 20, high: 2000, scale: 'log' },
  refractory: { type: 'integer', low: 0, high: 3 },
  decoder: { type: 'categorical', choices: ['all', 'vote', 2] },
});

describe('the unit cube', () => {
  it('maps the ends and the middle of every scale', () => {
    const middle = space.fromUnit(new Float64Array(6).fill(0.5));
    expect(middle.tau).toBeCloseTo(50, 10);
    // Half of the reversed logarithm: 101 - 10.
    expect(middle.reset).toBeCloseTo(91, 10);
    expect(middle.shift).toBe(-60);
    expect(middle.decoder).toBe('vote');
    expect(space.fromUnit(new Float64Array(6))).toEqual({
      tau: 5,
      reset: 1,
      shift: -70,
      neurons: 20,
      refractory: 0,
      decoder: 'all',
    });
    const top = space.fromUnit(new Float64Array(6).fill(1));
    expect(top.tau).toBeCloseTo(500, 10);
    expect(top).toMatchObject({ reset: 100, shift: -50, neurons: 2000, refractory: 3, decoder: 2 });
  });

  it('takes values there and back, rounded ones exactly', () => {
    const random = new RandomStream(1, SEARCH_STREAMS.initial, 0);
    for (let i = 0; i < 500; i++) {
      const values = space.sample(random);
      const again = space.fromUnit(space.toUnit(values));
      for (const name of ['neurons', 'refractory', 'decoder']) expect(again[name]).toBe(values[name]);
      for (const name of ['tau', 'reset', 'shift']) {
        expect(again[name]).toBeCloseTo(values[name] as number, 9);
      }
    }
  });

  it('snaps a point to the one that stands for its rounded values', () => {
    const random = new RandomStream(2, SEARCH_STREAMS.initial, 0);
    for (let i = 0; i < 200; i++) {
      const unit = Float64Array.from({ length: 6 }, () => random.uniform());
      const snapped = space.snap(unit.slice());
      expect(space.fromUnit(snapped)).toEqual(space.fromUnit(unit));
      expect(space.snap(snapped.slice())).toEqual(snapped);
      const { tau: _, reset: __, shift: ___, ...rounded } = space.fromUnit(snapped);
      const unitOfValues = space.toUnit({ ...space.fromUnit(snapped), ...rounded });
      for (const at of [3, 4, 5]) expect(unitOfValues[at]).toBe(snapped[at]);
    }
  });

  it('gives every integer the same share, the first and the last too', () => {
    const counts = new Map<unknown, number>();
    for (let i = 0; i < 4000; i++) {
      const { refractory } = space.fromUnit([0, 0, 0, 0, (i + 0.5) / 4000, 0]);
      counts.set(refractory, (counts.get(refractory) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([1000, 1000, 1000, 1000]);
  });

  it('holds fixed parameters and leaves them out of the cube', () => {
    const fixed = space.fix({ neurons: 100, decoder: 'all' });
    expect(fixed.dimensions).toBe(4);
    expect(fixed.names).toEqual(['tau', 'reset', 'shift', 'refractory']);
    expect(fixed.fromUnit(new Float64Array(4))).toMatchObject({ neurons: 100, decoder: 'all', tau: 5 });
    expect(Object.keys(fixed.fromUnit(new Float64Array(4)))).toEqual(Object.keys(space.spec));
  });
});

describe('errors name the parameter, the value and the remedy', () => {
  const real = { type: 'real', low: 0, high: 1 } as const;
  const cases: [string, SpaceErrorCode, RegExp, () => unknown][] = [
    [
      'swapped bounds',
      'bounds',
      /tau.*low 3 above high 2/,
      () => SearchSpace.from({ tau: { ...real, low: 3, high: 2 } }),
    ],
    [
      'a bound that is no number',
      'shape',
      /tau\.low/,
      () => SearchSpace.from({ tau: { ...real, low: 'x' } }),
    ],
    [
      'half an integer',
      'bounds',
      /n is an integer.*0\.5/,
      () => SearchSpace.from({ n: { type: 'integer', low: 0.5, high: 2 } }),
    ],
    [
      'logarithm of zero',
      'scale',
      /tau.*low 0.*raise/,
      () => SearchSpace.from({ tau: { ...real, scale: 'log' } }),
    ],
    [
      'no choices',
      'choices',
      /d.*at least one/,
      () => SearchSpace.from({ d: { type: 'categorical', choices: [] } }),
    ],
    [
      'an unknown type',
      'shape',
      /tau\.type/,
      () => SearchSpace.from({ tau: { type: 'float', low: 0, high: 1 } }),
    ],
    ['a misspelt key', 'shape', /lo/, () => SearchSpace.from({ tau: { ...real, lo: 1 } })],
    ['fixing what is not there', 'unknown-parameter', /no parameter x.*tau/, () => space.fix({ x: 1 })],
    ['fixing out of bounds', 'value', /neurons is 7.*from 20 to 2000/, () => space.fix({ neurons: 7 })],
    ['fixing to no choice', 'value', /decoder.*no choice best/, () => space.fix({ decoder: 'best' })],
    ['a value missing', 'value', /reset has no value/, () => space.toUnit({ tau: 10 })],
  ];
  it.each(cases)('%s', (_, code, message, act) => {
    try {
      act();
    } catch (error) {
      expect(error).toBeInstanceOf(SpaceError);
      expect((error as SpaceError).code).toBe(code);
      expect((error as SpaceError).message).toMatch(message);
      return;
    }
    expect.fail('no error');
  });
});
