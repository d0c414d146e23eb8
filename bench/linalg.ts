/**
 * Times of the linear algebra, native and TypeScript in turn on the same operands; medians, and for products the share
 * of a native matrix product's rate, which is the roof of all the others.
 *
 *   node bench/linalg.ts [--repetitions 9] [--threads 0]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { loadAddon } from '../src/device/native/addon.ts';
import { type LinearAlgebra, NativeLinearAlgebra, TypeScriptLinearAlgebra } from '../src/linalg/index.ts';
import { philox4x32, unitReal } from '../src/random/philox.ts';

const { values: options } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '9' },
    threads: { type: 'string', default: '0' },
  },
});
const repetitions = Number(options.repetitions);
const WARM_UP = 2;

interface Subject {
  readonly name: string;
  readonly sizes: readonly number[];
  /** Floating point operations at size n; undefined for iterative methods. */
  readonly flops: ((n: number) => number) | undefined;
  /** TypeScript takes part up to this size: beyond it a repetition takes seconds. */
  readonly largestTypeScript: number;
  run(algebra: LinearAlgebra, n: number): Promise<unknown>;
}

/** A Matern-like covariance of points on a line with noise: what the optimizer factors. */
function covariance(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, index) => {
    const distance = Math.abs(Math.floor(index / n) - (index % n)) / 30;
    return (1 + distance) * Math.exp(-distance) + (distance === 0 ? 1e-3 : 0);
  });
}

function random(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => unitReal(philox4x32([i, 0, 0, 0], [1, 0])[0]) - 0.5);
}

/** Operands are made once for each size: 2,000 x 2,000 random numbers take longer than their product. */
const operands = new Map<string, Float64Array>();
function operand(make: (n: number) => Float64Array, n: number): Float64Array {
  const key = `${make.name} ${n}`;
  const made = operands.get(key) ?? make(n);
  operands.set(key, made);
  return made;
}

const subjects: Subject[] = [
  {
    name: 'matmul',
    sizes: [500, 1000, 2000],
    flops: (n) => 2 * n ** 3,
    largestTypeScript: 500,
    run: (algebra, n) => {
      const values = operand(random, n);
      return algebra.matmul({ values, rows: n, columns: n }, { values, rows: n, columns: n });
    },
  },
  {
    name: 'cholesky',
    sizes: [100, 500, 1000, 2000],
    flops: (n) => n ** 3 / 3,
    largestTypeScript: 1000,
    run: (algebra, n) => algebra.cholesky(operand(covariance, n), n),
  },
  {
    name: 'solveCholesky, 1 column',
    sizes: [1000],
    flops: (n) => 2 * n ** 2,
    largestTypeScript: 1000,
    run: async (algebra, n) =>
      algebra.solveCholesky(operand(covariance, n), n, operand(random, n).subarray(0, n), 1),
  },
  {
    name: 'symmetricEigen',
    sizes: [100, 500],
    flops: undefined,
    largestTypeScript: 100,
    run: (algebra, n) => algebra.symmetricEigen(operand(covariance, n), n),
  },
  {
    name: 'qr',
    sizes: [100, 500],
    flops: (n) => (8 / 3) * n ** 3,
    largestTypeScript: 500,
    run: (algebra, n) => algebra.qr(operand(random, n), n, n),
  },
  {
    name: 'eigenvalues',
    sizes: [100, 500],
    flops: undefined,
    largestTypeScript: 0,
    run: (algebra, n) => algebra.eigenvalues(operand(random, n), n),
  },
  {
    name: 'lyapunov',
    sizes: [100, 200],
    flops: undefined,
    largestTypeScript: 0,
    run: (algebra, n) => algebra.lyapunov(operand(covariance, n), n, operand(random, n)),
  },
];

const native = new NativeLinearAlgebra(loadAddon(), Number(options.threads));
const plain = new TypeScriptLinearAlgebra();
console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} processors, f64, ${repetitions} repetitions, ms`);
for (const subject of subjects) {
  for (const n of subject.sizes) {
    const contenders: LinearAlgebra[] = [native];
    if (n <= subject.largestTypeScript) contenders.push(plain);
    const times = new Map<LinearAlgebra, number[]>(contenders.map((contender) => [contender, []]));
    for (let repetition = 0; repetition < repetitions + WARM_UP; repetition++) {
      for (const contender of contenders) {
        const started = performance.now();
        await subject.run(contender, n);
        if (repetition >= WARM_UP) times.get(contender)?.push(performance.now() - started);
      }
    }
    const shown = [...times].map(([contender, measured]) => {
      const sorted = measured.sort((a, b) => a - b);
      const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
      const rate = subject.flops ? `, ${(subject.flops(n) / median / 1e6).toFixed(1)} GFLOP/s` : '';
      const spread = `${sorted[0]?.toFixed(2)} to ${sorted.at(-1)?.toFixed(2)}`;
      return `${contender.kind} ${median.toFixed(2)} (${spread}${rate})`;
    });
    console.log(`${subject.name}, n = ${n}: ${shown.join('; ')}`);
  }
}
