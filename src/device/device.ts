/**
 * The seam between Tacet and whatever runs its kernels: one WebGPU adapter, or the native engine.
 *
 * A program is a list of {@link Launch}es of kernels known by name. The interface of a kernel (its bindings,
 * its `Params`, its override constants) is what `shaders/<name>.wgsl` says; see `contract.ts`.
 */
import type { KernelInterface } from './contract.ts';

export type DeviceKind = 'webgpu' | 'native';

/** What a device says of itself; stored with every study and printed by `tacet devices`. */
export interface DeviceInfo {
  readonly kind: DeviceKind;
  /** The driver's own name of the adapter, or of the processor. */
  readonly name: string;
  readonly vendor: string;
  readonly driver: string;
  readonly backend: string;
  /** True when a processor does the work of a graphics card (llvmpipe, SwiftShader). */
  readonly software: boolean;
  readonly limits: DeviceLimits;
  readonly features: readonly string[];
  /** Which one of the machine's adapters it is, proven when it was opened; absent where only the name is known. */
  readonly identity?: AdapterIdentity;
  /** The memory of the card itself, or of the machine for what runs on its processor, bytes; absent where not known. */
  readonly memoryBytes?: number;
  /** Threads that share the work, of the native engine. */
  readonly threads?: number;
}

/** What tells an adapter from all others of a machine, whatever their names. */
export interface AdapterIdentity {
  /** Vulkan's `deviceUUID`; of a card one of its own, of software drivers the same for every device. */
  readonly uuid: string;
  /** From 1: its place among the adapters with this UUID, in the driver's order. */
  readonly copy: number;
  /** As Linux writes it (`0000:65:00.0`); absent for software, and where the driver does not tell. */
  readonly pciAddress?: string;
  readonly type: 'discrete' | 'integrated' | 'virtual' | 'software' | 'other';
}

export interface DeviceLimits {
  /** The largest buffer, bytes. */
  readonly maxBufferBytes: number;
  /** The largest part of a buffer that one binding may show to a kernel, bytes. */
  readonly maxBindingBytes: number;
  /** Memory shared by a workgroup, bytes. */
  readonly maxWorkgroupBytes: number;
  readonly maxWorkgroupSize: number;
  readonly maxWorkgroupsPerDimension: number;
}

/** Memory on a device. Its content is zero at first. Disposed by whoever created it. */
export interface DeviceBuffer extends Disposable {
  readonly byteLength: number;
  readonly label: string;
}

/** A kernel ready to be launched on the device that made it. */
export interface Kernel {
  readonly name: string;
  readonly contract: KernelInterface;
  /** The override constants it was made with, defaults included. */
  readonly constants: Readonly<Record<string, number>>;
}

/** One launch of a kernel. */
export interface Launch {
  readonly kernel: Kernel;
  /** The bytes of the kernel's `Params`, from `encodeStruct`. */
  readonly params: Uint8Array<ArrayBuffer>;
  /** A buffer for each storage binding, by the binding's name. */
  readonly buffers: Readonly<Record<string, DeviceBuffer>>;
  /** How many workgroups, in x, y, z. */
  readonly workgroups: readonly [number, number, number];
}

/** Time spent by one launch on the device, where the device can tell. */
export interface LaunchTiming {
  readonly kernel: string;
  /** When it began, ms on a clock of the device that starts anywhere. */
  readonly started: number;
  readonly milliseconds: number;
  /** As many launches were timed together, and the time divided among them; absent for one that was timed alone. */
  readonly sharedBy?: number;
}

/**
 * Runs kernels. Launches run in the order in which they were given; what one writes, the next one reads.
 * All failures are thrown or rejected as {@link DeviceError}s.
 */
export interface Device extends AsyncDisposable {
  readonly info: DeviceInfo;
  /** Resolves with the reason when the device is lost and can run nothing any more. Never rejects. */
  readonly lost: Promise<string>;
  /**
   * Makes a kernel ready, compiled once for each set of constants.
   *
   * @param name of a file of `shaders/`, or the path of a WGSL file of one's own, which WebGPU alone can run
   */
  kernel(name: string, constants?: Readonly<Record<string, number>>): Promise<Kernel>;
  createBuffer(byteLength: number, label: string): DeviceBuffer;
  /** Copies `data` into the buffer before any launch given later. */
  write(buffer: DeviceBuffer, byteOffset: number, data: ArrayBufferView): void;
  /** Queues launches; returns at once. Errors reach the next `read` or `idle`. */
  run(launches: readonly Launch[]): void;
  /** Waits for everything queued and copies bytes out. */
  read(buffer: DeviceBuffer, byteOffset?: number, byteLength?: number): Promise<ArrayBuffer>;
  /** Waits until all that was queued is done. */
  idle(): Promise<void>;
  /** The times of the launches since the last call; empty where timing is off or not to be had. */
  timings(): Promise<readonly LaunchTiming[]>;
}

/** How a device is made. */
export interface DeviceOptions {
  /** Keep every bounds check of the WebGPU implementation (tests do; production does not). */
  readonly checked?: boolean;
  /**
   * Record the time of each launch; see {@link Device.timings}. `sparing` times short launches together where timing each
   * would slow them down.
   */
  readonly timing?: boolean | 'sparing';
  /** Threads of the native engine that share the work; one for each processor when absent. */
  readonly threads?: number;
}

/** Why a device refused or failed. */
export type DeviceErrorCode =
  | 'no-device'
  | 'unknown-device'
  | 'native-missing'
  /** Two devices that should be two cards are one. */
  | 'same-card'
  /** Another card was opened than the one meant. */
  | 'wrong-card'
  | 'contract'
  | 'compile'
  | 'launch'
  | 'capacity'
  | 'lost';

/** Any failure of a device: what was wrong, where, and what to do. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly code: DeviceErrorCode;

  constructor(code: DeviceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
