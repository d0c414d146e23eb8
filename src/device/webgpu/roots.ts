/**
 * Keeps Dawn's objects alive for as long as something made from them works.
 *
 * Dawn's Node binding frees the instance as soon as the object from `create()` is collected, under the feet of the
 * adapters and devices made from it (use after free). A variable is not enough: the collector may take what is not
 * referred to later.
 */
const rooted = new Set<readonly unknown[]>();

/** Holds objects until the function that it returns is called. */
export function hold(...objects: readonly unknown[]): () => void {
  rooted.add(objects);
  return () => void rooted.delete(objects);
}
