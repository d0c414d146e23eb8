/** Reading a file with a message of our own where it fails. */
import { readFileSync } from 'node:fs';
import { NetworkError } from '../errors.ts';

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EISDIR: 'is a directory',
  EACCES: "can't be read, its permissions forbid it",
  ERR_FS_FILE_TOO_LARGE: 'is larger than 2 GiB',
};

/** @throws {NetworkError} when it can't be read */
export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const reason = FAILURES[code] ?? `can't be read (${code})`;
    throw new NetworkError(`${path} ${reason}: give another file`, { cause });
  }
}
