/**
 * The door of the linear algebra.
 *
 * @example
 * const algebra = loadLinearAlgebra();
 * const { factor } = await algebra.cholesky(covariance, n);
 * const weights = await algebra.solveCholesky(factor, n, targets, 1);
 */
import { DeviceError } from '../device/device.ts';
import { loadAddon } from '../device/native/addon.ts';
import type { LinearAlgebra } from './linear-algebra.ts';
import { NativeLinearAlgebra } from './native.ts';
import { TypeScriptLinearAlgebra } from './typescript.ts';

export { cholesky, invertFromFactor, solveLower, solveLowerTransposed } from './cholesky.ts';
export { LinearAlgebraError, type LinearAlgebraErrorCode } from './errors.ts';
export type * from './linear-algebra.ts';
export type { LyapunovSolution } from './lyapunov.ts';
export { NativeLinearAlgebra } from './native.ts';
export { TypeScriptLinearAlgebra } from './typescript.ts';

/** What has been warned of in this thread: a warning that repeats itself is not read. */
const warned = new Set<string>();

/**
 * The native linear algebra, or plain TypeScript where the engine is not built, with one warning on standard error.
 *
 * @param threads 0: one for each processor
 */
export function loadLinearAlgebra(threads = 0): LinearAlgebra {
  try {
    return new NativeLinearAlgebra(loadAddon(), threads);
  } catch (failure) {
    if (!(failure instanceof DeviceError)) throw failure;
    warnOnce(failure.message);
    return new TypeScriptLinearAlgebra();
  }
}

function warnOnce(reason: string): void {
  if (warned.has(reason)) return;
  warned.add(reason);
  process.emitWarning(`linear algebra in plain TypeScript, about 10 times slower: ${reason}`, {
    type: 'TacetWarning',
  });
}
