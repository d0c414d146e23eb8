/** Why a network can't be pruned as asked. */

/** A setting or an input of pruning that can't be: the place, the value, the remedy. */
export class PruningError extends Error {
  override readonly name = 'PruningError';
  readonly code = 'bad-pruning';
}

/** @throws {PruningError} with this text when it doesn't hold */
export function ensure(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new PruningError(message());
}
