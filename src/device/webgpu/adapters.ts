/** Finding WebGPU adapters: what the machine has, and opening one by its name. */
import { create, globals } from 'webgpu';
import type { DeviceInfo, DeviceOptions } from '../device.ts';
import { DeviceError } from '../device.ts';
import { patiently } from './polling.ts';

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

/** The driver names of all adapters, in the driver's order; empty where there is no Vulkan, Metal or D3D12 driver. */
export async function adapterNames(): Promise<string[]> {
  const gpu = createGpu(NO_SUCH_ADAPTER, {});
  try {
    await patiently(gpu.requestAdapter());
    return [];
  } catch (refusal) {
    const text = refusal instanceof Error ? refusal.message : String(refusal);
    return [...text.matchAll(/name: '(.+)'$/gm)].map((match) => match[1] ?? '');
  }
}

/**
 * Opens the adapter whose name contains `name`, whatever the case; the first one when `name` is empty.
 *
 * @throws {DeviceError} `no-device` or `unknown-device`, listing what there is
 */
export async function openAdapter(name: string, options: DeviceOptions = {}): Promise<Adapter> {
  const names = await adapterNames();
  if (names.length === 0) {
    throw new DeviceError(
      'no-device',
      'no WebGPU adapter: install a graphics driver with Vulkan (or Mesa 25+ for llvmpipe), or use --device native',
    );
  }
  const chosen = names.find((candidate) => candidate.toLowerCase().includes(name.toLowerCase()));
  if (chosen === undefined) {
    throw new DeviceError(
      'unknown-device',
      `no adapter's name contains "${name}"; there is ${names.join(', ')}`,
    );
  }
  const gpu = createGpu(chosen, options);
  const gpuAdapter = await patiently(gpu.requestAdapter());
  if (!gpuAdapter) throw new DeviceError('no-device', `adapter "${chosen}" can't be opened`);
  return { name: chosen, gpu, gpuAdapter };
}

/** True for adapters that compute on the processor. */
export function isSoftware(name: string): boolean {
  return /llvmpipe|swiftshader|lavapipe|software|basic render/i.test(name);
}

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
    features: [...features].filter((feature) =>
      ['subgroups', 'shader-f16', 'timestamp-query', 'subgroup-size-control'].includes(feature),
    ),
  };
}
