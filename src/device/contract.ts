/**
 * The contract of a kernel, read from its WGSL: bindings, byte layout of every struct, override constants.
 *
 * `shaders/<name>.wgsl` is the only statement of a kernel's interface. Both engines and every wrapper derive what
 * they need from here, so that a change in WGSL which its callers do not know of is an error at load, never
 * wrong numbers.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StructInfo, TypeInfo, VariableInfo } from 'wgsl_reflect';
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import { DeviceError } from './device.ts';

/** The scalar types that may cross between host and kernel. */
export type ScalarType = 'u32' | 'i32' | 'f32';

export interface StructField {
  readonly name: string;
  readonly type: ScalarType;
  /** Bytes from the start of the struct. */
  readonly offset: number;
}

export interface StructLayout {
  readonly name: string;
  /** Bytes from one element of an array of this struct to the next. */
  readonly byteLength: number;
  readonly fields: readonly StructField[];
}

export interface KernelBinding {
  readonly name: string;
  readonly binding: number;
  readonly access: 'uniform' | 'read' | 'read_write';
  /** The WGSL name of the element: a scalar, a vector or a struct of {@link KernelInterface.structs}. */
  readonly element: string;
  /** Bytes from one element to the next. */
  readonly stride: number;
}

export interface KernelInterface {
  readonly name: string;
  /** The WGSL with its includes, ready to compile. */
  readonly source: string;
  /** The uniform `params`; undefined for a kernel that takes none. */
  readonly params: StructLayout | undefined;
  /** All bindings but `params`, in the order of their numbers. */
  readonly buffers: readonly KernelBinding[];
  readonly structs: Readonly<Record<string, StructLayout>>;
  /** Default of each override constant; undefined where the caller must give one. */
  readonly overrides: Readonly<Record<string, number | undefined>>;
}

const SHADERS = join(packageRoot(), 'shaders');
const INCLUDE = /^\/\/ #include "([a-z0-9_]+)\.wgsl"$/;

/** The folder that holds `shaders/`: two folders up from the source, three from `dist/`. */
function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const up = here.includes(`${join('dist', 'src')}`) ? ['..', '..', '..'] : ['..', '..'];
  return join(here, ...up);
}

/** Names of all kernels: every file of `shaders/` that has an entry point. */
export function kernelNames(): string[] {
  return readdirSync(SHADERS)
    .filter((file) => file.endsWith('.wgsl'))
    .filter((file) => readFileSync(join(SHADERS, file), 'utf8').includes('@compute'))
    .map((file) => file.slice(0, -'.wgsl'.length))
    .sort();
}

/**
 * Reads and reflects `shaders/<name>.wgsl`; a name that ends in `.wgsl` is the path of a file of one's own, which may
 * include what is in `shaders/`.
 *
 * @throws {DeviceError} `contract` when the file is missing, does not parse, or uses a type that the host can't lay out.
 */
export function loadContract(name: string): KernelInterface {
  return reflectKernel(name, readShader(name));
}

/** Reflects WGSL given as text; `name` is used in errors. */
export function reflectKernel(name: string, source: string): KernelInterface {
  const reflected = parse(name, source);
  const structs: Record<string, StructLayout> = {};
  const structOf = (type: TypeInfo): StructLayout => {
    structs[type.name] ??= layoutOf(name, type as StructInfo);
    return structs[type.name] as StructLayout;
  };
  for (const variable of [...reflected.uniforms, ...reflected.storage]) {
    if (variable.group !== 0) {
      throw contractError(name, `binding "${variable.name}" is in group ${variable.group}; use group 0`);
    }
  }
  const uniform = reflected.uniforms[0];
  if (reflected.uniforms.length > 1 || (uniform && (uniform.name !== 'params' || uniform.binding !== 0))) {
    throw contractError(name, 'the only uniform may be "params" at binding 0');
  }
  const buffers = reflected.storage
    .map((variable) => bindingOf(name, variable))
    .sort((a, b) => a.binding - b.binding);
  for (const variable of reflected.storage) {
    if (variable.format?.isStruct) structOf(variable.format);
  }
  return {
    name,
    source,
    params: uniform ? structOf(uniform.type) : undefined,
    buffers,
    structs,
    overrides: overridesOf(source),
  };
}

/**
 * Lays out the fields of a struct as the kernel reads them.
 *
 * @param values one number for each field, by name; both missing and unknown names are errors
 * @param into where to write, at `byteOffset`; a new array when absent
 * @throws {DeviceError} `contract` naming the field
 */
export function encodeStruct(
  layout: StructLayout,
  values: Readonly<Record<string, number>>,
  into: Uint8Array<ArrayBuffer> = new Uint8Array(layout.byteLength),
  byteOffset = 0,
): Uint8Array<ArrayBuffer> {
  const view = new DataView(into.buffer, into.byteOffset + byteOffset, layout.byteLength);
  for (const field of layout.fields) {
    const value = values[field.name];
    if (value === undefined) throw new DeviceError('contract', `${layout.name}.${field.name} is missing`);
    if (field.type === 'f32') view.setFloat32(field.offset, value, true);
    else if (field.type === 'i32') view.setInt32(field.offset, value, true);
    else view.setUint32(field.offset, value, true);
  }
  for (const name of Object.keys(values)) {
    if (!layout.fields.some((field) => field.name === name)) {
      const known = layout.fields.map((field) => field.name).join(', ');
      throw new DeviceError('contract', `${layout.name} has no field "${name}"; it has ${known}`);
    }
  }
  return into;
}

/** Reads element `index` of an array of structs: the inverse of {@link encodeStruct}. */
export function decodeStruct(layout: StructLayout, bytes: ArrayBuffer, index = 0): Record<string, number> {
  const view = new DataView(bytes, index * layout.byteLength, layout.byteLength);
  const values: Record<string, number> = {};
  for (const field of layout.fields) {
    if (field.type === 'f32') values[field.name] = view.getFloat32(field.offset, true);
    else if (field.type === 'i32') values[field.name] = view.getInt32(field.offset, true);
    else values[field.name] = view.getUint32(field.offset, true);
  }
  return values;
}

/** The layout of a struct that a kernel's storage buffers hold. */
export function structLayout(contract: KernelInterface, name: string): StructLayout {
  const layout = contract.structs[name];
  if (!layout) throw contractError(contract.name, `there is no struct "${name}" in its bindings`);
  return layout;
}

function readShader(name: string, within: readonly string[] = []): string {
  if (within.includes(name))
    throw contractError(name, `it includes itself: ${[...within, name].join(' > ')}`);
  let text: string;
  try {
    text = readFileSync(isOwnFile(name) ? name : join(SHADERS, `${name}.wgsl`), 'utf8');
  } catch (cause) {
    if (isOwnFile(name)) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new DeviceError('contract', `${name} can't be read (${code}): give the path of a WGSL file`, {
        cause,
      });
    }
    const known = kernelNames().join(', ');
    throw new DeviceError('contract', `there is no kernel "${name}"; shaders/ has ${known}`, { cause });
  }
  return text
    .split('\n')
    .map((line) => {
      const included = INCLUDE.exec(line)?.[1];
      return included ? readShader(included, [...within, name]) : line;
    })
    .join('\n');
}

/** Whether a kernel is named by the path of its file. */
export function isOwnFile(name: string): boolean {
  return name.endsWith('.wgsl');
}

function parse(name: string, source: string): WgslReflect {
  try {
    return new WgslReflect(source);
  } catch (cause) {
    throw contractError(name, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function layoutOf(kernel: string, struct: StructInfo): StructLayout {
  const fields = struct.members.map((member): StructField => {
    const type = member.type.name;
    if (type !== 'u32' && type !== 'i32' && type !== 'f32') {
      const place = `${struct.name}.${member.name}`;
      throw contractError(kernel, `${place} is ${type}; host structs hold u32, i32 and f32 only`);
    }
    return { name: member.name, type, offset: member.offset };
  });
  return { name: struct.name, byteLength: struct.size, fields };
}

function bindingOf(kernel: string, variable: VariableInfo): KernelBinding {
  if (!variable.isArray || !variable.format) {
    throw contractError(kernel, `binding "${variable.name}" must be a runtime-sized array`);
  }
  return {
    name: variable.name,
    binding: variable.binding,
    access: variable.access === 'read_write' ? 'read_write' : 'read',
    element: variable.format.getTypeName(),
    stride: variable.stride,
  };
}

/** Defaults of override constants; the reflection gives their names but not their values. */
function overridesOf(source: string): Record<string, number | undefined> {
  const overrides: Record<string, number | undefined> = {};
  for (const match of source.matchAll(/^\s*override\s+(\w+)\s*(?::\s*\w+)?\s*(?:=\s*([^;]+))?;/gm)) {
    const [, name, value] = match;
    if (name) overrides[name] = value === undefined ? undefined : Number.parseFloat(value);
  }
  return overrides;
}

function contractError(kernel: string, what: string, options?: ErrorOptions): DeviceError {
  const file = isOwnFile(kernel) ? kernel : `shaders/${kernel}.wgsl`;
  return new DeviceError('contract', `${file}: ${what}`, options);
}
