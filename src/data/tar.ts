/** Tar archives (POSIX ustar), packed by gzip or not. */
import { gunzipSync } from 'node:zlib';
import { DataError } from './errors.ts';

export interface ArchiveFile {
  readonly name: string;
  readonly content: Uint8Array;
}

const BLOCK = 512;

/**
 * The regular files of an archive, one after another.
 *
 * @param name for messages
 * @throws {DataError} `malformed`, when it is no archive, or cut short
 */
export function* readTar(packed: Uint8Array, name: string): Generator<ArchiveFile> {
  let bytes = packed;
  if (packed[0] === 0x1f && packed[1] === 0x8b) {
    try {
      bytes = gunzipSync(packed);
    } catch (cause) {
      throw new DataError('malformed', `${name} can't be unpacked; fetch it again`, { cause });
    }
  }
  const text = (from: number, length: number) =>
    new TextDecoder().decode(bytes.subarray(from, from + length)).split('\0')[0] as string;
  let found = 0;
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    if (bytes[at] === 0) break;
    if (text(at + 257, 5) !== 'ustar') throw new DataError('malformed', `${name} is no tar archive`);
    const size = Number.parseInt(text(at + 124, 12), 8);
    const from = at + BLOCK;
    if (!(size >= 0) || from + size > bytes.length) {
      throw new DataError('malformed', `${name}: ${text(at, 100)} is cut short; fetch it again`);
    }
    const kind = text(at + 156, 1);
    const prefix = text(at + 345, 155);
    if (kind === '0' || kind === '') {
      found++;
      yield { name: (prefix && `${prefix}/`) + text(at, 100), content: bytes.subarray(from, from + size) };
    }
    at = from + BLOCK * Math.ceil(size / BLOCK);
  }
  if (found === 0) throw new DataError('malformed', `${name} has no files, or is no tar archive`);
}
