import { describe, expect, it } from 'vitest';
import { loadGaussianAddon } from '../../src/search/default-engine.ts';
import type { GaussianEngine, Inputs } from '../../src/search/engine.ts';
import { fitHyperparameters } from '../../src/search/fit.ts';
import { correlation, covariance, GaussianModel, marginalLikelihood } from '../../src/search/matern.ts';
import { NativeEngine } from '../../src/search/native-engine.ts';
import { RandomStream, SEARCH_STREAMS } from '../../src/search/random.ts';
import { drawFeatures } from '../../src/search/surrogate.ts';
import { TypescriptEngine } from '../../src/search/typescript-engine.ts';

const WIDTH = 4;
/** Coordinates 1 and 2 share a length scale, as those of a category do. */
const GROUPS = Int32Array.of(0, 1, 1, 2);
const THETA = Float64Array.of(-0.7, 0.2, 0.5, 0.3, -5);

function problem(count: number, seed = 1): { inputs: Inputs; y: Float64Array } {
  const random = new RandomStream(seed, SEARCH_STREAMS.fit, 0);
  const x = Float64Array.from({ length: count * WIDTH }, () => random.uniform());
  const y = Float64Array.from({ length: count }, (_, i) => {
    const [a, b] = [x[i * WIDTH] as number, x[i * WIDTH + 3] as number];
    return Math.sin(5 * a) + b * b + 0.05 * random.normal();
  });
  return { inputs: { x, count, width: WIDTH, groups: GROUPS }, y };
}

/** The inverse and the log determinant of a symmetric matrix by Gauss-Jordan elimination: nothing shared with the code. */
function invert(a: number[][]): { inverse: number[][]; logDeterminant: number } {
  const n = a.length;
  const work = a.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  let logDeterminant = 0;
  for (let k = 0; k < n; k++) {
    const pivotRow = work[k] as number[];
    const pivot = pivotRow[k] as number;
    logDeterminant += Math.log(pivot);
    for (let j = 0; j < 2 * n; j++) pivotRow[j] = (pivotRow[j] as number) / pivot;
    for (const [i, row] of work.entries()) {
      if (i === k) continue;
      const factor = row[k] as number;
      for (let j = 0; j < 2 * n; j++) row[j] = (row[j] as number) - factor * (pivotRow[j] as number);
    }
  }
  return { inverse: work.map((row) => row.slice(n)), logDeterminant };
}

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, v, i) => sum + v * (b[i] as number), 0);

/** The covariance of two points, written out from the definition. */
function kernel(inputs: Inputs, i: number, other: Float64Array, j: number): number {
  let r2 = 0;
  for (let k = 0; k < WIDTH; k++) {
    const scale = Math.exp(THETA[GROUPS[k] as number] as number);
    r2 += (((inputs.x[i * WIDTH + k] as number) - (other[j * WIDTH + k] as number)) / scale) ** 2;
  }
  const r = Math.sqrt(5 * r2);
  return Math.exp(0.3) * (1 + r + (5 * r2) / 3) * Math.exp(-r);
}

function textbook(count: number) {
  const { inputs, y } = problem(count);
  const k = Array.from({ length: count }, (_, i) =>
    Array.from({ length: count }, (_, j) => kernel(inputs, i, inputs.x, j) + (i === j ? Math.exp(-5) : 0)),
  );
  const { inverse, logDeterminant } = invert(k);
  const ones = Array<number>(count).fill(1);
  const solved = inverse.map((row) => dot(row, Array.from(y)));
  const mean =
    dot(ones, solved) /
    dot(
      ones,
      inverse.map((row) => dot(row, ones)),
    );
  const residual = Array.from(y, (v) => v - mean);
  const alpha = inverse.map((row) => dot(row, residual));
  return { inputs, y, inverse, logDeterminant, mean, residual, alpha };
}

const addon = loadGaussianAddon();
const engines: [string, GaussianEngine | undefined][] = [
  ['typescript', new TypescriptEngine()],
  ['native', addon && new NativeEngine(addon, 2)],
];

describe('the marginal likelihood', () => {
  it('is that of a dense textbook computation', () => {
    const { inputs, y, logDeterminant, residual, alpha } = textbook(30);
    const expected = -0.5 * dot(residual, alpha) - 0.5 * logDeterminant - 15 * Math.log(2 * Math.PI);
    expect(marginalLikelihood(inputs, y, THETA)[0]).toBeCloseTo(expected, 8);
  });

  it.each([1, 2, 47, 48, 49, 120])('has the gradient of finite differences with %i points', (count) => {
    const { inputs, y } = problem(count);
    const found = marginalLikelihood(inputs, y, THETA);
    for (let k = 0; k < THETA.length; k++) {
      const at = (step: number) => {
        const moved = THETA.slice();
        moved[k] = (moved[k] as number) + step;
        return marginalLikelihood(inputs, y, moved)[0] as number;
      };
      const slope = (8 * (at(1e-4) - at(-1e-4)) - (at(2e-4) - at(-2e-4))) / 12e-4;
      expect(Math.abs(slope - (found[k + 1] as number))).toBeLessThan(1e-6 * (1 + Math.abs(slope)));
    }
  });

  it('reports a covariance that is not positive definite', () => {
    const inputs = { x: new Float64Array(8), count: 2, width: WIDTH, groups: GROUPS };
    const found = marginalLikelihood(inputs, Float64Array.of(0, 1), Float64Array.of(0, 0, 0, 0, -800));
    expect(found[0]).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('the posterior', () => {
  it('has the mean and the variance of a dense textbook computation', () => {
    const { inputs, y, inverse, mean, alpha } = textbook(30);
    const model = new GaussianModel(inputs, y, THETA);
    expect(model.mean).toBeCloseTo(mean, 9);
    const points = problem(10, 2).inputs.x;
    const found = model.predict(points, 10);
    const means = model.means(points, 10);
    for (let p = 0; p < 10; p++) {
      const k = Array.from({ length: 30 }, (_, i) => kernel(inputs, i, points, p));
      expect(found[p]).toBeCloseTo(mean + dot(k, alpha), 9);
      expect(means[p]).toBeCloseTo(found[p] as number, 12);
      expect(found[10 + p]).toBeCloseTo(
        Math.exp(0.3) -
          dot(
            k,
            inverse.map((row) => dot(row, k)),
          ),
        9,
      );
    }
  });
});

describe('sample paths', () => {
  it('have the posterior mean and covariance, within the error of sampling and of the features', () => {
    const { inputs, y } = problem(20);
    const model = new GaussianModel(inputs, y, THETA);
    const random = new RandomStream(3, SEARCH_STREAMS.paths, 0);
    const points = problem(6, 5).inputs.x;
    const predicted = model.predict(points, 6);
    // Features are drawn anew for each batch, so that their error averages out too.
    const [batches, paths, features] = [40, 50, 512];
    const sums = new Float64Array(6);
    const squares = new Float64Array(6);
    let product = 0;
    for (let batch = 0; batch < batches; batch++) {
      const drawn = drawFeatures(random, features, WIDTH);
      const normals = (length: number) => Float64Array.from({ length }, () => random.normal());
      model.drawPaths(y, drawn, normals(paths * features), normals(paths * 20), paths);
      const values = model.evaluatePaths(points, 6, true);
      for (let p = 0; p < paths; p++) {
        const deviation = (i: number) => (values[p * 6 + i] as number) - (predicted[i] as number);
        for (let i = 0; i < 6; i++) {
          sums[i] = (sums[i] as number) + deviation(i);
          squares[i] = (squares[i] as number) + deviation(i) ** 2;
        }
        product += deviation(0) * deviation(1);
      }
    }
    const n = batches * paths;
    for (let i = 0; i < 6; i++) {
      const variance = predicted[6 + i] as number;
      expect(Math.abs((sums[i] as number) / n)).toBeLessThan(4 * Math.sqrt(variance / n));
      // Four standard errors of a variance, and a tenth for the features.
      expect(Math.abs((squares[i] as number) / n / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / n) + 0.1);
    }
    // The covariance of two points from that of their sum: joint draws, not independent ones.
    const { inverse } = textbook(20);
    const k = (p: number) => Array.from({ length: 20 }, (_, i) => kernel(inputs, i, points, p));
    const joint =
      kernel({ ...inputs, x: points }, 0, points, 1) -
      dot(
        k(0),
        inverse.map((row) => dot(row, k(1))),
      );
    const scale = Math.sqrt((predicted[6] as number) * (predicted[7] as number));
    expect(Math.abs(product / n - joint)).toBeLessThan((4 * Math.sqrt(2 / n) + 0.1) * scale);
  });

  it('pass through noiseless data', () => {
    const { inputs, y } = problem(25);
    const model = new GaussianModel(inputs, y, Float64Array.of(-0.7, 0.2, 0.5, 0.3, Math.log(1e-8)));
    const random = new RandomStream(4, SEARCH_STREAMS.paths, 0);
    const features = drawFeatures(random, 256, WIDTH);
    const weights = Float64Array.from({ length: 3 * 256 }, () => random.normal());
    model.drawPaths(y, features, weights, new Float64Array(75), 3);
    const values = model.evaluatePaths(inputs.x, 25, true);
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(y[i % 25] as number, 4);
    });
  });

  it('random features have the Matérn correlation on average', () => {
    const random = new RandomStream(5, SEARCH_STREAMS.features, 0);
    const count = 200_000;
    const { frequencies } = drawFeatures(random, count, 1);
    for (const distance of [0.1, 0.5, 1, 2]) {
      let sum = 0;
      for (const frequency of frequencies) sum += Math.cos(frequency * distance);
      // Four standard errors of a mean of numbers in [-1, 1].
      expect(Math.abs(sum / count - correlation(distance ** 2))).toBeLessThan(4 / Math.sqrt(2 * count));
    }
  });
});

describe.each(engines)('the %s engine', (_, engine) => {
  it.skipIf(engine === undefined).each([0, 1, 7, 48, 131])(
    'computes what the plain model does, with %i points',
    async (count) => {
      if (engine === undefined) return;
      const { inputs, y } = problem(count);
      const likelihood = await engine.marginalLikelihood(inputs, y, THETA);
      const expected = marginalLikelihood(inputs, y, THETA);
      expect(likelihood.length).toBe(expected.length);
      likelihood.forEach((v, i) => {
        const size = 1 + Math.abs(expected[i] as number);
        expect(Math.abs(v - (expected[i] as number))).toBeLessThan(1e-10 * size);
      });
      using process = await engine.condition(inputs, y, THETA);
      const model = new GaussianModel(inputs, y, THETA);
      const random = new RandomStream(6, SEARCH_STREAMS.paths, count);
      const points = problem(9, 8).inputs.x;
      const features = drawFeatures(random, 100, WIDTH);
      const weights = Float64Array.from({ length: 300 }, () => random.normal());
      const noise = Float64Array.from({ length: 3 * count }, () => random.normal());
      model.drawPaths(y, features, weights, noise, 3);
      await process.drawPaths(y, features, weights, noise, 3);
      const pairs: [Float64Array, Float64Array][] = [
        [await process.predict(points, 9), model.predict(points, 9)],
        [await process.means(points, 9), model.means(points, 9)],
        [await process.evaluatePaths(points, 9, true), model.evaluatePaths(points, 9, true)],
        [await process.evaluatePaths(points, 9, false), model.evaluatePaths(points, 9, false)],
      ];
      for (const [found, wanted] of pairs) {
        expect(found.length).toBe(wanted.length);
        found.forEach((v, i) => {
          expect(v).toBeCloseTo(wanted[i] as number, 9);
        });
      }
    },
  );

  it.skipIf(engine === undefined)('refuses a covariance that is not positive definite', async () => {
    const inputs = { x: new Float64Array(8), count: 2, width: WIDTH, groups: GROUPS };
    const failing = engine?.condition(inputs, Float64Array.of(0, 1), Float64Array.of(0, 0, 0, 0, -800));
    await expect(failing).rejects.toThrow(/not positive definite/);
  });
});

describe('fitting', () => {
  const engine = engines[0]?.[1] as GaussianEngine;
  it('finds hyperparameters under which the data are likelier than under those that made them', async () => {
    const { inputs } = problem(80);
    // A draw of the process itself.
    const factor = covariance(inputs, THETA);
    const y = drawFrom(factor, 80);
    const theta = await fitHyperparameters(engine, inputs, y, 3, undefined, 2);
    const likelihood = (at: Float64Array) => marginalLikelihood(inputs, y, at)[0] as number;
    expect(likelihood(theta)).toBeGreaterThan(likelihood(THETA) - 3);
    // The relevant scale is told from the longer ones.
    expect(theta[0] as number).toBeLessThan(theta[2] as number);
  });

  it('does not break on a constant output or on one point', async () => {
    for (const count of [1, 20]) {
      const { inputs } = problem(count);
      const theta = await fitHyperparameters(engine, inputs, new Float64Array(count), 3, undefined, 2);
      expect(Array.from(theta).every(Number.isFinite)).toBe(true);
    }
  });
});

/** A draw with the covariance whose lower triangle is given: L z, with L from the plain definition of Cholesky. */
function drawFrom(lower: Float64Array, n: number) {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let s = lower[i * n + j] as number;
      for (let k = 0; k < j; k++) s -= (l[i * n + k] as number) * (l[j * n + k] as number);
      l[i * n + j] = i === j ? Math.sqrt(s) : s / (l[j * n + j] as number);
    }
  }
  const random = new RandomStream(9, SEARCH_STREAMS.fit, 1);
  const z = Array.from({ length: n }, () => random.normal());
  const y = Float64Array.from({ length: n }, (_, i) => {
    let s = 0;
    for (let j = 0; j <= i; j++) s += (l[i * n + j] as number) * (z[j] as number);
    return s;
  });
  return y;
}
