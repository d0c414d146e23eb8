/** The native device: the kernels of `shaders/` compiled from Rust, behind the seam of `device.ts`. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import { isOwnFile, loadContract } from '../contract.ts';
import type {
  Device,
  DeviceBuffer,
  DeviceErrorCode,
  DeviceInfo,
  DeviceOptions,
  Kernel,
  Launch,
  LaunchTiming,
} from '../device.ts';
import { DeviceError } from '../device.ts';
import { type Addon, loadAddon, type NativeDeviceHandle, type NativeKernelInterface } from './addon.ts';
import { checkContract } from './contract-check.ts';

/** A number no program comes near: native kernels have no workgroups, only the buffers have ends. */
const UNLIMITED = 2 ** 31 - 1;

/** What the native engine says of itself on this machine. */
export function nativeInfo(addon: Addon, threads = availableParallelism()): DeviceInfo {
  const name = cpus()[0]?.model.trim() || process.arch;
  return {
    kind: 'native',
    name: `${name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    vendor: process.arch,
    driver: 'Tacet native engine',
    backend: addon.instructionSet(),
    software: false,
    limits: {
      maxBufferBytes: totalmem(),
      maxBindingBytes: totalmem(),
      maxWorkgroupBytes: UNLIMITED,
      maxWorkgroupSize: UNLIMITED,
      maxWorkgroupsPerDimension: UNLIMITED,
    },
    features: [addon.instructionSet()],
    memoryBytes: totalmem(),
    threads,
  };
}

/**
 * Opens a device with its own memory and threads; any number of them live side by side.
 *
 * @throws {DeviceError} `native-missing` where the engine is not built
 */
export async function openNativeDevice(options: DeviceOptions = {}): Promise<Device> {
  return new NativeDevice(loadAddon(), options);
}

class NativeBuffer implements DeviceBuffer {
  readonly byteLength: number;
  readonly label: string;
  readonly id: number;
  readonly handle: NativeDeviceHandle;

  constructor(handle: NativeDeviceHandle, id: number, byteLength: number, label: string) {
    this.handle = handle;
    this.id = id;
    this.byteLength = byteLength;
    this.label = label;
  }

  [Symbol.dispose](): void {
    this.handle.dropBuffer(this.id);
  }
}

interface NativeKernel extends Kernel {
  readonly handle: NativeDeviceHandle;
  readonly number: number;
  /** Values of the override constants, in the native kernel's order. */
  readonly constantValues: readonly number[];
}

class NativeDevice implements Device {
  readonly info: DeviceInfo;
  readonly lost: Promise<string>;
  readonly #handle: NativeDeviceHandle;
  readonly #available: readonly NativeKernelInterface[];
  readonly #kernels = new Map<string, NativeKernel>();
  readonly #end: (reason: string) => void;
  #disposed = false;

  constructor(addon: Addon, options: DeviceOptions) {
    const { threads = 0, timing = false } = options;
    if (!(Number.isInteger(threads) && threads >= 0 && threads <= 1024)) {
      throw new DeviceError('launch', `threads must be a whole number from 1 to 1024, not ${threads}`);
    }
    this.#handle = translated(() => new addon.Device(threads, timing !== false));
    this.info = nativeInfo(addon, this.#handle.threads);
    this.#available = addon.kernels();
    const { promise, resolve } = Promise.withResolvers<string>();
    this.lost = promise;
    this.#end = resolve;
  }

  async kernel(name: string, constants: Readonly<Record<string, number>> = {}): Promise<Kernel> {
    this.#checkOpen();
    const key = `${name} ${JSON.stringify(Object.entries(constants).sort())}`;
    let kernel = this.#kernels.get(key);
    if (!kernel) {
      kernel = this.#make(name, constants);
      this.#kernels.set(key, kernel);
    }
    return kernel;
  }

  #make(name: string, constants: Readonly<Record<string, number>>): NativeKernel {
    const contract = loadContract(name);
    const number = this.#available.findIndex((kernel) => kernel.name === name);
    const native = this.#available[number];
    if (!native) {
      if (isOwnFile(name)) {
        throw new DeviceError(
          'contract',
          `${name} is WGSL, and the native engine runs what was compiled into it: open a device of WebGPU for it, or add a native twin (CONTRIBUTING.md, "Add a kernel")`,
        );
      }
      const known = this.#available.map((kernel) => kernel.name).join(', ');
      throw new DeviceError('contract', `the native engine has no kernel "${name}"; it has ${known}`);
    }
    checkContract(contract, native);
    for (const constant of Object.keys(constants)) {
      if (!(constant in contract.overrides)) {
        throw new DeviceError('contract', `kernel "${name}" has no override constant "${constant}"`);
      }
    }
    const used: Record<string, number> = {};
    for (const constant of native.constants) {
      const value = constants[constant] ?? contract.overrides[constant];
      if (value === undefined || !(Number.isInteger(value) && value >= 1 && value < 2 ** 32)) {
        const given = value === undefined ? 'none was given' : `it is ${value}`;
        throw new DeviceError(
          'contract',
          `kernel "${name}" needs a whole number from 1 on for override constant "${constant}"; ${given}`,
        );
      }
      used[constant] = value;
    }
    const constantValues = Object.values(used);
    return { name, contract, constants: used, number, constantValues, handle: this.#handle };
  }

  createBuffer(byteLength: number, label: string): DeviceBuffer {
    this.#checkOpen();
    if (!(Number.isInteger(byteLength) && byteLength >= 0)) {
      throw new DeviceError('launch', `buffer "${label}" can't have ${byteLength} bytes`);
    }
    const most = this.info.limits.maxBufferBytes;
    if (byteLength > most) {
      throw new DeviceError(
        'capacity',
        `buffer "${label}" needs ${byteLength} bytes; this machine has ${most}. Use fewer slots or smaller networks.`,
      );
    }
    const id = translated(() => this.#handle.createBuffer(byteLength));
    return new NativeBuffer(this.#handle, id, byteLength, label);
  }

  write(buffer: DeviceBuffer, byteOffset: number, data: ArrayBufferView): void {
    this.#checkOpen();
    checkRange('write', buffer, byteOffset, data.byteLength);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    translated(() => this.#handle.write(this.#own(buffer), byteOffset, unshared(bytes)));
  }

  run(launches: readonly Launch[]): void {
    this.#checkOpen();
    // All are checked before the first is queued, so that a list runs as a whole or not at all.
    const checked = launches.map((launch) => this.#check(launch));
    for (const [index, buffers] of checked.entries()) {
      const { kernel, params, workgroups } = launches[index] as Launch;
      const { number, constantValues } = kernel as NativeKernel;
      translated(() => this.#handle.launch(number, unshared(params), buffers, constantValues, workgroups));
    }
  }

  /** The ids of the buffers in the order of the kernel's bindings. */
  #check({ kernel, params, buffers, workgroups }: Launch): number[] {
    const { name, contract, handle } = kernel as Partial<NativeKernel> & Kernel;
    if (handle !== this.#handle)
      throw new DeviceError('launch', `kernel "${name}" belongs to another device`);
    const expected = contract.params?.byteLength ?? 0;
    if (params.byteLength !== expected) {
      throw new DeviceError(
        'contract',
        `kernel "${name}" takes ${expected} bytes of params, not ${params.byteLength}`,
      );
    }
    for (const given of Object.keys(buffers)) {
      if (!contract.buffers.some((binding) => binding.name === given)) {
        throw new DeviceError('contract', `kernel "${name}" has no binding "${given}"`);
      }
    }
    if (workgroups.length !== 3 || workgroups.some((n) => !(Number.isInteger(n) && n >= 0 && n < 2 ** 32))) {
      throw new DeviceError('launch', `kernel "${name}" can't be launched with workgroups ${workgroups}`);
    }
    const users = new Map<DeviceBuffer, { name: string; writes: boolean }>();
    return contract.buffers.map((binding) => {
      const buffer = buffers[binding.name];
      if (!buffer) {
        throw new DeviceError('contract', `launch of "${name}" lacks a buffer for binding "${binding.name}"`);
      }
      const writes = binding.access === 'read_write';
      const other = users.get(buffer);
      if (other && (writes || other.writes)) {
        throw new DeviceError(
          'launch',
          `launch of "${name}": buffer "${buffer.label}" is bound to "${other.name}" and to "${binding.name}", and one of them is written to`,
        );
      }
      users.set(buffer, { name: binding.name, writes });
      return this.#own(buffer);
    });
  }

  async read(
    buffer: DeviceBuffer,
    byteOffset = 0,
    byteLength = buffer.byteLength - byteOffset,
  ): Promise<ArrayBuffer> {
    this.#checkOpen();
    checkRange('read', buffer, byteOffset, byteLength);
    const bytes = await settled(() => this.#handle.read(this.#own(buffer), byteOffset, byteLength));
    return bytes.buffer;
  }

  async idle(): Promise<void> {
    this.#checkOpen();
    await settled(() => this.#handle.idle());
  }

  async timings(): Promise<readonly LaunchTiming[]> {
    this.#checkOpen();
    return settled(() => this.#handle.timings());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await settled(() => this.#handle.dispose());
    this.#end('the device is disposed');
  }

  #own(buffer: DeviceBuffer): number {
    if (!(buffer instanceof NativeBuffer) || buffer.handle !== this.#handle) {
      throw new DeviceError('launch', `buffer "${buffer.label}" belongs to another device`);
    }
    return buffer.id;
  }

  #checkOpen(): void {
    if (this.#disposed) throw new DeviceError('lost', 'this native device is disposed; open another');
  }
}

function checkRange(what: string, buffer: DeviceBuffer, byteOffset: number, byteLength: number): void {
  const whole = Number.isInteger(byteOffset) && Number.isInteger(byteLength);
  // Offsets in words, as WebGPU has it, so that a program that runs here runs there too.
  if (!whole || byteOffset < 0 || byteLength < 0 || byteOffset % 4 !== 0) {
    throw new DeviceError(
      'launch',
      `can't ${what} ${byteLength} bytes at ${byteOffset} of "${buffer.label}": offsets go in steps of 4`,
    );
  }
  if (byteOffset + byteLength > buffer.byteLength) {
    throw new DeviceError(
      'launch',
      `can't ${what} ${byteLength} bytes at ${byteOffset} of "${buffer.label}", which has ${buffer.byteLength}`,
    );
  }
}

/** The addon takes no shared memory: another thread might change it while it is copied. */
function unshared(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes);
}

const CODES: ReadonlySet<string> = new Set<DeviceErrorCode>(['contract', 'launch', 'capacity', 'lost']);

/** The addon's errors read `code: message`. */
function asDeviceError(cause: unknown): DeviceError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const [, code = '', message = text] = /^([a-z-]+): (.*)$/s.exec(text) ?? [];
  if (CODES.has(code)) return new DeviceError(code as DeviceErrorCode, message, { cause });
  return new DeviceError('launch', text, { cause });
}

function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw cause instanceof DeviceError ? cause : asDeviceError(cause);
  }
}

async function settled<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw cause instanceof DeviceError ? cause : asDeviceError(cause);
  }
}
