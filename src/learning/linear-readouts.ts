/**
 * Linear readouts: from features (filtered spikes, say) to numbers by ridge regression, to classes by multinomial
 * logistic regression. Both penalize the squares of the weights, not the intercepts.
 */
import type { LinearAlgebra } from '../linalg/index.ts';
import { argmax } from './decoders.ts';

/** Rows of a matrix, one after the other. */
export interface DenseMatrix {
  readonly values: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** y = x W + intercept. */
export interface LinearReadout {
  /** [feature][output] */
  readonly weights: DenseMatrix;
  /** [output] */
  readonly intercept: Float64Array;
}

/** The outputs of a readout for rows of features: [row][output]. For classes these are the logits. */
export async function applyReadout(
  algebra: LinearAlgebra,
  readout: LinearReadout,
  features: DenseMatrix,
): Promise<Float64Array> {
  const { weights, intercept } = readout;
  checkMatrix(features, 'features');
  if (features.columns !== weights.rows) {
    throw new RangeError(
      `a readout of ${weights.rows} features can't read ${features.columns}: give those it was fitted to`,
    );
  }
  const outputs = await algebra.matmul(features, weights);
  for (let place = 0; place < outputs.length; place++) {
    outputs[place] = (outputs[place] as number) + (intercept[place % weights.columns] as number);
  }
  return outputs;
}

/** The class with the largest output for each row of features. */
export async function classify(
  algebra: LinearAlgebra,
  readout: LinearReadout,
  features: DenseMatrix,
): Promise<Uint32Array> {
  const logits = await applyReadout(algebra, readout, features);
  const { columns } = readout.weights;
  return Uint32Array.from({ length: features.rows }, (_, row) =>
    argmax(logits.subarray(row * columns, (row + 1) * columns)),
  );
}

/**
 * Ridge regression: minimizes |X W + 1 b - Y|^2 + penalty |W|^2 (Hoerl and Kennard 1970), by the normal equations of
 * whichever side is smaller, rows or features.
 *
 * @param penalty above 0; in units of the squared features summed over the rows
 * @throws {LinearAlgebraError} for values that are not finite
 */
export async function fitRidge(
  algebra: LinearAlgebra,
  features: DenseMatrix,
  targets: DenseMatrix,
  penalty: number,
): Promise<LinearReadout> {
  checkMatrix(features, 'features');
  checkMatrix(targets, 'targets');
  checkPenalty(penalty);
  if (features.rows !== targets.rows || features.rows === 0) {
    throw new RangeError(
      `${features.rows} rows of features and ${targets.rows} of targets: give one for each`,
    );
  }
  const [x, xMean] = centred(features);
  const [y, yMean] = centred(targets);
  const { rows, columns } = features;
  const outputs = targets.columns;
  let weights: Float64Array;
  if (columns <= rows) {
    // (X^T X + penalty) W = X^T Y
    const gram = await algebra.matmul({ ...x, transposed: true }, x);
    addToDiagonal(gram, columns, penalty);
    const { factor } = await algebra.cholesky(gram, columns);
    const moments = await algebra.matmul({ ...x, transposed: true }, y);
    weights = await algebra.solveCholesky(factor, columns, moments, outputs);
  } else {
    // W = X^T (X X^T + penalty)^-1 Y
    const gram = await algebra.matmul(x, { ...x, transposed: true });
    addToDiagonal(gram, rows, penalty);
    const { factor } = await algebra.cholesky(gram, rows);
    const dual = await algebra.solveCholesky(factor, rows, y.values, outputs);
    weights = await algebra.matmul({ ...x, transposed: true }, { values: dual, rows, columns: outputs });
  }
  return readoutOf(weights, columns, outputs, xMean, yMean);
}

export interface LogisticOptions {
  /** Above 0: weight of |W|^2 / 2 beside the sum of the samples' losses. */
  readonly penalty: number;
  /** Stops when no component of the gradient exceeds this share of the number of samples. 1e-5 by default. */
  readonly tolerance?: number;
  /** 500 by default. */
  readonly maxIterations?: number;
}

export interface LogisticReadout extends LinearReadout {
  readonly iterations: number;
  /** Whether the tolerance was reached. */
  readonly converged: boolean;
}

/**
 * Multinomial logistic regression: minimizes - sum of log softmax(X W + 1 b)[label] + penalty |W|^2 / 2.
 *
 * The Hessian is nowhere above (X^T X + 1 1^T) / 2 + penalty for each class (Boehning, "Multinomial logistic regression
 * algorithm", 1992), so one factorization serves all steps; with momentum (Nesterov 1983), restarted where it points
 * uphill (O'Donoghue and Candes 2015).
 *
 * @param labels class of each row, 0 .. classes - 1
 */
export async function fitLogistic(
  algebra: LinearAlgebra,
  features: DenseMatrix,
  labels: ArrayLike<number>,
  classes: number,
  { penalty, tolerance = 1e-5, maxIterations = 500 }: LogisticOptions,
): Promise<LogisticReadout> {
  checkMatrix(features, 'features');
  checkPenalty(penalty);
  const { rows, columns } = features;
  if (labels.length !== rows || rows === 0) {
    throw new RangeError(`${rows} rows of features and ${labels.length} labels: give one for each`);
  }
  for (let row = 0; row < rows; row++) {
    const label = labels[row] as number;
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new RangeError(`label ${row} is ${label}: give a whole number from 0 to ${classes - 1}`);
    }
  }
  const [x, mean] = centred(features);
  const bound = await algebra.matmul({ ...x, transposed: true }, x);
  for (let place = 0; place < bound.length; place++) bound[place] = (bound[place] as number) / 2;
  addToDiagonal(bound, columns, penalty);
  const { factor } = await algebra.cholesky(bound, columns);

  let weights = new Float64Array(columns * classes);
  let intercept = new Float64Array(classes);
  // The point ahead at which the gradient is taken.
  let [aheadWeights, aheadIntercept] = [weights, intercept];
  let momentum = 1;
  let iterations = 0;
  let converged = false;
  while (iterations < maxIterations) {
    const logits = await algebra.matmul(x, { values: aheadWeights, rows: columns, columns: classes });
    const errors = softmaxErrors(logits, aheadIntercept, labels, classes);
    const gradient = await algebra.matmul(
      { ...x, transposed: true },
      { values: errors, rows, columns: classes },
    );
    for (let place = 0; place < gradient.length; place++) {
      gradient[place] = (gradient[place] as number) + penalty * (aheadWeights[place] as number);
    }
    const sums = new Float64Array(classes);
    for (let place = 0; place < errors.length; place++) {
      const label = place % classes;
      sums[label] = (sums[label] as number) + (errors[place] as number);
    }
    iterations += 1;
    const largest = Math.max(maxAbsolute(gradient), maxAbsolute(sums));
    if (largest <= tolerance * rows) {
      [weights, intercept] = [aheadWeights, aheadIntercept];
      converged = true;
      break;
    }
    const step = await algebra.solveCholesky(factor, columns, gradient, classes);
    const nextWeights = aheadWeights.map((w, place) => w - (step[place] as number));
    const nextIntercept = aheadIntercept.map((b, label) => b - (2 * (sums[label] as number)) / rows);
    const uphill = alignment(gradient, nextWeights, weights) + alignment(sums, nextIntercept, intercept) > 0;
    const nextMomentum = uphill ? 1 : (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    const push = uphill ? 0 : (momentum - 1) / nextMomentum;
    aheadWeights = nextWeights.map((w, place) => w + push * (w - (weights[place] as number)));
    aheadIntercept = nextIntercept.map((b, label) => b + push * (b - (intercept[label] as number)));
    [weights, intercept, momentum] = [nextWeights, nextIntercept, nextMomentum];
  }
  return { ...readoutOf(weights, columns, classes, mean, intercept), iterations, converged };
}

/** softmax(logits + intercept) - one at the label: [row][class]. */
function softmaxErrors(
  logits: Float64Array,
  intercept: Float64Array,
  labels: ArrayLike<number>,
  classes: number,
): Float64Array {
  for (let row = 0; row < labels.length; row++) {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    for (let label = 0; label < classes; label++) {
      own[label] = (own[label] as number) + (intercept[label] as number);
    }
    const most = Math.max(...own);
    let sum = 0;
    for (let label = 0; label < classes; label++) {
      const share = Math.exp((own[label] as number) - most);
      own[label] = share;
      sum += share;
    }
    for (let label = 0; label < classes; label++) own[label] = (own[label] as number) / sum;
    const label = labels[row] as number;
    own[label] = (own[label] as number) - 1;
  }
  return logits;
}

/** The readout for features as they are, from one for centred features and outputs. */
function readoutOf(
  weights: Float64Array,
  rows: number,
  columns: number,
  featureMeans: Float64Array,
  outputMeans: Float64Array,
): LinearReadout {
  const intercept = Float64Array.from(outputMeans);
  for (let feature = 0; feature < rows; feature++) {
    for (let output = 0; output < columns; output++) {
      intercept[output] =
        (intercept[output] as number) -
        (featureMeans[feature] as number) * (weights[feature * columns + output] as number);
    }
  }
  return { weights: { values: weights, rows, columns }, intercept };
}

/** A matrix without the means of its columns, and those means. */
function centred({ values, rows, columns }: DenseMatrix): [DenseMatrix, Float64Array] {
  const means = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      means[column] = (means[column] as number) + (values[row * columns + column] as number);
    }
  }
  for (let column = 0; column < columns; column++) means[column] = (means[column] as number) / rows;
  const without = values.map((value, place) => value - (means[place % columns] as number));
  return [{ values: without, rows, columns }, means];
}

function addToDiagonal(matrix: Float64Array, n: number, value: number): void {
  for (let i = 0; i < n; i++) matrix[i * n + i] = (matrix[i * n + i] as number) + value;
}

function maxAbsolute(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** gradient . (to - from) */
function alignment(gradient: Float64Array, to: Float64Array, from: Float64Array): number {
  let sum = 0;
  for (let place = 0; place < gradient.length; place++) {
    sum += (gradient[place] as number) * ((to[place] as number) - (from[place] as number));
  }
  return sum;
}

function checkMatrix({ values, rows, columns }: DenseMatrix, name: string): void {
  if (values.length !== rows * columns) {
    throw new RangeError(
      `${name} of ${rows} rows and ${columns} columns have ${values.length} values: give all`,
    );
  }
}

function checkPenalty(penalty: number): void {
  if (!(penalty > 0 && penalty < Infinity)) {
    throw new RangeError(`penalty is ${penalty}: give a number above 0`);
  }
}
