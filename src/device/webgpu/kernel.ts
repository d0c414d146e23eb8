/** Making a pipeline of a kernel's WGSL, with errors that show the line. */
import type { KernelInterface } from '../contract.ts';
import type { Kernel } from '../device.ts';
import { DeviceError } from '../device.ts';
import { patiently } from './polling.ts';

export interface WebGpuKernel extends Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * Compiles a kernel with override constants, the defaults of its WGSL where none is given.
 *
 * @throws {DeviceError} `contract` for an unknown or missing constant, `compile` with the line of the WGSL
 */
export async function compileKernel(
  gpu: GPUDevice,
  deviceName: string,
  contract: KernelInterface,
  constants: Readonly<Record<string, number>>,
): Promise<WebGpuKernel> {
  const { name } = contract;
  const used = completeConstants(name, contract.overrides, constants);
  // What goes wrong in here is told below with the line; without a scope it would count as a failure of the device.
  gpu.pushErrorScope('validation');
  const module = gpu.createShaderModule({ code: contract.source, label: name });
  const layout = gpu.createBindGroupLayout({ entries: layoutEntries(contract), label: name });
  const pipelineLayout = gpu.createPipelineLayout({ bindGroupLayouts: [layout] });
  const [refusal, info] = await patiently(Promise.all([gpu.popErrorScope(), module.getCompilationInfo()]));
  const errors = info.messages.filter((message) => message.type === 'error');
  if (errors.length > 0) {
    const lines = contract.source.split('\n');
    const shown = errors.map((e) => `  line ${e.lineNum}: ${e.message}\n    ${lines[e.lineNum - 1] ?? ''}`);
    throw new DeviceError('compile', `kernel "${name}" does not compile:\n${shown.join('\n')}`);
  }
  if (refusal) {
    throw new DeviceError('compile', `kernel "${name}" can't run on ${deviceName}: ${refusal.message}`);
  }
  try {
    const pipeline = await patiently(
      gpu.createComputePipelineAsync({
        label: name,
        layout: pipelineLayout,
        compute: { module, constants: used },
      }),
    );
    return { name, contract, constants: used, pipeline, layout };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DeviceError('compile', `kernel "${name}" can't run on ${deviceName}: ${why}`, { cause });
  }
}

function layoutEntries(contract: KernelInterface): GPUBindGroupLayoutEntry[] {
  const entries: GPUBindGroupLayoutEntry[] = contract.buffers.map((binding) => ({
    binding: binding.binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: binding.access === 'read' ? 'read-only-storage' : 'storage' },
  }));
  if (contract.params) {
    entries.push({ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } });
  }
  return entries;
}

/** The value of every override constant of a kernel: the caller's, else the default that the WGSL gives. */
function completeConstants(
  kernel: string,
  defaults: Readonly<Record<string, number | undefined>>,
  given: Readonly<Record<string, number>>,
): Record<string, number> {
  for (const constant of Object.keys(given)) {
    if (!Object.hasOwn(defaults, constant)) {
      const known = Object.keys(defaults).join(', ') || 'none';
      throw new DeviceError(
        'contract',
        `kernel "${kernel}" has no override constant "${constant}"; it has ${known}`,
      );
    }
  }
  const used: Record<string, number> = {};
  for (const [constant, initial] of Object.entries(defaults)) {
    const value = given[constant] ?? initial;
    if (value === undefined) {
      throw new DeviceError(
        'contract',
        `kernel "${kernel}" needs a value for override constant "${constant}"`,
      );
    }
    used[constant] = value;
  }
  return used;
}
