/**
 * The door of the device layer: what runs kernels on this machine, and opening one of them.
 *
 * @example
 * await using device = await openDevice('auto');
 * console.log(device.info.name);
 */
import { chooseDevice } from './choice.ts';
import type { Device, DeviceInfo, DeviceOptions } from './device.ts';
import { DeviceError } from './device.ts';
import { describeNative, openNativeDevice } from './native/index.ts';
import { prepareVulkan } from './webgpu/vulkan.ts';

export * from './device.ts';
export { prepareVulkan } from './webgpu/vulkan.ts';

/** One line of `tacet devices`: a device, or the reason why it can't be used here. */
export interface DeviceListing {
  /** What to give to {@link openDevice} to get it. */
  readonly spec: string;
  /** Undefined when it is absent. */
  readonly info: DeviceInfo | undefined;
  /** Why it is absent. */
  readonly absent: string | undefined;
  /** Why `auto` opens this one; undefined for all others. */
  readonly chosen: string | undefined;
}

/**
 * Opens a device.
 *
 * @param spec `webgpu:<part of an adapter's name>` (any case), `webgpu` (hardware first), `native`, or `auto`: a hardware
 *   adapter, else the native engine, else a software adapter
 * @throws {DeviceError} `unknown-device`, `no-device` or `native-missing`, saying what there is
 */
export async function openDevice(spec: string, options: DeviceOptions = {}): Promise<Device> {
  const native = nativePresent();
  const adapters = spec === 'native' ? [] : await adaptersFor(spec, native);
  const withoutSoftware = prepareVulkan().withoutSwiftShader;
  const choice = chooseDevice(spec, { adapters, native, withoutSoftware });
  if (choice.kind === 'native') return openNativeDevice(options);
  const { openWebGpuDevice } = await import('./webgpu/device.ts');
  return openWebGpuDevice(choice.adapter, options);
}

/** Everything that could run kernels here, hardware adapters first, and which one `auto` opens. */
export async function listDevices(): Promise<DeviceListing[]> {
  const native = describeNative();
  const listings: Omit<DeviceListing, 'chosen'>[] = [];
  let names: string[] = [];
  try {
    const { adapterNames, describeAdapter, openAdapter } = await loadAdapters();
    names = await adapterNames();
    for (const name of new Set(names)) {
      const spec = `webgpu:${name}`;
      try {
        const info = describeAdapter(await openAdapter(name));
        listings.push({ spec, info, absent: undefined });
      } catch (failure) {
        listings.push({ spec, info: undefined, absent: reason(failure) });
      }
    }
  } catch (failure) {
    listings.push({ spec: 'webgpu', info: undefined, absent: reason(failure) });
  }
  const { withoutSwiftShader } = prepareVulkan();
  if (withoutSwiftShader !== undefined && process.platform === 'linux') {
    listings.push({ spec: 'webgpu:swiftshader', info: undefined, absent: withoutSwiftShader });
  }
  const absent = 'absent' in native ? native.absent : undefined;
  listings.push({ spec: 'native', info: 'absent' in native ? undefined : native, absent });

  const chosen = choiceOf(names, absent === undefined);
  return listings.map((listing) => ({
    ...listing,
    chosen: listing.spec === chosen?.spec ? chosen.why : undefined,
  }));
}

function choiceOf(adapters: readonly string[], native: boolean): { spec: string; why: string } | undefined {
  try {
    const { kind, adapter, why } = chooseDevice('auto', { adapters, native });
    return { spec: kind === 'native' ? 'native' : `webgpu:${adapter}`, why };
  } catch {
    return undefined;
  }
}

function nativePresent(): boolean {
  return !('absent' in describeNative());
}

/** The names of the adapters; where the binding itself can't be loaded, `auto` falls back on the native engine. */
async function adaptersFor(spec: string, native: boolean): Promise<string[]> {
  try {
    const { adapterNames } = await loadAdapters();
    return await adapterNames();
  } catch (failure) {
    if (spec === 'auto' && native) return [];
    throw failure;
  }
}

/** Dawn's binding has binaries for common platforms only, so it is loaded when it is needed. */
async function loadAdapters(): Promise<typeof import('./webgpu/adapters.ts')> {
  try {
    return await import('./webgpu/adapters.ts');
  } catch (cause) {
    const message = `WebGPU can't be loaded on ${process.platform}-${process.arch}: ${reason(cause)}`;
    throw new DeviceError('no-device', message, { cause });
  }
}

function reason(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
