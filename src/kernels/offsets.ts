/** Offsets of groups in a list that has one group after the other. */

/**
 * Turns counts into offsets, in place: before, entry i + 1 has the size of group i, and entry 0 is 0; after, entry i is
 * where group i begins, and the last entry is where the last one ends.
 */
export function accumulate(counts: Uint32Array): void {
  for (let i = 1; i < counts.length; i++) counts[i] = (counts[i] as number) + (counts[i - 1] as number);
}
