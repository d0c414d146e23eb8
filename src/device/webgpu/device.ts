/** The WebGPU device: one adapter through Dawn's Node binding, behind the seam of `device.ts`. */
import type { PresentAdapter } from '../choice.ts';
import { loadContract } from '../contract.ts';
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
import { type Adapter, describeAdapter, openAdapter } from './adapters.ts';
import { checkRange, transferable, WebGpuBuffer, wholeWords } from './buffer.ts';
import { compileKernel, type WebGpuKernel } from './kernel.ts';
import { patiently } from './polling.ts';
import { hold } from './roots.ts';
import { type LaunchPass, LaunchTimer } from './timing.ts';

/** Uniform offsets must be multiples of this on every adapter. */
const PARAMS_ALIGNMENT = 256;

/** A device gets the default limits, a fraction of what its adapter can do, unless they are asked for. */
const REQUESTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/**
 * Opens an adapter as `findAdapters` gives it.
 *
 * @throws {DeviceError} `no-device` when it can't be opened; `wrong-card` when that would be another one
 */
export async function openWebGpuDevice(wanted: PresentAdapter, options: DeviceOptions = {}): Promise<Device> {
  const adapter = await openAdapter(wanted, options);
  const release = hold(adapter.gpu, adapter.gpuAdapter);
  try {
    return new WebGpuDevice(adapter, await requestDevice(adapter, options), options);
  } finally {
    release();
  }
}

async function requestDevice(adapter: Adapter, options: DeviceOptions): Promise<GPUDevice> {
  const { limits, features } = adapter.gpuAdapter;
  const requiredLimits: Record<string, number> = {};
  for (const limit of REQUESTED_LIMITS) requiredLimits[limit] = limits[limit];
  const requiredFeatures: GPUFeatureName[] = [];
  for (const feature of ['subgroups', 'shader-f16'] as const) {
    if (features.has(feature)) requiredFeatures.push(feature);
  }
  if (options.timing) {
    if (!features.has('timestamp-query')) {
      throw new DeviceError('launch', `${adapter.name} has no timestamp queries; run without timing`);
    }
    requiredFeatures.push('timestamp-query');
  }
  try {
    return await patiently(adapter.gpuAdapter.requestDevice({ requiredLimits, requiredFeatures }));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DeviceError('no-device', `${adapter.name} can't be opened: ${why}`, { cause });
  }
}

class WebGpuDevice implements Device {
  readonly info: DeviceInfo;
  readonly lost: Promise<string>;
  readonly #gpu: GPUDevice;
  readonly #release: () => void;
  readonly #kernels = new Map<string, Promise<WebGpuKernel>>();
  readonly #compiled = new WeakSet<Kernel>();
  readonly #timer: LaunchTimer | undefined;
  /** Promises of Dawn's that nobody may leave behind: a thread that ends with one aborts the process. */
  readonly #outstanding = new Set<Promise<unknown>>();
  /** Verdicts on launches and buffers that are not known yet. */
  #verdicts: Promise<void>[] = [];
  /** The first failure. It stays: what was computed after it can't be trusted. */
  #failure: DeviceError | undefined;
  #params: GPUBuffer | undefined;
  #closing: Promise<void> | undefined;

  constructor(adapter: Adapter, gpu: GPUDevice, options: DeviceOptions) {
    this.info = describeAdapter(adapter);
    this.#gpu = gpu;
    this.#release = hold(adapter.gpu, adapter.gpuAdapter, gpu);
    this.#timer = options.timing ? new LaunchTimer(gpu, options.timing === 'sparing') : undefined;
    this.lost = gpu.lost.then((lost) => {
      const reason = lost.message || lost.reason;
      // Losing the device explains every other failure of the same moment.
      if (!this.#closing) this.#failure = new DeviceError('lost', `${this.info.name} is lost: ${reason}`);
      return reason;
    });
    // Dawn prints uncaptured errors to standard output, which belongs to results.
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#failure ??= new DeviceError('launch', event.error.message);
    });
  }

  async kernel(name: string, constants: Readonly<Record<string, number>> = {}): Promise<WebGpuKernel> {
    this.#checkUsable();
    const key = `${name} ${JSON.stringify(Object.entries(constants).sort())}`;
    let compiling = this.#kernels.get(key);
    if (!compiling) {
      compiling = compileKernel(this.#gpu, this.info.name, loadContract(name), constants);
      this.#kernels.set(key, compiling);
    }
    const kernel = await this.#track(compiling);
    this.#compiled.add(kernel);
    return kernel;
  }

  createBuffer(byteLength: number, label: string): DeviceBuffer {
    this.#checkUsable();
    if (!Number.isInteger(byteLength) || byteLength < 0) {
      throw new DeviceError('capacity', `buffer "${label}" can't have ${byteLength} bytes`);
    }
    const { maxBufferBytes, maxBindingBytes } = this.info.limits;
    const most = Math.min(maxBufferBytes, maxBindingBytes);
    if (byteLength > most) {
      throw new DeviceError(
        'capacity',
        `buffer "${label}" needs ${byteLength} bytes; ${this.info.name} allows ${most}. Use fewer slots or smaller networks.`,
      );
    }
    return this.#watched('capacity', `buffer "${label}" of ${byteLength} bytes`, () => {
      return new WebGpuBuffer(this.#gpu, byteLength, label);
    });
  }

  write(buffer: DeviceBuffer, byteOffset: number, data: ArrayBufferView): void {
    this.#checkUsable();
    checkRange('write', buffer, byteOffset, data.byteLength);
    if (data.byteLength % 4 !== 0 && byteOffset + data.byteLength !== buffer.byteLength) {
      throw new DeviceError(
        'launch',
        `can't write ${data.byteLength} bytes into the middle of "${buffer.label}": write words of 4 bytes`,
      );
    }
    this.#gpu.queue.writeBuffer(WebGpuBuffer.from(buffer, this.#gpu).gpu, byteOffset, transferable(data));
  }

  run(launches: readonly Launch[]): void {
    this.#checkUsable();
    for (const launch of launches) this.#checkLaunch(launch);
    // Dawn remarks on empty dispatches, on standard output.
    const working = launches.filter(({ workgroups }) => workgroups.every((count) => count > 0));
    if (working.length === 0) return;
    const names = [...new Set(working.map((launch) => launch.kernel.name))].join(', ');
    this.#watched('launch', `launch of ${names}`, () => this.#submit(working));
  }

  #submit(launches: readonly Launch[]): void {
    const paramsBuffer = this.#writeParams(launches);
    const encoder = this.#gpu.createCommandEncoder();
    const passes: readonly LaunchPass[] = this.#timer?.passesOf(launches) ?? [{ count: launches.length }];
    let first = 0;
    for (const { count, timestamps } of passes) {
      const pass = encoder.beginComputePass(timestamps ? { timestampWrites: timestamps } : {});
      launches.slice(first, first + count).forEach((launch, index) => {
        const kernel = launch.kernel as WebGpuKernel;
        pass.setPipeline(kernel.pipeline);
        pass.setBindGroup(0, this.#bind(launch, kernel, paramsBuffer, first + index));
        pass.dispatchWorkgroups(...launch.workgroups);
      });
      pass.end();
      first += count;
    }
    this.#gpu.queue.submit([encoder.finish()]);
  }

  /** Does `work` and turns WebGPU's errors in it into a failure of the device, which the next wait throws. */
  #watched<T>(code: DeviceErrorCode, what: string, work: () => T): T {
    const scopes = ['validation', 'out-of-memory', 'internal'] as const;
    for (const scope of scopes) this.#gpu.pushErrorScope(scope);
    try {
      return work();
    } finally {
      for (const _scope of scopes) {
        const verdict = this.#track(this.#gpu.popErrorScope()).then(
          (error) => {
            if (error) this.#failure ??= new DeviceError(code, `${what}: ${error.message}`);
          },
          // A lost device pops nothing; `lost` tells.
          () => undefined,
        );
        this.#verdicts.push(verdict);
      }
    }
  }

  /** Everything about a launch that can be checked before the device sees it. */
  #checkLaunch(launch: Launch): void {
    const { kernel, params, buffers, workgroups } = launch;
    if (!this.#compiled.has(kernel)) {
      throw new DeviceError('launch', `kernel "${kernel.name}" was made by another device`);
    }
    const expected = kernel.contract.params?.byteLength ?? 0;
    if (params.byteLength !== expected || expected > PARAMS_ALIGNMENT) {
      throw new DeviceError(
        'contract',
        `kernel "${kernel.name}" takes ${expected} bytes of params (at most ${PARAMS_ALIGNMENT}), not ${params.byteLength}`,
      );
    }
    for (const binding of kernel.contract.buffers) {
      const buffer = buffers[binding.name];
      if (!buffer) {
        throw new DeviceError(
          'contract',
          `launch of "${kernel.name}" lacks a buffer for binding "${binding.name}"`,
        );
      }
      WebGpuBuffer.from(buffer, this.#gpu);
    }
    for (const given of Object.keys(buffers)) {
      if (!kernel.contract.buffers.some((binding) => binding.name === given)) {
        throw new DeviceError('contract', `kernel "${kernel.name}" has no binding "${given}"`);
      }
    }
    const most = this.info.limits.maxWorkgroupsPerDimension;
    if (workgroups.some((count) => !Number.isInteger(count) || count < 0 || count > most)) {
      throw new DeviceError(
        'launch',
        `launch of "${kernel.name}" over ${workgroups.join(' x ')} workgroups; ${this.info.name} takes up to ${most} in each dimension`,
      );
    }
  }

  #writeParams(launches: readonly Launch[]): GPUBuffer {
    const size = launches.length * PARAMS_ALIGNMENT;
    if (!this.#params || this.#params.size < size) {
      // What was submitted with the smaller one keeps it until it is done.
      this.#params?.destroy();
      this.#params = this.#gpu.createBuffer({
        size,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        label: 'params',
      });
    }
    const bytes = new Uint8Array(size);
    launches.forEach((launch, index) => {
      bytes.set(launch.params, index * PARAMS_ALIGNMENT);
    });
    this.#gpu.queue.writeBuffer(this.#params, 0, bytes);
    return this.#params;
  }

  #bind(launch: Launch, kernel: WebGpuKernel, params: GPUBuffer, index: number): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = [];
    for (const binding of kernel.contract.buffers) {
      const buffer = launch.buffers[binding.name];
      if (buffer) {
        entries.push({
          binding: binding.binding,
          resource: { buffer: WebGpuBuffer.from(buffer, this.#gpu).gpu },
        });
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
    this.#checkUsable();
    checkRange('read', buffer, byteOffset, byteLength);
    const source = WebGpuBuffer.from(buffer, this.#gpu);
    if (byteLength === 0) {
      await this.idle();
      return new ArrayBuffer(0);
    }
    const size = wholeWords(byteLength);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#gpu.createBuffer({ size, usage, label: `${buffer.label} (read)` });
    try {
      const encoder = this.#gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(source.gpu, byteOffset, staging, 0, size);
      this.#gpu.queue.submit([encoder.finish()]);
      await this.#settled(staging.mapAsync(GPUMapMode.READ));
      return staging.getMappedRange().slice(0, byteLength);
    } finally {
      staging.destroy();
    }
  }

  async idle(): Promise<void> {
    this.#checkUsable();
    await this.#settled(this.#gpu.queue.onSubmittedWorkDone());
  }

  /** Waits for `work` and for the verdict on everything so far; throws the first failure. */
  async #settled(work: Promise<unknown>): Promise<void> {
    const verdicts = this.#verdicts;
    this.#verdicts = [];
    const [outcome] = await Promise.allSettled([this.#track(work), ...verdicts]);
    if (outcome.status === 'rejected' && !this.#failure) {
      // A device that is lost says so right after it has failed its waits.
      await new Promise((resolve) => setTimeout(resolve));
      this.#failure ??= new DeviceError('launch', `${this.info.name}: ${String(outcome.reason)}`, {
        cause: outcome.reason,
      });
    }
    if (this.#failure) throw this.#failure;
  }

  async timings(): Promise<readonly LaunchTiming[]> {
    this.#checkUsable();
    return this.#timer ? this.#track(this.#timer.take()) : [];
  }

  #checkUsable(): void {
    if (this.#closing) throw new DeviceError('lost', `${this.info.name} is closed`);
    if (this.#failure) throw this.#failure;
  }

  /** Waits patiently, and lets `dispose` know of it. */
  async #track<T>(promise: Promise<T>): Promise<T> {
    this.#outstanding.add(promise);
    try {
      return await patiently(promise);
    } finally {
      this.#outstanding.delete(promise);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Destroying a device with work in flight blocks this thread; ending a thread with a pending promise aborts the
    // process. So first let everything finish.
    await patiently(Promise.allSettled([this.#gpu.queue.onSubmittedWorkDone(), ...this.#outstanding]));
    this.#gpu.destroy();
    await patiently(this.lost);
    this.#release();
  }
}
