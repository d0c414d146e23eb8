/**
 * The door of the device layer: what runs kernels on this machine, and opening one or several of them.
 *
 * @example
 * await using device = await openDevice('auto');
 * console.log(device.info.name);
 *
 * @example
 * // Several: the main thread finds and chooses, each worker thread opens its choice, all at once if they like.
 * const choices = expandDevices('all', await findDevices());
 * for (const choice of choices) new Worker(file, { workerData: choice }); // there: await openDevice(workerData)
 */
import { type Choice, chooseDevice, type Present, type PresentAdapter, specOf } from './choice.ts';
import { debugLevel, TalkingDevice } from './debug.ts';
import type { Device, DeviceInfo, DeviceOptions } from './device.ts';
import { DeviceError } from './device.ts';
import { describeNative, openNativeDevice } from './native/index.ts';
import { LAYER_NOT_LOADED } from './webgpu/layer.ts';
import { prepareVulkan } from './webgpu/vulkan.ts';

export {
  type Choice,
  chooseDevice,
  describeIdentity,
  expandDevices,
  isSameCard,
  type Present,
  type PresentAdapter,
} from './choice.ts';
export { decodeStruct, encodeStruct, type KernelInterface } from './contract.ts';
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
  /** By what an adapter is known when it is opened; undefined for the native engine, and when it is absent. */
  readonly openedBy: string | undefined;
  /** Why `auto` opens this one; undefined for all others. */
  readonly chosen: string | undefined;
}

/**
 * Opens a device, and proves that it is the card that was meant wherever cards have identities (Linux, with the
 * native engine installed); `info.identity` tells.
 *
 * In a worker thread give it the {@link Choice} that the main thread made: nothing has to be looked for again, and
 * {@link findDevices} has prepared the environment, which belongs to the main thread. Workers may open their devices
 * at the same time.
 *
 * @param wanted a choice, or a specification as `chooseDevice` takes it: `webgpu:<part of an adapter's name>` (any case),
 *   `webgpu` (hardware first), `native`, or `auto`: a hardware adapter, else the native engine, else a software adapter
 * @throws {DeviceError} `unknown-device`, `no-device` or `native-missing`, saying what there is; `wrong-card` when
 *   another card than the one chosen would be opened
 */
export async function openDevice(wanted: string | Choice, options: DeviceOptions = {}): Promise<Device> {
  const choice = typeof wanted === 'string' ? await findDevice(wanted) : wanted;
  // Whoever asks for times takes them from the device: two can't.
  if (debugLevel() < 2 || options.timing) return await openChoice(choice, options);
  return new TalkingDevice(await openChoice(choice, { ...options, timing: true }));
}

async function openChoice(choice: Choice, options: DeviceOptions): Promise<Device> {
  if (choice.kind === 'native') return await openNativeDevice(options);
  const { openWebGpuDevice } = await import('./webgpu/device.ts');
  return await openWebGpuDevice(choice, options);
}

/**
 * What this machine has, for `chooseDevice` and `expandDevices`. To be called in the main thread before worker
 * threads that open devices are started.
 *
 * @throws {DeviceError} `no-device` where WebGPU's binding can't be loaded and there is no native engine either
 */
export async function findDevices(): Promise<Present> {
  const native = !('absent' in describeNative());
  let adapters: PresentAdapter[] = [];
  try {
    const { findAdapters } = await loadAdapters();
    adapters = await findAdapters();
  } catch (failure) {
    if (!native) throw failure;
  }
  const { withoutSwiftShader, withoutIdentity } = prepareVulkan();
  const nameless = adapters.some(({ identity }) => identity === undefined);
  return {
    adapters,
    native,
    withoutSoftware: withoutSwiftShader,
    withoutIdentity: withoutIdentity ?? (nameless ? LAYER_NOT_LOADED : undefined),
  };
}

async function findDevice(spec: string): Promise<Choice> {
  // Needs no search for adapters.
  if (spec === 'native') return chooseDevice(spec, { adapters: [], native: true });
  // Without the binding only a choice of the native engine can do.
  if (spec !== 'auto') await loadAdapters();
  return chooseDevice(spec, await findDevices());
}

/** Everything that could run kernels here, hardware adapters first, and which one `auto` opens. */
export async function listDevices(): Promise<DeviceListing[]> {
  const native = describeNative();
  const absent = 'absent' in native ? native.absent : undefined;
  const listings: Omit<DeviceListing, 'chosen' | 'openedBy'>[] = [];
  let present: Present = { adapters: [], native: absent === undefined };
  try {
    const { describeAdapter, openAdapter } = await loadAdapters();
    present = await findDevices();
    for (const adapter of present.adapters) {
      const spec = specOf(adapter, present.adapters);
      const before = listings.filter((listing) => listing.spec.startsWith(spec)).length;
      if (before > 0 && !adapter.identity) {
        const absent = `it can't be told from "${spec}": ${present.withoutIdentity}`;
        listings.push({ spec: `${spec}#${before + 1}`, info: undefined, absent });
        continue;
      }
      try {
        const info = describeAdapter(await openAdapter(adapter));
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
  listings.push({ spec: 'native', info: 'absent' in native ? undefined : native, absent });

  const chosen = defaultChoice(present);
  return listings.map((listing) => ({
    ...listing,
    openedBy: listing.info && openedBy(listing.info, present),
    chosen: listing.spec === chosen?.spec ? chosen.why : undefined,
  }));
}

function openedBy({ kind, identity }: DeviceInfo, { withoutIdentity }: Present): string | undefined {
  if (kind === 'native') return undefined;
  if (identity) return "its identity, through Tacet's Vulkan layer";
  return `its name (${withoutIdentity ?? 'nothing else is known of it'})`;
}

function defaultChoice(present: Present): Choice | undefined {
  try {
    return chooseDevice('auto', present);
  } catch {
    return undefined;
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
