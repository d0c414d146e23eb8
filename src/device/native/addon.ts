/** Finding and loading the native engine: the Rust crate in `native/`, built into one file for each platform. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeviceError } from '../device.ts';

/** A struct as the native kernel was compiled for it; compare with `StructLayout` of `contract.ts`. */
export interface NativeStruct {
  readonly name: string;
  readonly byteLength: number;
  readonly fields: readonly { readonly name: string; readonly type: string; readonly offset: number }[];
}

/** The interface that a native kernel was written for. */
export interface NativeKernelInterface {
  readonly name: string;
  readonly params: NativeStruct;
  readonly buffers: readonly {
    readonly name: string;
    readonly access: string;
    readonly element: string;
    readonly stride: number;
  }[];
  readonly structs: readonly NativeStruct[];
  /** Names of the override constants, in the order in which a launch gives their values. */
  readonly constants: readonly string[];
}

/** A device of the addon: a queue with its own memory and threads. Errors are `Error`s reading `code: message`. */
export interface NativeDeviceHandle {
  readonly threads: number;
  createBuffer(byteLength: number): number;
  dropBuffer(id: number): void;
  write(id: number, byteOffset: number, data: Uint8Array): void;
  launch(
    kernel: number,
    params: Uint8Array,
    buffers: readonly number[],
    constants: readonly number[],
    workgroups: readonly number[],
  ): void;
  read(id: number, byteOffset: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>>;
  idle(): Promise<void>;
  timings(): Promise<{ readonly kernel: string; readonly started: number; readonly milliseconds: number }[]>;
  dispose(): Promise<void>;
}

/** The linear algebra of the addon; see `src/linalg/` for what the functions compute. */
export interface NativeLinearAlgebraHandle {
  readonly threads: number;
  cholesky(
    a: Float64Array,
    n: number,
    jitters: readonly number[],
  ): Promise<{ factor: Float64Array; jitter: number; logDeterminant: number }>;
  solveTriangular(
    t: Float64Array,
    n: number,
    b: Float64Array,
    columns: number,
    upper: boolean,
    transposed: boolean,
  ): Promise<Float64Array>;
  solveCholesky(factor: Float64Array, n: number, b: Float64Array, columns: number): Promise<Float64Array>;
  symmetricEigen(a: Float64Array, n: number): Promise<{ values: Float64Array; vectors: Float64Array }>;
  qr(a: Float64Array, rows: number, columns: number): Promise<{ q: Float64Array; r: Float64Array }>;
  eigenvalues(a: Float64Array, n: number): Promise<{ real: Float64Array; imaginary: Float64Array }>;
  stableLyapunov(a: Float64Array, n: number, q: Float64Array): Promise<{ x: Float64Array; residual: number }>;
  sylvester(a: Float64Array, m: number, b: Float64Array, n: number, c: Float64Array): Promise<Float64Array>;
  matmul(
    a: Float64Array,
    aRows: number,
    aColumns: number,
    aTransposed: boolean,
    b: Float64Array,
    bRows: number,
    bColumns: number,
    bTransposed: boolean,
  ): Promise<Float64Array>;
}

/** The measures of graphs of the addon; see `src/pruning/betweenness.ts`. */
export interface NativeGraphsHandle {
  betweenness(offsets: Uint32Array, targets: Uint32Array, lengths?: Float64Array): Promise<Float64Array>;
}

/** A Vulkan device as the addon's Vulkan layer saw it; `src/device/webgpu/layer.ts` uses it. */
export interface NativeVulkanCard {
  readonly name: string;
  readonly uuid: string;
  readonly copy: number;
  readonly pciAddress?: string;
  readonly kind: 'discrete' | 'integrated' | 'virtual' | 'software' | 'other';
  readonly driver: string;
  readonly memoryBytes: number;
  /** False when it was hidden from the enumeration. */
  readonly shown: boolean;
}

/** What the addon exports. */
export interface Addon {
  readonly Device: new (threads: number, timing: boolean) => NativeDeviceHandle;
  readonly LinearAlgebra: new (threads: number) => NativeLinearAlgebraHandle;
  readonly Graphs: new (threads: number) => NativeGraphsHandle;
  kernels(): NativeKernelInterface[];
  instructionSet(): string;
  /** What this thread's last enumeration of Vulkan devices found; empty when the layer was not there. */
  vulkanCards(): NativeVulkanCard[];
  /** Hides all other cards from Vulkan instances that this thread makes, and forgets the last enumeration. */
  showOnlyVulkanCard(uuid: string, copy: number): void;
  /** Shows all cards, and forgets the last enumeration. */
  showAllVulkanCards(): void;
}

const EXPORTS: readonly (keyof Addon)[] = [
  'Device',
  'LinearAlgebra',
  'Graphs',
  'kernels',
  'instructionSet',
  'vulkanCards',
  'showOnlyVulkanCard',
  'showAllVulkanCards',
];

const require = createRequire(import.meta.url);

/** The folder that holds `native/`: three folders up from the source, four from `dist/`. */
export function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const up = here.includes(join('dist', 'src')) ? 4 : 3;
  return join(here, ...Array<string>(up).fill('..'));
}

/** The platform as napi-rs names it: `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc`, ... */
export function platformTriple(): string {
  const { platform, arch } = process;
  if (platform === 'win32') return `${platform}-${arch}-msvc`;
  if (platform !== 'linux') return `${platform}-${arch}`;
  // Of the two C libraries of Linux only glibc gives its version.
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return `${platform}-${arch}-${report.header?.glibcVersionRuntime ? 'gnu' : 'musl'}`;
}

/** The engine's file, which must be there: the one that was built here, else the prebuilt package's. */
export function addonFile(): string {
  const triple = platformTriple();
  const built = join(packageRoot(), 'native', `tacet.${triple}.node`);
  return existsSync(built) ? built : require.resolve(`@tacet/native-${triple}`);
}

/**
 * Loads the engine: the file that was built here, else the prebuilt package of this platform.
 *
 * @throws {DeviceError} `native-missing`, with the reason and how to get it
 */
export function loadAddon(): Addon {
  const triple = platformTriple();
  const root = packageRoot();
  const built = join(root, 'native', `tacet.${triple}.node`);
  const prebuilt = `@tacet/native-${triple}`;
  const remedy = `to build it, install Rust (https://rustup.rs) and run: node ${join(root, 'scripts', 'postinstall.js')}`;
  let loaded: Partial<Addon>;
  try {
    loaded = require(existsSync(built) ? built : prebuilt) as Partial<Addon>;
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    const message = cause instanceof Error ? cause.message : String(cause);
    const why = absent ? `is not built for ${triple}` : `can't be loaded: ${message}`;
    throw new DeviceError('native-missing', `the native engine ${why}; ${remedy}`, { cause });
  }
  const lacking = EXPORTS.filter((name) => loaded[name] === undefined);
  if (lacking.length > 0) {
    throw new DeviceError(
      'native-missing',
      `the native engine is out of date (no ${lacking.join(', ')}); ${remedy}`,
    );
  }
  return loaded as Addon;
}
