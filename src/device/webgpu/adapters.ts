/** Finding WebGPU adapters: what the machine has, and opening one by its name. */
import { create, globals } from 'webgpu';
import { isSoftware, type PresentAdapter, rankAdapters } from '../choice.ts';
import type { DeviceInfo, DeviceOptions } from '../device.ts';
import { DeviceError } from '../device.ts';
import { lookAtOnly, type SeenAdapter, seenAdapters } from './layer.ts';
import { patiently } from './polling.ts';
import { hold } from './roots.ts';
import { prepareVulkan } from './vulkan.ts';

/** An adapter with the objects that must outlive every device made from it. */
export interface Adapter {
  /** The driver's own name: the only key by which Dawn itself selects. */
  readonly name: string;
  readonly gpu: GPU;
  readonly gpuAdapter: GPUAdapter;
  /** The proof of which card it is; undefined where only its name is known. */
  readonly card: SeenAdapter | undefined;
}

/** No adapter's name contains it, so Dawn's refusal lists them all. */
const NO_SUCH_ADAPTER = '\u0001';

/**
 * Toggles for speed: bounds checks cost up to 4 times on software adapters. Workgroup memory stays zeroed: that costs nothing
 * that can be measured, and what a kernel finds in it instead shows in one run of several.
 */
const FAST = 'disable_robustness';

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
 * All adapters, graphics cards first, SwiftShader last; empty where there is no Vulkan, Metal or D3D12 driver. With
 * their identities where Tacet's layer is in place; else identical cards have nothing but their one name.
 */
export async function findAdapters(): Promise<PresentAdapter[]> {
  // Without a loader Dawn would only complain on standard error.
  if (!prepareVulkan().usable) return [];
  const gpu = createGpu(NO_SUCH_ADAPTER, {});
  const release = hold(gpu);
  try {
    const refused = gpu.requestAdapter();
    // Before another enumeration of this thread.
    const seen = seenAdapters();
    const names = await patiently(refused).then(
      (): string[] => [],
      (refusal) => namesIn(refusal instanceof Error ? refusal.message : String(refusal)),
    );
    if (seen.length === 0) return rankAdapters(names.map((name) => ({ name })));
    // Not all that Vulkan has is good enough for Dawn.
    const usable = seen.filter(({ name }) => names.includes(name));
    return rankAdapters(usable.map(({ name, identity }) => ({ name, identity })));
  } finally {
    release();
  }
}

function namesIn(refusal: string): string[] {
  return [...refusal.matchAll(/name: '(.+)'$/gm)].map((match) => match[1] ?? '');
}

/**
 * Opens an adapter that {@link findAdapters} gave, in this thread or another one of the process.
 *
 * @throws {DeviceError} `no-device` when it is not there; `wrong-card` when another one would be opened, or nothing
 *   tells which one
 */
export async function openAdapter(adapter: PresentAdapter, options: DeviceOptions = {}): Promise<Adapter> {
  prepareVulkan();
  const { name, identity } = adapter;
  const gpu = createGpu(name, options);
  const release = hold(gpu);
  try {
    const request = (): Promise<GPUAdapter | null> => gpu.requestAdapter();
    const { result, card } = identity
      ? lookAtOnly({ name, identity }, request)
      : { result: request(), card: undefined };
    const gpuAdapter = await patiently(result).catch((cause: unknown) => {
      throw new DeviceError('no-device', `adapter "${name}" is not there any more`, { cause });
    });
    if (!gpuAdapter) throw new DeviceError('no-device', `adapter "${name}" can't be opened`);
    if (plain(gpuAdapter.info.device) !== plain(name)) {
      throw new DeviceError(
        'wrong-card',
        `asked for adapter "${name}", the driver lists "${gpuAdapter.info.device}" first and Dawn can't tell them apart: move it behind with VK_LOADER_DEVICE_SELECT or DRI_PRIME`,
      );
    }
    return { name, gpu, gpuAdapter, card };
  } finally {
    release();
  }
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
    ...(adapter.card ? { identity: adapter.card.identity, memoryBytes: adapter.card.memoryBytes } : {}),
  };
}
