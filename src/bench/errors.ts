/** Why a benchmark could not be run, or can't be believed. */

export type BenchErrorCode =
  /** What was asked for is not there: a suite, a card, a file. */
  | 'bad-input'
  /** A kernel computed something wrong: nothing is timed then. */
  | 'wrong-result';

export class BenchError extends Error {
  override readonly name = 'BenchError';
  readonly code: BenchErrorCode;

  constructor(code: BenchErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** @throws {BenchError} `wrong-result` unless a condition holds */
export function confirm(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new BenchError('wrong-result', `${message()}: nothing was timed`);
}
