/** The WebGPU device: one adapter through Dawn's Node binding, behind the seam of `device.ts`. */
import { loadContract } from '../contract.ts';
import type {
  Device,
  DeviceBuffer,
  DeviceInfo,
  DeviceOptions,
  Kernel,
  Launch,
  LaunchTiming,
} from '../device.ts';
import { DeviceError } from '../device.ts';
import { type Adapter, describeAdapter, openAdapter } from './adapters.ts';
import { patiently } from './polling.ts';
import { hold } from './roots.ts';
import { LaunchTimer } from './timing.ts';

/** Uniform offsets must be multiples of this on every adapter. */
const PARAMS_ALIGNMENT = 256;

class WebGpuBuffer implements DeviceBuffer {
  readonly byteLength: number;
  readonly label: string;
  readonly gpu: GPUBuffer;

  constructor(gpu: GPUBuffer, byteLength: number, label: string) {
    this.gpu = gpu;
    this.byteLength = byteLength;
    this.label = label;
  }

  [Symbol.dispose](): void {
    this.gpu.destroy();
  }
}

interface WebGpuKernel extends Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * Opens the adapter of that name, as `adapterNames` gives it.
 *
 * @throws {DeviceError} `no-device` when it can't be opened
 */
export async function openWebGpuDevice(name: string, options: DeviceOptions = {}): Promise<Device> {
  const adapter = await openAdapter(name, options);
  const gpu = await requestDevice(adapter, options);
  return new WebGpuDevice(adapter, gpu, options);
}

async function requestDevice(adapter: Adapter, options: DeviceOptions): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  const limits = adapter.gpuAdapter.limits;
  // A device gets the default limits, a fraction of what the adapter can do, unless they are asked for.
  for (const limit of REQUESTED_LIMITS) requiredLimits[limit] = limits[limit];
  const features: GPUFeatureName[] = [];
  for (const feature of ['subgroups', 'shader-f16'] as const) {
    if (adapter.gpuAdapter.features.has(feature)) features.push(feature);
  }
  if (options.timing) {
    if (!adapter.gpuAdapter.features.has('timestamp-query')) {
      throw new DeviceError('launch', `${adapter.name} has no timestamp queries; run without timing`);
    }
    features.push('timestamp-query');
  }
  return patiently(adapter.gpuAdapter.requestDevice({ requiredLimits, requiredFeatures: features }));
}

const REQUESTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

class WebGpuDevice implements Device {
  readonly info: DeviceInfo;
  readonly lost: Promise<string>;
  readonly #gpu: GPUDevice;
  readonly #release: () => void;
  readonly #kernels = new Map<string, Promise<WebGpuKernel>>();
  readonly #timer: LaunchTimer | undefined;
  /** Error scopes of launches whose outcome is not known yet. */
  #pending: Promise<void>[] = [];
  #failure: DeviceError | undefined;
  #params: GPUBuffer | undefined;
  #disposed = false;

  constructor(adapter: Adapter, gpu: GPUDevice, options: DeviceOptions) {
    this.info = describeAdapter(adapter);
    this.#gpu = gpu;
    this.#release = hold(adapter.gpu, adapter.gpuAdapter, gpu);
    this.#timer = options.timing ? new LaunchTimer(gpu) : undefined;
    this.lost = gpu.lost.then((lost) => {
      const reason = lost.message || lost.reason;
      if (!this.#disposed) {
        this.#failure ??= new DeviceError('lost', `${this.info.name} is lost: ${reason}`);
      }
      return reason;
    });
    // Dawn prints uncaptured errors to standard output, which belongs to results.
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#failure ??= new DeviceError('launch', event.error.message);
    });
  }

  kernel(name: string, constants: Readonly<Record<string, number>> = {}): Promise<WebGpuKernel> {
    const key = `${name} ${JSON.stringify(Object.entries(constants).sort())}`;
    let kernel = this.#kernels.get(key);
    if (!kernel) {
      kernel = this.#compile(name, constants);
      this.#kernels.set(key, kernel);
    }
    return kernel;
  }

  async #compile(name: string, constants: Readonly<Record<string, number>>): Promise<WebGpuKernel> {
    const contract = loadContract(name);
    for (const constant of Object.keys(constants)) {
      if (!(constant in contract.overrides)) {
        throw new DeviceError('contract', `kernel "${name}" has no override constant "${constant}"`);
      }
    }
    const used: Record<string, number> = {};
    for (const [constant, initial] of Object.entries(contract.overrides)) {
      const value = constants[constant] ?? initial;
      if (value === undefined) {
        throw new DeviceError(
          'contract',
          `kernel "${name}" needs a value for override constant "${constant}"`,
        );
      }
      used[constant] = value;
    }
    const module = this.#gpu.createShaderModule({ code: contract.source, label: name });
    const info = await patiently(module.getCompilationInfo());
    const errors = info.messages.filter((message) => message.type === 'error');
    if (errors.length > 0) {
      const lines = contract.source.split('\n');
      const shown = errors.map((e) => `  line ${e.lineNum}: ${e.message}\n    ${lines[e.lineNum - 1] ?? ''}`);
      throw new DeviceError('compile', `kernel "${name}" does not compile:\n${shown.join('\n')}`);
    }
    const entries: GPUBindGroupLayoutEntry[] = contract.buffers.map((binding) => ({
      binding: binding.binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: binding.access === 'read' ? 'read-only-storage' : 'storage' },
    }));
    if (contract.params) {
      entries.push({ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } });
    }
    const layout = this.#gpu.createBindGroupLayout({ entries, label: name });
    try {
      const pipeline = await patiently(
        this.#gpu.createComputePipelineAsync({
          label: name,
          layout: this.#gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
          compute: { module, constants: used },
        }),
      );
      return { name, contract, constants: used, pipeline, layout };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DeviceError('compile', `kernel "${name}" can't run on ${this.info.name}: ${why}`, { cause });
    }
  }

  createBuffer(byteLength: number, label: string): DeviceBuffer {
    const { maxBufferBytes, maxBindingBytes } = this.info.limits;
    const most = Math.min(maxBufferBytes, maxBindingBytes);
    if (byteLength > most) {
      throw new DeviceError(
        'capacity',
        `buffer "${label}" needs ${byteLength} bytes; ${this.info.name} allows ${most}. Use fewer slots or smaller networks.`,
      );
    }
    const size = Math.max(4, Math.ceil(byteLength / 4) * 4);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return new WebGpuBuffer(this.#gpu.createBuffer({ size, usage, label }), byteLength, label);
  }

  write(buffer: DeviceBuffer, byteOffset: number, data: ArrayBufferView): void {
    if (byteOffset % 4 !== 0 || byteOffset + data.byteLength > buffer.byteLength) {
      throw new DeviceError(
        'launch',
        `can't write ${data.byteLength} bytes at ${byteOffset} of "${buffer.label}" (${buffer.byteLength} bytes, offsets in steps of 4)`,
      );
    }
    const padded = Math.ceil(data.byteLength / 4) * 4;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    let plain = bytes as Uint8Array<ArrayBuffer>;
    // Dawn crashes on shared memory, and takes whole words only: both go through a copy.
    if (padded !== data.byteLength || !(data.buffer instanceof ArrayBuffer)) {
      plain = new Uint8Array(padded);
      plain.set(bytes);
    }
    this.#gpu.queue.writeBuffer(own(buffer).gpu, byteOffset, plain);
  }

  run(launches: readonly Launch[]): void {
    if (this.#failure) throw this.#failure;
    if (launches.length === 0) return;
    this.#gpu.pushErrorScope('validation');
    this.#gpu.pushErrorScope('out-of-memory');
    const paramsBuffer = this.#writeParams(launches);
    const encoder = this.#gpu.createCommandEncoder();
    let pass = this.#timer ? undefined : encoder.beginComputePass();
    launches.forEach((launch, index) => {
      const timestamps = this.#timer?.begin(launch.kernel.name);
      const current = pass ?? encoder.beginComputePass(timestamps ? { timestampWrites: timestamps } : {});
      const kernel = launch.kernel as WebGpuKernel;
      current.setPipeline(kernel.pipeline);
      current.setBindGroup(0, this.#bind(launch, kernel, paramsBuffer, index));
      current.dispatchWorkgroups(...launch.workgroups);
      if (!pass) current.end();
    });
    pass?.end();
    pass = undefined;
    this.#timer?.resolve(encoder);
    this.#gpu.queue.submit([encoder.finish()]);
    const names = [...new Set(launches.map((launch) => launch.kernel.name))].join(', ');
    for (let scope = 0; scope < 2; scope++) this.#watch(this.#gpu.popErrorScope(), names);
  }

  #watch(scope: Promise<GPUError | null>, names: string): void {
    this.#pending.push(
      scope.then((error) => {
        if (error) this.#failure ??= new DeviceError('launch', `launch of ${names}: ${error.message}`);
      }),
    );
  }

  #writeParams(launches: readonly Launch[]): GPUBuffer {
    const size = launches.length * PARAMS_ALIGNMENT;
    if (!this.#params || this.#params.size < size) {
      this.#params = this.#gpu.createBuffer({
        size,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        label: 'params',
      });
    }
    const bytes = new Uint8Array(size);
    launches.forEach((launch, index) => {
      const expected = launch.kernel.contract.params?.byteLength ?? 0;
      if (launch.params.byteLength !== expected || expected > PARAMS_ALIGNMENT) {
        const given = launch.params.byteLength;
        throw new DeviceError(
          'contract',
          `kernel "${launch.kernel.name}" takes ${expected} bytes of params, not ${given}`,
        );
      }
      bytes.set(launch.params, index * PARAMS_ALIGNMENT);
    });
    this.#gpu.queue.writeBuffer(this.#params, 0, bytes);
    return this.#params;
  }

  #bind(launch: Launch, kernel: WebGpuKernel, params: GPUBuffer, index: number): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = kernel.contract.buffers.map((binding) => {
      const buffer = launch.buffers[binding.name];
      if (!buffer) {
        throw new DeviceError(
          'contract',
          `launch of "${kernel.name}" lacks a buffer for binding "${binding.name}"`,
        );
      }
      return { binding: binding.binding, resource: { buffer: own(buffer).gpu } };
    });
    for (const given of Object.keys(launch.buffers)) {
      if (!kernel.contract.buffers.some((binding) => binding.name === given)) {
        throw new DeviceError('contract', `kernel "${kernel.name}" has no binding "${given}"`);
      }
    }
    if (kernel.contract.params) {
      const size = Math.ceil(kernel.contract.params.byteLength / 16) * 16;
      entries.push({ binding: 0, resource: { buffer: params, offset: index * PARAMS_ALIGNMENT, size } });
    }
    return this.#gpu.createBindGroup({ layout: kernel.layout, entries, label: kernel.name });
  }

  async read(
    buffer: DeviceBuffer,
    byteOffset = 0,
    byteLength = buffer.byteLength - byteOffset,
  ): Promise<ArrayBuffer> {
    if (byteOffset % 4 !== 0 || byteOffset + byteLength > buffer.byteLength) {
      throw new DeviceError(
        'launch',
        `can't read ${byteLength} bytes at ${byteOffset} of "${buffer.label}" (${buffer.byteLength} bytes, offsets in steps of 4)`,
      );
    }
    if (byteLength === 0) {
      await this.idle();
      return new ArrayBuffer(0);
    }
    const size = Math.ceil(byteLength / 4) * 4;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#gpu.createBuffer({ size, usage, label: `${buffer.label} (read)` });
    try {
      const encoder = this.#gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(own(buffer).gpu, byteOffset, staging, 0, size);
      this.#gpu.queue.submit([encoder.finish()]);
      await this.#settled(staging.mapAsync(GPUMapMode.READ));
      return staging.getMappedRange().slice(0, byteLength);
    } finally {
      staging.destroy();
    }
  }

  async idle(): Promise<void> {
    await this.#settled(this.#gpu.queue.onSubmittedWorkDone());
  }

  /** Waits for `work` and for the verdict on every launch so far; throws the first failure. */
  async #settled(work: Promise<unknown>): Promise<void> {
    const verdicts = this.#pending;
    this.#pending = [];
    const [outcome] = await patiently(Promise.allSettled([work, ...verdicts]));
    if (this.#failure) throw this.#failure;
    if (outcome?.status === 'rejected') {
      throw new DeviceError('launch', `${this.info.name}: ${String(outcome.reason)}`, {
        cause: outcome.reason,
      });
    }
  }

  async timings(): Promise<readonly LaunchTiming[]> {
    return this.#timer ? patiently(this.#timer.take()) : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    // Destroying a device with work in flight blocks this thread; ending a thread with a pending promise aborts the
    // process. So first let everything finish.
    await patiently(Promise.allSettled([this.#gpu.queue.onSubmittedWorkDone(), ...this.#pending]));
    this.#gpu.destroy();
    await patiently(this.lost);
    this.#release();
  }
}

function own(buffer: DeviceBuffer): WebGpuBuffer {
  if (!(buffer instanceof WebGpuBuffer)) {
    throw new DeviceError('launch', `buffer "${buffer.label}" belongs to another device`);
  }
  return buffer;
}
