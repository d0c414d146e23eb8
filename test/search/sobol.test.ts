import { describe, expect, it } from 'vitest';
import { RandomStream, SEARCH_STREAMS, SOBOL_MAX_DIMENSIONS, SobolSequence } from '../../src/search/index.ts';

/** Coordinates 1, 2, 3, 10, 32, 64, 128 and 256 of points of the Joe-Kuo D6 sequence in Gray-code order. */
const PUBLISHED: [number, number[]][] = [
  [1, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]],
  [5, [0.875, 0.875, 0.125, 0.125, 0.625, 0.625, 0.125, 0.875]],
  [100, [0.4140625, 0.2578125, 0.7734375, 0.6953125, 0.4140625, 0.6484375, 0.4609375, 0.5703125]],
  [
    1023,
    [
      0.0009765625, 0.7529296875, 0.6123046875, 0.8505859375, 0.6142578125, 0.0400390625, 0.7001953125,
      0.8427734375,
    ],
  ],
];

describe('plain points', () => {
  it.each(PUBLISHED)('point %i is the published one', (index, expected) => {
    const point = new SobolSequence(256).point(index);
    expect([0, 1, 2, 9, 31, 63, 127, 255].map((j) => point[j])).toEqual(expected);
  });

  it('does not depend on where a run of points starts', () => {
    const sequence = new SobolSequence(20, { seed: 4 });
    const run = sequence.points(0, 70);
    for (const index of [0, 1, 31, 32, 69]) {
      expect(sequence.point(index)).toEqual(run.slice(index * 20, (index + 1) * 20));
    }
  });

  it('refuses more dimensions than there are numbers for', () => {
    expect(() => new SobolSequence(SOBOL_MAX_DIMENSIONS + 1)).toThrow(/1 to 256 dimensions, not 257/);
  });
});

describe.each([undefined, 1, 2])('with seed %s', (seed) => {
  const sequence = new SobolSequence(40, seed === undefined ? {} : { seed });

  it('every coordinate has one point in each of 256 cells', () => {
    const points = sequence.points(0, 256);
    for (let j = 0; j < 40; j++) {
      const cells = new Set(
        Array.from({ length: 256 }, (_, i) => Math.floor((points[i * 40 + j] as number) * 256)),
      );
      expect(cells.size).toBe(256);
    }
  });

  it('the first two coordinates have one point in each of 16 x 16 boxes', () => {
    const points = sequence.points(0, 256);
    const boxes = new Set(
      Array.from({ length: 256 }, (_, i) => {
        const [x, y] = [points[i * 40] as number, points[i * 40 + 1] as number];
        return Math.floor(x * 16) * 16 + Math.floor(y * 16);
      }),
    );
    expect(boxes.size).toBe(256);
  });
});

describe('scrambling', () => {
  it('differs by seed and index, and repeats', () => {
    const of = (seed: number, index: number) => new SobolSequence(3, { seed, index }).points(0, 8).join();
    expect(of(1, 0)).toBe(of(1, 0));
    expect(new Set([of(1, 0), of(2, 0), of(1, 1)]).size).toBe(3);
  });
});

describe('the random stream', () => {
  it('is addressed, with uniform and normal moments', () => {
    const draw = () => new RandomStream(7, SEARCH_STREAMS.paths, 3);
    const stream = draw();
    const n = 20_000;
    const normals = Array.from({ length: n }, () => stream.normal());
    const again = draw();
    expect(Array.from({ length: 10 }, () => again.normal())).toEqual(normals.slice(0, 10));
    const mean = normals.reduce((a, b) => a + b, 0) / n;
    const variance = normals.reduce((a, b) => a + b * b, 0) / n;
    const fourth = normals.reduce((a, b) => a + b ** 4, 0) / n;
    // Four standard errors: 1/√n, √(2/n), √(96/n).
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(fourth - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
  });
});
