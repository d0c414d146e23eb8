/** Taking a study from one store to another: between a file and a database, both ways. */
import { type Store, StudyError } from './store.ts';

/**
 * Copies a study with all its trials, their histories, and the optimizer's state: it goes on in the other store as it
 * would have in the first. The first keeps it.
 *
 * @returns how many trials it has
 * @throws {StudyError} `conflict` when somebody runs it, or the other store has a study of that name; `bad-store` when
 *   the copy does not read back as the original
 */
export async function copyStudy(name: string, from: Store, to: Store): Promise<number> {
  await using claim = await from.claim(name);
  const contents = await from.contents(name);
  claim.lost.throwIfAborted();
  await to.restore(contents);
  const copied = await to.contents(name);
  if (!isSame(copied, contents)) {
    throw new StudyError(
      'bad-store',
      `study ${name} does not read back from ${to.location} as it is in ${from.location}: don't go on with it there, and report this`,
    );
  }
  return contents.trials.length;
}

/** Whether two values that were read from stores are the same, numbers that are none included. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length || Array.isArray(a) !== Array.isArray(b)) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && isSame(a[key as keyof typeof a], b[key as keyof typeof b]),
  );
}
