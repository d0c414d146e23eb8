/** What can be wrong with the input of a Lyapunov spectrum. */

export type DynamicsErrorCode =
  /** An option, or a system that can't be. */
  | 'bad-input'
  /** A network has something that a route has no derivative for. */
  | 'unsupported'
  /** The state or a tangent vector stopped being finite. */
  | 'not-finite';

/** What was wrong, where, and what to do. */
export class DynamicsError extends Error {
  override readonly name = 'DynamicsError';
  readonly code: DynamicsErrorCode;

  constructor(code: DynamicsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** @throws {DynamicsError} `bad-input` with the message unless the condition holds */
export function ensureInput(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new DynamicsError('bad-input', message());
}
