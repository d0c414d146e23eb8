/** Splits of a data set, drawn from Philox: the same for a seed on every machine. */
import { keyOf, philox4x32, STREAMS } from '../random/philox.ts';

/** A permutation of 0 .. count - 1 (Fisher–Yates, one draw a position). */
export function permutation(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const key = keyOf(seed);
  for (let last = count - 1; last > 0; last--) {
    const [word, more] = philox4x32([last, STREAMS.split, 0, 0], key);
    // 53 bits of draw: the bias of the remainder is below 2^-36.
    const draw = ((word >>> 5) * 2 ** 26 + (more >>> 6)) % (last + 1);
    const kept = order[last] as number;
    order[last] = order[draw] as number;
    order[draw] = kept;
  }
  return order;
}

/**
 * Disjoint parts of a data set in random order: `sizes[0]` indices, then `sizes[1]`, ...
 *
 * @throws {RangeError} when the parts are larger than the whole
 */
export function splitIndices(count: number, sizes: readonly number[], seed: number): Uint32Array[] {
  const wanted = sizes.reduce((sum, size) => sum + size, 0);
  if (wanted > count)
    throw new RangeError(`parts of ${sizes.join(' + ')} samples are more than the ${count} there are`);
  const order = permutation(count, seed);
  let from = 0;
  return sizes.map((size) => {
    from += size;
    return order.subarray(from - size, from);
  });
}
