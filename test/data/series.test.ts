/** Chaotic series against known points and exponents of their trajectories, and series in files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  lorenz,
  lorenzDerivative,
  mackeyGlass,
  mackeyGlassGrid,
  rossler,
  rosslerDerivative,
  rungeKutta,
} from '../../src/data/chaotic-series.ts';
import { readSeries } from '../../src/data/series-file.ts';

function stateAfter(derivative: typeof lorenzDerivative, start: readonly number[], steps: number): number[] {
  const x = Float64Array.from(start);
  for (let step = 0; step < steps; step++) rungeKutta(derivative, x, 0.01);
  return [...x];
}

function expectNear(found: readonly number[], wanted: readonly number[], tolerance: number): void {
  wanted.forEach((value, i) => {
    expect(Math.abs((found[i] as number) - value)).toBeLessThan(tolerance);
  });
}

describe('equations', () => {
  // Points computed once by an independent program in double precision with the same steps.
  it('of Lorenz', () => {
    const start = [1, 1, 1];
    expectNear(
      stateAfter(lorenzDerivative, start, 1),
      [1.0125671910736112, 1.2599177989452743, 0.9848909717916053],
      1e-14,
    );
    expectNear(stateAfter(lorenzDerivative, start, 100), [-9.3786158072, -8.3570599553, 29.3624037501], 1e-9);
    expectNear(stateAfter(lorenzDerivative, start, 1000), [-4.9028195, -3.7434077, 24.691886], 1e-5);
  });

  it('of Roessler', () => {
    const start = [-0.1, 0, 0.02];
    const one = [-0.10019911324714334, -0.0010019984461631668, 0.02081608403073153];
    expectNear(stateAfter(rosslerDerivative, start, 1), one, 1e-14);
    expectNear(
      stateAfter(rosslerDerivative, start, 1000),
      [0.27745340173, 0.02036639367, 0.03689190549],
      1e-9,
    );
  });

  it('of Mackey and Glass', () => {
    const x = mackeyGlassGrid(10_000, 1.2);
    const known = {
      1: 1.117562211,
      10: 0.652404293,
      17: 0.491972097,
      50: 1.060954363,
      100: 1.013724017,
      500: 1.063450307,
    };
    for (const [time, value] of Object.entries(known)) {
      expect(Math.abs((x[10 * Number(time)] as number) - value), time).toBeLessThan(2e-6);
    }
  });

  // Means and deviations of long runs, to what some thousand samples show.
  it.each([
    [lorenz(8000), 2, 23.54, 8.63],
    [rossler(8000), 0, 0.18, 5.12],
    [mackeyGlass(8000), 0, 0.93, 0.226],
  ])('$name stays on its attractor', ({ values, components }, component, mean, deviation) => {
    const own = values.filter((_, at) => at % components === component);
    const found = own.reduce((a, b) => a + b) / own.length;
    const spread = Math.sqrt(own.reduce((sum, value) => sum + (value - found) ** 2, 0) / own.length);
    expect(Math.abs(found - mean)).toBeLessThan(0.1 * deviation);
    expect(Math.abs(spread / deviation - 1)).toBeLessThan(0.05);
  });

  it('differ with the seed and are the same for the same one', () => {
    expect(lorenz(50, 1)).toEqual(lorenz(50, 1));
    expect(lorenz(50, 1).values).not.toEqual(lorenz(50, 2).values);
  });
});

describe('series in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-series-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: string) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const rows = Array.from({ length: 120 }, (_, i) => `2020-${i},${i / 2},${-i}`).join('\n');

  it('are columns of tables, by name or number, the last by default', () => {
    const path = file('wind.csv', `date,speed,gust\n${rows}\n`);
    expect(readSeries(path, 'speed')).toMatchObject({ name: 'wind', components: 1 });
    expect(readSeries(path, 'speed').values[3]).toBe(1.5);
    expect(readSeries(path, '1').values[3]).toBe(1.5);
    expect(readSeries(path).values[119]).toBe(-119);
    expect(readSeries(file('plain.txt', `${[...Array(100).keys()].join('\n')}\n`)).values.length).toBe(100);
  });

  it('are answered with place and remedy where they are none', () => {
    const path = file('bad.csv', `speed\n${'1\n'.repeat(150)}x\n`);
    expect(() => readSeries(path)).toThrow(`${path} line 152: "x" is no number`);
    expect(() => readSeries(path, 'gust')).toThrow('has no column "gust": give one of speed');
    expect(() => readSeries(file('short.csv', '1\n2\n'))).toThrow(
      'has 2 values: give a series of at least 100',
    );
    expect(() => readSeries(join(folder, 'none.csv'))).toThrow("can't be read (ENOENT)");
  });
});
