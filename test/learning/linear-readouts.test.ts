import { describe, expect, it } from 'vitest';
import {
  applyReadout,
  classify,
  type DenseMatrix,
  fitLogistic,
  fitRidge,
  type LinearReadout,
} from '../../src/learning/linear-readouts.ts';
import { TypeScriptLinearAlgebra } from '../../src/linalg/index.ts';
import { Draws } from '../../src/random/draws.ts';
import { keyOf, STREAMS } from '../../src/random/philox.ts';

const algebra = new TypeScriptLinearAlgebra();

function normals(rows: number, columns: number, seed: number): DenseMatrix {
  const draws = new Draws(keyOf(seed), STREAMS.parameters).at(0, 0);
  return { values: Float64Array.from({ length: rows * columns }, () => draws.normal()), rows, columns };
}

const at = (matrix: DenseMatrix, row: number, column: number) =>
  matrix.values[row * matrix.columns + column] as number;

/** Gradient of a penalized loss: X^T errors + penalty W [feature][output], and the errors' sums [output]. */
function gradientOf(x: DenseMatrix, errors: DenseMatrix, readout: LinearReadout, penalty: number) {
  const weights = readout.weights.values.map((w, place) => {
    const feature = Math.floor(place / errors.columns);
    let sum = penalty * w;
    for (let row = 0; row < x.rows; row++)
      sum += at(x, row, feature) * at(errors, row, place % errors.columns);
    return sum;
  });
  const intercept = Array.from({ length: errors.columns }, (_, output) => {
    let sum = 0;
    for (let row = 0; row < x.rows; row++) sum += at(errors, row, output);
    return sum;
  });
  return Math.max(...weights.map(Math.abs), ...intercept.map(Math.abs));
}

describe('ridge regression', () => {
  it('fits a line as one does by hand', async () => {
    // x = 1, 2, 3, y = 1, 3, 2: slope = Sxy / (Sxx + penalty) = 1 / (2 + 0.5).
    const x = { values: Float64Array.of(1, 2, 3), rows: 3, columns: 1 };
    const y = { values: Float64Array.of(1, 3, 2), rows: 3, columns: 1 };
    const { weights, intercept } = await fitRidge(algebra, x, y, 0.5);
    expect(weights.values[0]).toBeCloseTo(0.4, 14);
    expect(intercept[0]).toBeCloseTo(2 - 0.4 * 2, 14);
  });

  for (const [rows, columns] of [
    [80, 12],
    [12, 80],
  ] as const) {
    it(`is at the minimum for ${rows} rows of ${columns} features`, async () => {
      const [x, y] = [normals(rows, columns, 1), normals(rows, 3, 2)];
      const readout = await fitRidge(algebra, x, y, 0.7);
      const outputs = await applyReadout(algebra, readout, x);
      const errors = { ...y, values: outputs.map((output, place) => output - (y.values[place] as number)) };
      expect(gradientOf(x, errors, readout, 0.7)).toBeLessThan(1e-11);
    });
  }

  it('finds the weights that made the targets', async () => {
    const [x, noise] = [normals(500, 5, 3), normals(500, 1, 4)];
    const weights = [2, -1, 0, 0.5, 3];
    const values = Float64Array.from({ length: 500 }, (_, row) =>
      weights.reduce((sum, w, k) => sum + w * at(x, row, k), 7 + 0.1 * at(noise, row, 0)),
    );
    const readout = await fitRidge(algebra, x, { values, rows: 500, columns: 1 }, 1e-6);
    weights.forEach((w, k) => {
      expect(Math.abs((readout.weights.values[k] as number) - w)).toBeLessThan(5 * (0.1 / Math.sqrt(500)));
    });
    expect(Math.abs((readout.intercept[0] as number) - 7)).toBeLessThan(5 * (0.1 / Math.sqrt(500)));
  });

  it('refuses what does not fit', async () => {
    const x = normals(3, 2, 1);
    await expect(fitRidge(algebra, x, normals(4, 1, 2), 1)).rejects.toThrow(
      '3 rows of features and 4 of targets',
    );
    await expect(fitRidge(algebra, x, normals(3, 1, 2), 0)).rejects.toThrow('penalty is 0');
    const readout = await fitRidge(algebra, x, normals(3, 1, 2), 1);
    await expect(applyReadout(algebra, readout, normals(3, 4, 1))).rejects.toThrow(
      "a readout of 2 features can't read 4",
    );
  });
});

describe('logistic regression', () => {
  it('is at the minimum of the penalized likelihood', async () => {
    const [rows, columns, classes] = [200, 6, 4];
    const x = normals(rows, columns, 5);
    const labels = Array.from({ length: rows }, (_, row) =>
      at(x, row, 0) + at(x, row, 1) > 0 ? 2 : row % classes,
    );
    const readout = await fitLogistic(algebra, x, labels, classes, { penalty: 0.3, tolerance: 1e-8 });
    expect(readout.converged).toBe(true);
    const logits = await applyReadout(algebra, readout, x);
    const errors = Float64Array.from(logits, (logit, place) => {
      const row = Math.floor(place / classes);
      const own = logits.subarray(row * classes, (row + 1) * classes);
      const share = Math.exp(logit) / own.reduce((sum, other) => sum + Math.exp(other), 0);
      return share - (labels[row] === place % classes ? 1 : 0);
    });
    const gradient = gradientOf(x, { values: errors, rows, columns: classes }, readout, 0.3);
    expect(gradient).toBeLessThan(rows * 1e-7);
  });

  it('finds the odds of two classes', async () => {
    // log odds = 1.5 x - 0.5; the estimate's standard error is about 1 / sqrt(rows x mean p (1 - p)).
    const rows = 4000;
    const x = normals(rows, 1, 6);
    const draws = new Draws(keyOf(8), STREAMS.parameters).at(1, 0);
    const labels = Array.from(x.values, (value) =>
      draws.unit() < 1 / (1 + Math.exp(0.5 - 1.5 * value)) ? 1 : 0,
    );
    const { weights, intercept } = await fitLogistic(algebra, x, labels, 2, { penalty: 1e-3 });
    const [w0, w1] = weights.values as unknown as [number, number];
    expect(Math.abs(w1 - w0 - 1.5)).toBeLessThan(5 / Math.sqrt(rows * 0.15));
    expect(Math.abs((intercept[1] as number) - (intercept[0] as number) + 0.5)).toBeLessThan(
      5 / Math.sqrt(rows * 0.15),
    );
  });

  it('tells classes apart that lie apart, whatever the scale of the features', async () => {
    const noise = normals(300, 2, 9);
    const labels = Array.from({ length: 300 }, (_, row) => row % 3);
    const values = noise.values.map((value, place) => {
      const label = Math.floor(place / 2) % 3;
      const centre = place % 2 === 0 ? Math.cos(2 * label) : Math.sin(2 * label);
      return (place % 2 === 0 ? 1000 : 0.01) * (centre + 0.1 * value) + 5;
    });
    const x = { ...noise, values };
    const readout = await fitLogistic(algebra, x, labels, 3, { penalty: 1e-6, maxIterations: 2000 });
    const found = await classify(algebra, readout, x);
    const right = labels.filter((label, row) => found[row] === label).length;
    expect(right).toBeGreaterThanOrEqual(298);
  });

  it('refuses labels that are no classes', async () => {
    await expect(fitLogistic(algebra, normals(2, 2, 1), [0, 3], 3, { penalty: 1 })).rejects.toThrow(
      'label 1 is 3: give a whole number from 0 to 2',
    );
  });
});
