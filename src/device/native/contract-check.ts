/** Whether a native kernel was compiled for the interface that the WGSL states now. */
import type { KernelInterface, StructLayout } from '../contract.ts';
import { DeviceError } from '../device.ts';
import type { NativeKernelInterface, NativeStruct } from './addon.ts';

/**
 * Compares bindings, byte layouts and override constants.
 *
 * @throws {DeviceError} `contract` naming the first thing that differs, both sides of it, and the remedy
 */
export function checkContract(wgsl: KernelInterface, native: NativeKernelInterface): void {
  const differs = (what: string, stated: string, compiled: string): void => {
    if (stated === compiled) return;
    throw new DeviceError(
      'contract',
      `shaders/${wgsl.name}.wgsl and the native engine disagree on ${what}: "${stated}" there, "${compiled}" here. ` +
        'Change native/src/kernels with it and build again: node scripts/postinstall.js',
    );
  };
  differs('params', structText(wgsl.params), structText(native.params));
  differs(
    'bindings',
    wgsl.buffers.map((b) => `${b.name}: ${b.access} ${b.element} of ${b.stride} bytes`).join(', '),
    native.buffers.map((b) => `${b.name}: ${b.access} ${b.element} of ${b.stride} bytes`).join(', '),
  );
  for (const { element } of wgsl.buffers) {
    const stated = wgsl.structs[element];
    if (!stated) continue;
    const compiled = native.structs.find((struct) => struct.name === element);
    differs(`struct ${element}`, structText(stated), structText(compiled));
  }
  differs('override constants', Object.keys(wgsl.overrides).join(', '), native.constants.join(', '));
}

function structText(struct: StructLayout | NativeStruct | undefined): string {
  if (!struct) return 'nothing';
  const fields = struct.fields.map((field) => `${field.name}: ${field.type} at ${field.offset}`);
  return `${struct.name} of ${struct.byteLength} bytes (${fields.join(', ')})`;
}
