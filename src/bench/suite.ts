/**
 * What a benchmark suite is: cases that prepare their work, prove that it is computed right, and do it again and again.
 *
 * A suite is a file in `suites/` and a line in `suites/index.ts`. One case in ten lines:
 *
 * @example
 * const copyCase: BenchCase = {
 *   name: 'copy', work: 'copies 1 MB', unit: 'byte',
 *   prepare: async (device) => {
 *     const buffer = device.createBuffer(1e6, 'data');
 *     return {
 *       check: async () => confirm((await device.read(buffer)).byteLength === 1e6, () => 'lost bytes'),
 *       run: async () => ({ amount: (await device.read(buffer)).byteLength }),
 *       [Symbol.dispose]: () => buffer[Symbol.dispose](),
 *     };
 *   },
 * };
 */
import type { Device } from '../device/device.ts';
import type { KernelCost } from '../kernels/costs.ts';

export interface BenchSuite {
  readonly name: string;
  readonly about: string;
  /** Whether the times of single launches are taken, which costs a few µs each; the wall time alone is, otherwise. */
  readonly timesKernels: boolean;
  cases(device: Device): readonly BenchCase[];
}

export interface BenchCase {
  readonly name: string;
  /** Cases of a kind differ in size alone: one predicts another. Absent where there is no other size. */
  readonly kind?: string;
  /** What one repetition does. */
  readonly work: string;
  /** What is counted: `sample x network`. */
  readonly unit: string;
  prepare(device: Device): Promise<PreparedCase>;
}

export interface PreparedCase extends Disposable {
  /** Compares what is computed with what must come out. @throws {BenchError} `wrong-result` */
  check(): Promise<void>;
  /** Does the work of a repetition to its end, on data that no repetition before had. */
  run(repetition: number): Promise<Work>;
}

/** What a repetition did. */
export interface Work {
  /** In the case's unit. */
  readonly amount: number;
  /** What its launches had to move and to compute, by kernel. */
  readonly costs?: Readonly<Record<string, KernelCost>>;
}
