/** What a user is told when a network can't be built as described. */

/** A network that can't be: the place in it, the value, and what to do. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code = 'bad-network';
}

/** @throws {NetworkError} with this text when it doesn't hold */
export function ensure(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new NetworkError(message());
}

/** @throws {NetworkError} unless the value is a whole number of at least `least` */
export function requireWhole(value: number, least: number, place: string): void {
  ensure(
    Number.isSafeInteger(value) && value >= least,
    () => `${place} is ${value}: give a whole number of at least ${least}`,
  );
}

/** @throws {NetworkError} unless the value is a number from 0 to 1 */
export function requireProbability(value: number, place: string): void {
  ensure(value >= 0 && value <= 1, () => `${place} is ${value}: give a probability from 0 to 1`);
}

/** @throws {NetworkError} unless the value is finite and above 0 */
export function requirePositive(value: number, place: string): void {
  ensure(value > 0 && value < Infinity, () => `${place} is ${value}: give a number above 0`);
}
