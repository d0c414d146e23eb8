/** Files that can be made again at any time, kept for each user between runs. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** `$XDG_CACHE_HOME/tacet`, by default `~/.cache/tacet`. */
export function cacheFolder(): string {
  const stated = process.env.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(stated) ? stated : join(homedir(), '.cache'), 'tacet');
}

/**
 * Writes a file so that readers find the old content or the new, never a part, whoever else writes it at the same time.
 *
 * @throws what the file system says, where the folder can't be written
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${randomUUID()}`;
  try {
    writeFileSync(fresh, content);
    renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
}
