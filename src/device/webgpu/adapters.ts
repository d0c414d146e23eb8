/** Finding WebGPU adapters: what the machine has, and opening one by its name. */
import { create, globals } from 'webgpu';
import { isSoftware, rankAdapters } from '../choice.ts';
import type { DeviceInfo, DeviceOptions } from '../device.ts';
import { DeviceError } from '../device.ts';
import { patiently } from './polling.ts';
import { hold } from './roots.ts';
import { prepareVulkan } from './vulkan.ts';

/** An adapter with the objects that must outlive every device made from it. */
export interface Adapter {
  /** The driver's own name: the only key by which Dawn selects. */
  readonly name: string;
  readonly gpu: GPU;
  readonly gpuAdapter: GPUAdapter;
}

/** No adapter's name contains it, so Dawn's refusal lists them all. */
const NO_SUCH_ADAPTER = '\u0001';

/** Toggles for speed: bounds checks and zeroing of workgroup memory cost up to 4 times on software adapters. */
const FAST = 'disable_robustness,disable_workgroup_init';

function createGpu(adapterName: string, options: DeviceOptions): GPU {
  Object.assign(globalThis, globals);
  const enabled = ['vulkan_enable_f16_on_nvidia'];
  if (!options.checked) enabled.push(FAST);
  return create([
    `adapter=${adapterName}`,
    `enable-dawn-features=${enabled.join(',')}`,
    // Timestamps in steps of 65 us hide short kernels.
    'disable-dawn-features=timestamp_quantization',
  ]);
}

/**
 * The names of all adapters as their drivers give them, hardware first, SwiftShader last; empty where there is no
 * Vulkan, Metal or D3D12 driver. Identical cards have identical names.
 */
export async function adapterNames(): Promise<string[]> {
  // Without a loader Dawn would only complain on standard error.
  if (!prepareVulkan().usable) return [];
  const gpu = createGpu(NO_SUCH_ADAPTER, {});
  const release = hold(gpu);
  try {
    await patiently(gpu.requestAdapter());
    return [];
  } catch (refusal) {
    const text = refusal instanceof Error ? refusal.message : String(refusal);
    return rankAdapters([...text.matchAll(/name: '(.+)'$/gm)].map((match) => match[1] ?? ''));
  } finally {
    release();
  }
}

/**
 * Opens the first adapter, in the driver's order, whose name contains `name` exactly as {@link adapterNames} gave it.
 *
 * @throws {DeviceError} `no-device` when it is not there, or when another adapter's name contains this one's: Dawn can't
 *   tell them apart
 */
export async function openAdapter(name: string, options: DeviceOptions = {}): Promise<Adapter> {
  prepareVulkan();
  const gpu = createGpu(name, options);
  const release = hold(gpu);
  let gpuAdapter: GPUAdapter | null;
  try {
    gpuAdapter = await patiently(gpu.requestAdapter());
  } catch (cause) {
    throw new DeviceError('no-device', `adapter "${name}" is not there any more`, { cause });
  } finally {
    release();
  }
  if (!gpuAdapter) throw new DeviceError('no-device', `adapter "${name}" can't be opened`);
  if (plain(gpuAdapter.info.device) !== plain(name)) {
    const other = gpuAdapter.info.device;
    throw new DeviceError(
      'no-device',
      `asked for adapter "${name}", the driver lists "${other}" first and Dawn can't tell them apart: move it behind with VK_LOADER_DEVICE_SELECT or DRI_PRIME`,
    );
  }
  return { name, gpu, gpuAdapter };
}

/** WebGPU gives names in lower case with dashes; this makes both forms comparable. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

const TOLD_FEATURES = ['subgroups', 'shader-f16', 'timestamp-query', 'subgroup-size-control'];

/** What an adapter says of itself, in Tacet's terms. */
export function describeAdapter(adapter: Adapter): DeviceInfo {
  const { info, limits, features } = adapter.gpuAdapter;
  return {
    kind: 'webgpu',
    name: adapter.name,
    vendor: info.vendor,
    driver: info.description,
    backend: process.platform === 'darwin' ? 'metal' : process.platform === 'win32' ? 'd3d12' : 'vulkan',
    software: isSoftware(adapter.name),
    limits: {
      maxBufferBytes: limits.maxBufferSize,
      maxBindingBytes: limits.maxStorageBufferBindingSize,
      maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
      maxWorkgroupSize: limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    },
    features: [...features].filter((feature) => TOLD_FEATURES.includes(feature)),
  };
}
