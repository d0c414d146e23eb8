/**
 * After an install: makes sure that there is a native engine, where that is possible.
 *
 * Nothing is done when a prebuilt package for this platform is installed or the engine was built from these sources
 * before. Else cargo builds it. An install never fails here: without the engine everything runs on WebGPU.
 * TACET_SKIP_NATIVE=1 skips. Plain JavaScript without dependencies, for any Node from 18 on.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const crate = join(root, 'native');

/** @param {string} line */
function say(line) {
  process.stderr.write(`tacet: ${line}\n`);
}

/** The platform as napi-rs names it; the twin of `platformTriple` in src/device/native/addon.ts. */
function platformTriple() {
  const { platform, arch } = process;
  if (platform === 'win32') return `${platform}-${arch}-msvc`;
  if (platform !== 'linux') return `${platform}-${arch}`;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return `${platform}-${arch}-${report.header?.glibcVersionRuntime ? 'gnu' : 'musl'}`;
}

/** @param {string} triple */
function isPrebuilt(triple) {
  try {
    createRequire(import.meta.url).resolve(`@tacet/native-${triple}`);
    return true;
  } catch {
    return false;
  }
}

/** A hash over everything that the engine is made of. */
function sourceHash() {
  const hash = createHash('sha256');
  const sources = readdirSync(join(crate, 'src'), { recursive: true })
    .map((file) => join('src', String(file)))
    .filter((file) => file.endsWith('.rs'));
  for (const file of ['Cargo.toml', 'Cargo.lock', 'build.rs', ...sources].sort()) {
    const path = join(crate, file);
    if (existsSync(path)) hash.update(file.replaceAll('\\', '/')).update('\0').update(readFileSync(path));
  }
  return hash.digest('hex');
}

function hasCargo() {
  try {
    execFileSync('cargo', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What cargo calls the library that it makes. */
function libraryName() {
  if (process.platform === 'win32') return 'tacet_native.dll';
  return process.platform === 'darwin' ? 'libtacet_native.dylib' : 'libtacet_native.so';
}

/**
 * Builds the engine into `binary`.
 *
 * @param {string} binary
 * @returns {string | undefined} what went wrong
 */
function build(binary) {
  const lock = existsSync(join(crate, 'Cargo.lock')) ? ['--locked'] : [];
  const target = process.env.CARGO_TARGET_DIR ?? join(crate, 'target');
  const result = spawnSync('cargo', ['build', '--release', ...lock, '--target-dir', target], {
    cwd: crate,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error) return String(result.error);
  if (result.status !== 0) return result.stderr;
  // A running process may have the old file mapped: replaced as a whole, it keeps what it has.
  const fresh = `${binary}.${process.pid}`;
  copyFileSync(join(target, 'release', libraryName()), fresh);
  renameSync(fresh, binary);
  // Installed as a dependency, the crate won't be built again: its 300 MB of intermediate files are waste.
  if (!existsSync(join(root, '.git'))) rmSync(join(crate, 'target'), { recursive: true, force: true });
  return undefined;
}

function main() {
  if (process.env.TACET_SKIP_NATIVE === '1') return;
  // The first `npx tacet` in a clone links it into npx's cache and runs this, with all output hidden: minutes of silence.
  if (process.env.npm_command === 'exec' && existsSync(join(root, 'src', 'cli', 'main.ts'))) return;
  const triple = platformTriple();
  if (isPrebuilt(triple)) return;
  const binary = join(crate, `tacet.${triple}.node`);
  const stamp = `${binary}.sha256`;
  const hash = sourceHash();
  if (existsSync(binary) && existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === hash) return;
  if (!hasCargo()) {
    say(
      `no native engine (no prebuilt one for ${triple}, no cargo to build it); WebGPU works without it. To get it, install Rust (https://rustup.rs) and run: node ${process.argv[1]}`,
    );
    return;
  }
  say(`building the native engine for ${triple} (a few minutes, once; TACET_SKIP_NATIVE=1 skips it) ...`);
  const started = Date.now();
  const failure = build(binary);
  if (failure !== undefined) {
    say(`the native engine could not be built; WebGPU works without it. Cargo said:\n${failure}`);
    return;
  }
  writeFileSync(stamp, `${hash}\n`);
  say(`the native engine is built (${Math.round((Date.now() - started) / 1000)} s)`);
}

try {
  main();
} catch (failure) {
  say(`the native engine could not be built; WebGPU works without it: ${failure}`);
}
