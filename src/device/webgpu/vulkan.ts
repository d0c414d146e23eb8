/**
 * A Vulkan loader and a software driver for Linux machines that have none, without root.
 *
 * Dawn finds adapters through `libvulkan.so.1`. A bare machine has no such library, and many have no driver that
 * Dawn can use. The npm package `@sparticuz/chromium` (an optional dependency) carries both, built for Linux x64:
 * SwiftShader, which computes on the processor, and a loader. They are unpacked once for each user and put where
 * Dawn looks. Nothing here replaces what the system has.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { brotliDecompressSync } from 'node:zlib';
import { cacheFolder } from '../../cache.ts';
import { installLayer } from './layer.ts';

/** What Dawn will find on this machine. */
export interface VulkanSetup {
  /** False when Dawn can find no adapter at all, because Linux without a Vulkan loader has none. */
  readonly usable: boolean;
  /** Why SwiftShader was not added; undefined when it was. */
  readonly withoutSwiftShader?: string;
  /** Why identical cards can't be told apart; undefined where they can. */
  readonly withoutIdentity?: string;
}

const PACKAGE = '@sparticuz/chromium';
const LOADER = 'libvulkan.so.1';
const DRIVER = 'libvk_swiftshader.so';
const MANIFEST = 'vk_swiftshader_icd.json';

/** Linux's flag of `dlopen` that keeps a library loaded whatever happens; `node:os` does not list it. */
const RTLD_NODELETE = 0x1000;

/**
 * Makes SwiftShader one of the adapters that Dawn finds, beside those of the system, lends the system a Vulkan
 * loader if it has none, and puts Tacet's layer in place, which tells identical cards apart. Cheap after the first call.
 *
 * The environment of a process belongs to its main thread: a program that opens devices in worker threads only calls
 * this in its main thread first.
 */
export function prepareVulkan(): VulkanSetup {
  const withoutIdentity = installLayer();
  const setup = prepareDrivers();
  return withoutIdentity === undefined ? setup : { ...setup, withoutIdentity };
}

function prepareDrivers(): VulkanSetup {
  if (process.platform !== 'linux') {
    return { usable: true, withoutSwiftShader: 'only Linux needs it' };
  }
  const systemLoader = keepLoaded(LOADER);
  let folder: string;
  try {
    folder = unpackSwiftShader();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return { usable: systemLoader, withoutSwiftShader: why };
  }
  if (!systemLoader && !keepLoaded(join(folder, LOADER))) {
    return { usable: false, withoutSwiftShader: `${join(folder, LOADER)} can't be loaded` };
  }
  return listDriver(join(folder, MANIFEST))
    ? { usable: true }
    : {
        usable: true,
        withoutSwiftShader: 'call prepareVulkan() in the main thread before this thread starts',
      };
}

/**
 * Lists the driver for the Vulkan loader, which reads this at the next request for an adapter.
 *
 * @returns false in a worker thread whose main thread has not done it
 */
function listDriver(manifest: string): boolean {
  const listed = process.env.VK_ADD_DRIVER_FILES?.split(':').filter((path) => path !== '') ?? [];
  if (listed.includes(manifest)) return true;
  if (isMainThread) process.env.VK_ADD_DRIVER_FILES = [...listed, manifest].join(':');
  return isMainThread;
}

/**
 * Loads a shared library for good, so that Dawn's own `dlopen` of the same name finds it in the process.
 *
 * `process.dlopen` is meant for addons: it opens the library, finds no addon in it, closes it and throws. The closing
 * has no effect with {@link RTLD_NODELETE}. (Setting `LD_LIBRARY_PATH` would need a second process.)
 */
function keepLoaded(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
    return true;
  } catch (refusal) {
    return refusal instanceof Error && refusal.message.includes('did not self-register');
  }
}

/** The folder that holds the loader, the driver and its manifest, unpacked on the first call of a user. */
function unpackSwiftShader(): string {
  if (process.arch !== 'x64') throw new Error(`there is no SwiftShader for Linux ${process.arch}`);
  const { folder: source, version } = findPackage();
  const folder = join(cacheFolder(), `swiftshader-${version}`);
  const wanted = [LOADER, DRIVER, MANIFEST];
  if (wanted.every((file) => existsSync(join(folder, file)))) return folder;

  try {
    unpack(source, version, folder, wanted);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`can't unpack it (${why}); set XDG_CACHE_HOME to a folder that can be written`);
  }
  return folder;
}

/** Unpacks the wanted files; `folder` appears only when all of them are on the disk. */
function unpack(source: string, version: string, folder: string, wanted: readonly string[]): void {
  const archive = brotliDecompressSync(readFileSync(join(source, 'bin', 'swiftshader.tar.br')));
  const files = [...readTar(archive)].filter((entry) => wanted.includes(entry.name));
  if (files.length !== wanted.length) {
    throw new Error(`${PACKAGE} ${version} does not hold ${wanted.join(', ')}`);
  }
  mkdirSync(dirname(folder), { recursive: true });
  // An interrupted run leaves a folder of another name behind; of two runs at once the second keeps what the first
  // made.
  const unpacked = mkdtempSync(`${folder}.unpacking-`);
  try {
    for (const { name, content } of files) writeDurably(join(unpacked, name), content);
    if (!moved(unpacked, folder) && !wanted.every((file) => existsSync(join(folder, file)))) {
      rmSync(folder, { recursive: true });
      renameSync(unpacked, folder);
    }
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
}

/** Renames a folder; false when one that is not empty has that name already. */
function moved(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (failure) {
    const code = (failure as NodeJS.ErrnoException).code;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw failure;
  }
}

function findPackage(): { folder: string; version: string } {
  let folder: string;
  try {
    folder = dirname(createRequire(import.meta.url).resolve(PACKAGE));
  } catch {
    throw new Error(`the npm package ${PACKAGE}, which carries it, is not installed`);
  }
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (!existsSync(path)) continue;
    const { name, version } = JSON.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string };
    if (name === PACKAGE && version) return { folder, version };
  }
  throw new Error(`the npm package ${PACKAGE} has no package.json`);
}

function writeDurably(path: string, content: Uint8Array): void {
  const file = openSync(path, 'wx', 0o755);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The regular files of a tar archive in the ustar format (POSIX.1-1988): a header of 512 bytes, then the content. */
function* readTar(archive: Uint8Array): Generator<{ name: string; content: Uint8Array }> {
  const BLOCK = 512;
  const text = (start: number, end: number): string =>
    Buffer.from(archive.subarray(start, end)).toString('latin1').replace(/\0.*$/s, '');
  let at = 0;
  while (at + BLOCK <= archive.length && archive[at] !== 0) {
    const size = Number.parseInt(text(at + 124, at + 136), 8);
    const kind = text(at + 156, at + 157);
    const start = at + BLOCK;
    if (kind === '' || kind === '0') {
      yield { name: basename(text(at, at + 100)), content: archive.subarray(start, start + size) };
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
}
