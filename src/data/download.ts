/**
 * Files from the network, checked and kept: a file is there whole and with the right checksum, or not at all.
 *
 * What comes is written beside its place under a name of its own, so an interrupted download goes on where it stood,
 * where the server can do that. Sources are tried in order. Nothing is taken from a server that answers without content
 * (some hosts answer programs with an empty 202).
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../cache.ts';
import { DataError } from './errors.ts';

export interface RemoteFile {
  /** Its name in the cache; may have folders. */
  readonly name: string;
  /** Where it can be had, in the order of trying. */
  readonly urls: readonly string[];
  /** Hexadecimal. */
  readonly checksum: { readonly kind: 'md5' | 'sha256'; readonly value: string };
}

export interface DownloadOptions {
  /** Where files are kept; `$XDG_CACHE_HOME/tacet/data` when absent. */
  readonly folder?: string;
  /** Called as content comes; `total` is undefined where the server doesn't say. */
  readonly onProgress?: (bytes: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
  /** Writes content at the end of an open file; for tests of disks that are full. */
  readonly write?: (
    file: { write(content: Uint8Array): Promise<unknown> },
    content: Uint8Array,
  ) => Promise<unknown>;
}

/**
 * The path of a file, which is fetched unless it is there.
 *
 * @throws {DataError} `download` when no source gave it, `checksum` when what came is another file, `disk` when it can't be kept
 */
export async function fetched(file: RemoteFile, options: DownloadOptions = {}): Promise<string> {
  const path = join(options.folder ?? join(cacheFolder(), 'data'), file.name);
  if (await exists(path)) return path;
  const failures: string[] = [];
  for (const url of file.urls) {
    try {
      await download(url, path, file, options);
      return path;
    } catch (cause) {
      // Another source can't help a full disk, nor somebody who has had enough.
      if (cause instanceof DataError && cause.code === 'disk') throw cause;
      options.signal?.throwIfAborted();
      failures.push(`${url}: ${cause instanceof Error ? cause.message : String(cause)}`);
      if (cause instanceof DataError && cause.code === 'checksum' && url === file.urls.at(-1)) throw cause;
    }
  }
  throw new DataError(
    'download',
    `can't fetch ${file.name}: ${failures.join('; ')}. Try again, or fetch it by other means to ${path}`,
  );
}

/** Fetches to `path` from one source; goes on with what an earlier try left. */
async function download(
  url: string,
  path: string,
  file: RemoteFile,
  options: DownloadOptions,
): Promise<void> {
  const partial = `${path}.partial`;
  const there = (await exists(partial)) ? (await stat(partial)).size : 0;
  const response = await fetch(url, {
    headers: there > 0 ? { range: `bytes=${there}-` } : {},
    signal: options.signal ?? null,
  });
  if (response.status === 416) {
    // Nothing is left to fetch, or what is there is of another file: its checksum tells.
    await response.body?.cancel();
    return settle(path, partial, file);
  }
  const goesOn =
    response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${there}-`);
  if (!(response.status === 200 || goesOn) || !response.body) {
    await response.body?.cancel();
    throw new DataError('download', `the server answers ${response.status} ${response.statusText}`.trim());
  }
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  let bytes = goesOn ? there : 0;
  const total = Number.isFinite(length) ? bytes + length : undefined;
  const write = options.write ?? ((target, content) => target.write(content));
  const kept = await onDisk(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(partial, goesOn ? 'a' : 'w');
  });
  try {
    for await (const content of response.body) {
      await onDisk(path, () => write(kept, content));
      bytes += content.length;
      options.onProgress?.(bytes, total);
    }
    await onDisk(path, () => kept.sync());
  } finally {
    await kept.close();
  }
  if (bytes === 0 || (total !== undefined && bytes !== total)) {
    throw new DataError('download', `${bytes} bytes came of ${total ?? 'some'}`);
  }
  await settle(path, partial, file);
}

/** Gives the file its name when it is the right one; else forgets it. */
async function settle(path: string, partial: string, { name, checksum }: RemoteFile): Promise<void> {
  const hash = createHash(checksum.kind);
  for await (const content of createReadStream(partial)) hash.update(content as Uint8Array);
  const found = hash.digest('hex');
  if (found !== checksum.value) {
    await rm(partial, { force: true });
    throw new DataError(
      'checksum',
      `${name} has the ${checksum.kind} ${found}, not ${checksum.value}: it is another file or was changed on its way; try again`,
    );
  }
  await onDisk(path, () => rename(partial, path));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(
      'disk',
      `can't write ${path}: ${why}; make room, or set XDG_CACHE_HOME to another folder`,
      {
        cause,
      },
    );
  }
}
