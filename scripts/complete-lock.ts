/**
 * Completes package-lock.json after `npm install`: adds the entries of optional packages for other platforms that the
 * registry in use did not serve.
 *
 * Packages with binaries list one optional package for each platform. A registry that mirrors a part of them makes
 * npm write a lock without the others, and `npm ci` then refuses that lock on every platform. An entry with the
 * version, the operating system and the processor is all that npm needs to pass over it, or to install it elsewhere.
 *
 *     npm run lock
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockEntry {
  version?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

const LOCK = new URL('../package-lock.json', import.meta.url);

/** Where a package that is required from `within` is found, as Node looks for it; undefined when it is missing. */
function resolve(packages: Record<string, LockEntry>, name: string, within: string): string | undefined {
  const folders = within.split('/node_modules/');
  for (let depth = folders.length; depth >= 0; depth--) {
    const folder = folders.slice(0, depth).join('/node_modules/');
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[path]) return path;
  }
  return undefined;
}

/** The platform in the name of a package, such as `@biomejs/cli-linux-arm64-musl`. */
function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const match =
    /-(android|darwin|freebsd|linux|win32|wasm32)-(?:arm-)?([a-z0-9]+?)(?:-(gnu|musl|msvc))?$/.exec(name);
  const [, os = '', cpu = '', abi] = match ?? [];
  if (os === '')
    throw new Error(`package-lock.json: can't tell the platform of "${name}"; add its entry by hand`);
  // WebAssembly stands in for a platform that npm knows nothing of: it is never wanted where there is a binary.
  if (os === 'wasm32') return { cpu: ['wasm32'] };
  const libc = os === 'linux' && abi ? { libc: [abi === 'gnu' ? 'glibc' : abi] } : {};
  return { os: [os], cpu: [cpu.includes('eabi') ? 'arm' : cpu], ...libc };
}

const lock = JSON.parse(readFileSync(LOCK, 'utf8')) as { packages: Record<string, LockEntry> };
let added = 0;
for (const [within, { optionalDependencies, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
    if (resolve(lock.packages, name, within) !== undefined) continue;
    if (!/^\d+\.\d+\.\d+/.test(version)) {
      throw new Error(
        `package-lock.json: "${name}" of ${within || 'tacet'} is missing and "${version}" is no version`,
      );
    }
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platformOf(name),
      ...(dev ? { dev } : {}),
      optional: true,
    };
    added += 1;
  }
}
const packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
);
writeFileSync(LOCK, `${JSON.stringify({ ...lock, packages }, undefined, 2)}\n`);
console.log(`package-lock.json: ${added} entries added`);
