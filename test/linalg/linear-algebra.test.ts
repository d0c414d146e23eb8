/** Both implementations of the linear algebra: against identities, and against each other. */
import { describe, expect, test } from 'vitest';
import { DeviceError } from '../../src/device/device.ts';
import { loadAddon } from '../../src/device/native/addon.ts';
import {
  type LinearAlgebra,
  LinearAlgebraError,
  type LinearAlgebraErrorCode,
  NativeLinearAlgebra,
  TypeScriptLinearAlgebra,
} from '../../src/linalg/index.ts';
import { transpose } from '../../src/linalg/linear-algebra.ts';
import { philox4x32, unitReal } from '../../src/random/philox.ts';

const SIZES = [0, 1, 2, 17, 130];
const plain = new TypeScriptLinearAlgebra();
const native = loadNative();
const implementations: LinearAlgebra[] = native ? [plain, native] : [plain];

function loadNative(): NativeLinearAlgebra | undefined {
  try {
    return new NativeLinearAlgebra(loadAddon());
  } catch (failure) {
    if (failure instanceof DeviceError && failure.code === 'native-missing') return undefined;
    throw failure;
  }
}

/** Values in [-1, 1), the same for the same stream. */
function random(count: number, stream: number): Float64Array {
  return Float64Array.from(
    { length: count },
    (_, i) => 2 * unitReal(philox4x32([i, stream, 0, 0], [7, 0])[0]) - 1,
  );
}

function product(
  a: Float64Array,
  b: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): Float64Array {
  const c = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += (a[i * inner + k] as number) * (b[k * columns + j] as number);
      c[i * columns + j] = sum;
    }
  }
  return c;
}

function symmetric(n: number, stream: number): Float64Array {
  const m = random(n * n, stream);
  const t = transpose(m, n, n);
  return m.map((value, i) => (value + (t[i] as number)) / 2);
}

/** M M^T + I: positive definite, condition number about n. */
function positiveDefinite(n: number, stream: number): Float64Array {
  const m = random(n * n, stream);
  const a = product(m, transpose(m, n, n), n, n, n);
  for (let i = 0; i < n; i++) a[i * n + i] = (a[i * n + i] as number) + 1;
  return a;
}

function identity(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => (Math.floor(i / n) === i % n ? 1 : 0));
}

/** The largest difference, in units of the largest value or 1. */
function difference(found: Float64Array, expected: Float64Array): number {
  expect(found.length).toBe(expected.length);
  let worst = 0;
  let scale = 1;
  for (const [i, value] of expected.entries()) {
    worst = Math.max(worst, Math.abs((found[i] as number) - value));
    scale = Math.max(scale, Math.abs(value));
    expect(found[i]).not.toBeNaN();
  }
  return worst / scale;
}

/** Rounding errors of n operations on each of n values, with room. */
const tolerance = (n: number): number => 2 ** -52 * 10 * Math.max(1, n) ** 1.5;

async function codeOf(result: Promise<unknown>): Promise<LinearAlgebraErrorCode | undefined> {
  try {
    await result;
  } catch (error) {
    if (error instanceof LinearAlgebraError) return error.code;
    throw error;
  }
  return undefined;
}

describe.each(implementations)('$kind', (algebra) => {
  test.each(SIZES)('cholesky of %i: A = L L^T, log-determinant from the diagonal', async (n) => {
    const a = positiveDefinite(n, 1);
    const { factor, jitter, logDeterminant } = await algebra.cholesky(a, n);
    expect(jitter).toBe(0);
    expect(difference(product(factor, transpose(factor, n, n), n, n, n), a)).toBeLessThan(tolerance(n));
    let expected = 0;
    for (let i = 0; i < n; i++) {
      expected += 2 * Math.log(factor[i * n + i] as number);
      expect(factor.subarray(i * n + i + 1, (i + 1) * n).every((value) => value === 0)).toBe(true);
    }
    expect(logDeterminant).toBeCloseTo(expected, 9);
  });

  test.each(SIZES)('solves of %i leave no residual', async (n) => {
    const { factor } = await algebra.cholesky(positiveDefinite(n, 1), n);
    const b = random(n * 3, 2);
    const x = await algebra.solveCholesky(factor, n, b, 3);
    expect(difference(product(positiveDefinite(n, 1), x, n, n, 3), b)).toBeLessThan(n * tolerance(n) + 1e-15);
    const flipped = transpose(factor, n, n);
    for (const [t, upper] of [
      [factor, false],
      [flipped, true],
    ] as const) {
      for (const transposed of [false, true]) {
        const y = await algebra.solveTriangular(t, n, b, 3, { upper, transposed });
        const matrix = transposed ? transpose(t, n, n) : t;
        expect(difference(product(matrix, y, n, n, 3), b)).toBeLessThan(n * tolerance(n) + 1e-15);
      }
    }
  });

  test.each(SIZES)('symmetric eigendecomposition of %i: A V = V D, V^T V = I, ascending', async (n) => {
    const a = symmetric(n, 3);
    const { values, vectors } = await algebra.symmetricEigen(a, n);
    const scaled = vectors.map((value, i) => value * (values[i % n] as number));
    expect(difference(product(a, vectors, n, n, n), scaled)).toBeLessThan(10 * tolerance(n));
    const gram = product(transpose(vectors, n, n), vectors, n, n, n);
    expect(difference(gram, identity(n))).toBeLessThan(10 * tolerance(n));
    expect([...values].every((value, i) => i === 0 || value >= (values[i - 1] as number))).toBe(true);
  });

  test('eigenvalues that coincide have orthonormal vectors', async () => {
    const { values, vectors } = await algebra.symmetricEigen(identity(5), 5);
    expect(difference(values, new Float64Array(5).fill(1))).toBeLessThan(1e-15);
    expect(difference(product(transpose(vectors, 5, 5), vectors, 5, 5, 5), identity(5))).toBeLessThan(1e-15);
  });

  test.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [17, 5],
    [5, 17],
    [130, 130],
    [130, 40],
  ])(
    'qr of %i x %i: A = Q R, Q^T Q = I, R upper with a diagonal that is not negative',
    async (rows, columns) => {
      const a = random(rows * columns, 4);
      const k = Math.min(rows, columns);
      const { q, r } = await algebra.qr(a, rows, columns);
      expect(difference(product(q, r, rows, k, columns), a)).toBeLessThan(tolerance(rows));
      const gram = product(transpose(q, rows, k), q, k, rows, k);
      expect(difference(gram, identity(k))).toBeLessThan(tolerance(rows));
      for (let i = 0; i < k; i++) {
        expect(r[i * columns + i]).toBeGreaterThanOrEqual(0);
        expect(r.subarray(i * columns, i * columns + i).every((value) => value === 0)).toBe(true);
      }
    },
  );

  test.each(SIZES)('products of %i, transposed or not', async (n) => {
    const [a, b] = [random(n * 7, 5), random(7 * n, 6)];
    const expected = product(a, b, n, 7, n);
    const flipped = { values: transpose(a, n, 7), rows: 7, columns: n, transposed: true };
    const straight = { values: a, rows: n, columns: 7 };
    const right = { values: b, rows: 7, columns: n };
    const rightFlipped = { values: transpose(b, 7, n), rows: n, columns: 7, transposed: true };
    for (const left of [straight, flipped]) {
      for (const other of [right, rightFlipped]) {
        expect(difference(await algebra.matmul(left, other), expected)).toBeLessThan(tolerance(7));
      }
    }
  });

  test('an ill-conditioned covariance gets the smallest jitter that serves', async () => {
    const n = 60;
    // A squared exponential covariance of close points: rank deficient in f64.
    const a = Float64Array.from({ length: n * n }, (_, i) =>
      Math.exp(-(((Math.floor(i / n) - (i % n)) / 60) ** 2)),
    );
    const { factor, jitter } = await algebra.cholesky(a, n);
    expect(jitter).toBeGreaterThan(0);
    expect(jitter).toBeLessThanOrEqual(1e-8);
    const added = a.map((value, i) => (Math.floor(i / n) === i % n ? value + jitter : value));
    expect(difference(product(factor, transpose(factor, n, n), n, n, n), added)).toBeLessThan(1e-12);
    expect(await codeOf(algebra.cholesky(a, n, { maxJitter: 0 }))).toBe('not-positive-definite');
    expect(await codeOf(algebra.cholesky(Float64Array.of(-1), 1))).toBe('not-positive-definite');
  });

  test('values that are not finite are refused by name, place and value', async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const a = identity(3);
      a[3] = bad;
      for (const run of [
        () => algebra.cholesky(a, 3),
        () => algebra.symmetricEigen(a, 3),
        () => algebra.qr(a, 3, 3),
        () => algebra.solveTriangular(a, 3, identity(3), 3),
        () => algebra.solveTriangular(identity(3), 3, a, 3),
        () => algebra.solveCholesky(identity(3), 3, a, 3),
      ]) {
        expect(await codeOf(run())).toBe('not-finite');
      }
      await expect(algebra.qr(a, 3, 3)).rejects.toThrow(new RegExp(`^a holds ${bad}.*row 1, column 0`, 'i'));
    }
  });

  test('shapes that do not fit are refused, and a singular triangle', async () => {
    const a = identity(3);
    for (const run of [
      () => algebra.cholesky(a, 2),
      () => algebra.cholesky(a, -3),
      () => algebra.cholesky(a, 1.5),
      () => algebra.solveTriangular(a, 3, a, 2),
      () => algebra.solveCholesky(a, 2, a, 3),
      () => algebra.symmetricEigen(a, 4),
      () => algebra.qr(a, 2, 3),
      () => algebra.eigenvalues(a, 2),
      () => algebra.sylvester(a, 3, a, 3, identity(2)),
      () => algebra.lyapunov(a, 3, identity(2)),
      () => algebra.matmul({ values: a, rows: 3, columns: 3 }, { values: identity(2), rows: 2, columns: 2 }),
    ]) {
      expect(await codeOf(run())).toBe('shape');
    }
    const singular = Float64Array.of(1, 0, 1, 0);
    expect(await codeOf(algebra.solveTriangular(singular, 2, identity(2), 2))).toBe('singular');
  });

  test('operands are not changed', async () => {
    const a = positiveDefinite(5, 1);
    const before = Float64Array.from(a);
    await algebra.cholesky(a, 5);
    await algebra.solveTriangular(a, 5, a, 5);
    await algebra.symmetricEigen(a, 5);
    await algebra.qr(a, 5, 5);
    expect(a).toEqual(before);
  });
});

test('without the native engine, what is not there says so', async () => {
  expect(await codeOf(plain.eigenvalues(identity(2), 2))).toBe('native-missing');
  expect(await codeOf(plain.lyapunov(identity(2), 2, identity(2)))).toBe('native-missing');
});

describe.skipIf(!native)(`native${native ? '' : ' (skipped: not built)'}`, () => {
  const algebra = native as NativeLinearAlgebra;

  test.each(SIZES)('both implementations agree at %i', async (n) => {
    const a = positiveDefinite(n, 8);
    const [left, right] = [await algebra.cholesky(a, n), await plain.cholesky(a, n)];
    expect(difference(left.factor, right.factor)).toBeLessThan(tolerance(n));
    const s = symmetric(n, 9);
    const [eigen, expected] = [await algebra.symmetricEigen(s, n), await plain.symmetricEigen(s, n)];
    expect(difference(eigen.values, expected.values)).toBeLessThan(10 * tolerance(n));
    const b = random(n * (n + 3), 10);
    const [ours, theirs] = [await algebra.qr(b, n + 3, n), await plain.qr(b, n + 3, n)];
    expect(difference(ours.q, theirs.q)).toBeLessThan(n * tolerance(n) + 1e-15);
    expect(difference(ours.r, theirs.r)).toBeLessThan(n * tolerance(n) + 1e-15);
  });

  test('eigenvalues of a rotation and of a companion matrix', async () => {
    const rotation = await algebra.eigenvalues(Float64Array.of(0.6, -0.8, 0.8, 0.6), 2);
    expect(difference(rotation.real, Float64Array.of(0.6, 0.6))).toBeLessThan(1e-15);
    expect(difference(rotation.imaginary, Float64Array.of(0.8, -0.8))).toBeLessThan(1e-15);
    // (x - 1)(x - 2)(x - 3) = x^3 - 6 x^2 + 11 x - 6
    const companion = await algebra.eigenvalues(Float64Array.of(6, -11, 6, 1, 0, 0, 0, 1, 0), 3);
    expect(difference(companion.real, Float64Array.of(3, 2, 1))).toBeLessThan(1e-13);
    expect(difference(companion.imaginary, new Float64Array(3))).toBeLessThan(1e-13);
  });

  test.each(SIZES)(
    'eigenvalues of %i sum to the trace, of symmetric matrices are those of the other function',
    async (n) => {
      const a = random(n * n, 11);
      const { real, imaginary } = await algebra.eigenvalues(a, n);
      let trace = 0;
      for (let i = 0; i < n; i++) trace += a[i * n + i] as number;
      const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
      expect(sum(real)).toBeCloseTo(trace, 10);
      expect(sum(imaginary)).toBeCloseTo(0, 10);
      const s = symmetric(n, 12);
      const general = await algebra.eigenvalues(s, n);
      const { values } = await algebra.symmetricEigen(s, n);
      expect(difference(general.real.reverse(), values)).toBeLessThan(20 * tolerance(n));
    },
  );

  test.each([
    [0, 0],
    [0, 3],
    [1, 1],
    [2, 2],
    [17, 5],
    [5, 17],
    [130, 60],
  ])('sylvester of %i x %i leaves no residual', async (m, n) => {
    const [a, b, c] = [random(m * m, 13), random(n * n, 14), random(m * n, 15)];
    // Moves the eigenvalues of A away from those of -B.
    for (let i = 0; i < m; i++) a[i * m + i] = (a[i * m + i] as number) + m + n;
    const x = await algebra.sylvester(a, m, b, n, c);
    const left = product(a, x, m, m, n);
    const right = product(x, b, m, n, n);
    expect(
      difference(
        left.map((value, i) => value + (right[i] as number)),
        c,
      ),
    ).toBeLessThan(1e-12);
  });

  test('the stationary covariance of a stable linear system is symmetric and positive definite', async () => {
    const n = 40;
    const a = random(n * n, 16);
    for (let i = 0; i < n; i++) a[i * n + i] = (a[i * n + i] as number) - 15;
    const q = identity(n).map((value) => -value);
    const x = await algebra.lyapunov(a, n, q);
    expect(difference(x, transpose(x, n, n))).toBeLessThan(1e-14);
    expect((await algebra.cholesky(x, n, { maxJitter: 0 })).jitter).toBe(0);
    const half = product(a, x, n, n, n);
    const other = transpose(half, n, n);
    expect(
      difference(
        half.map((value, i) => value + (other[i] as number)),
        q,
      ),
    ).toBeLessThan(1e-13);
  });

  test('a Sylvester equation without a unique solution says so', async () => {
    expect(
      await codeOf(algebra.sylvester(Float64Array.of(2), 1, Float64Array.of(-2), 1, Float64Array.of(1))),
    ).toBe('singular');
    const a = Float64Array.of(1, Number.NaN, 0, 1);
    expect(await codeOf(algebra.sylvester(a, 2, a, 2, a))).toBe('not-finite');
    expect(await codeOf(algebra.eigenvalues(a, 2))).toBe('not-finite');
  });

  test('many calls at once, each with its own operands', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const a = positiveDefinite(10 + i, 20 + i);
        const expected = await plain.cholesky(a, 10 + i);
        const found = algebra.cholesky(a, 10 + i);
        // The call has copied its operand.
        a.fill(Number.NaN);
        return difference((await found).factor, expected.factor);
      }),
    );
    expect(Math.max(...results)).toBeLessThan(tolerance(30));
  });
});

describe.each(implementations)('$kind: the Lyapunov equation of a stable matrix', (algebra) => {
  /** Off the diagonal smaller in sum than the diagonal. */
  const stable = (n: number) =>
    random(n * n, 91).map((value, place) => (place % (n + 1) === 0 ? -1.01 + value / 2 - 0.5 : value / n));

  test.each(SIZES)('leaves nothing of the equation, n = %i', async (n) => {
    const a = stable(n);
    const q = symmetric(n, 92);
    const { x, residual } = await algebra.stableLyapunov(a, n, q);
    const left = product(a, x, n, n, n);
    const right = transpose(left, n, n);
    const worst = left.reduce(
      (most, value, place) =>
        Math.max(most, Math.abs(value + (right[place] as number) + (q[place] as number))),
      0,
    );
    expect(worst).toBeLessThan(1e-14 * (n + 1));
    expect(residual).toBeLessThan(1e-14);
  });

  test('refuses a matrix that is not stable', async () => {
    const turning = Float64Array.of(0, 1, -1, 0);
    const one = Float64Array.of(1, 0, 0, 1);
    await expect(algebra.stableLyapunov(turning, 2, one)).rejects.toMatchObject({ code: 'not-converged' });
  });
});
