/** Which device a specification such as `auto` or `webgpu:radeon` means, among those that a machine has. */
import { DeviceError } from './device.ts';

/** What a machine has: the names of its WebGPU adapters, and whether the native engine is installed. */
export interface Present {
  readonly adapters: readonly string[];
  readonly native: boolean;
  /** Why not even a software adapter is there, for the message when there is no adapter. */
  readonly withoutSoftware?: string | undefined;
}

/** The device to open, and the reason in words. */
export interface Choice {
  readonly kind: 'webgpu' | 'native';
  /** The adapter's full name; empty for the native engine. */
  readonly adapter: string;
  readonly why: string;
}

/** True for adapters that compute on the processor. */
export function isSoftware(name: string): boolean {
  return /llvmpipe|swiftshader|lavapipe|software|basic render/i.test(name);
}

/** Hardware first; among software adapters SwiftShader last, because llvmpipe is the faster one. */
export function rankAdapters(names: readonly string[]): string[] {
  const rank = (name: string): number => (isSoftware(name) ? (/swiftshader/i.test(name) ? 2 : 1) : 0);
  return [...names].sort((a, b) => rank(a) - rank(b));
}

/**
 * Chooses among what is present.
 *
 * @param spec `auto`, `webgpu`, `webgpu:<part of an adapter's name>` (any case) or `native`
 * @throws {DeviceError} `unknown-device` for anything else or a name that no adapter has; `no-device` when there is none
 *
 * @example chooseDevice('auto', { adapters: ['llvmpipe'], native: true }).kind // 'native'
 */
export function chooseDevice(spec: string, present: Present): Choice {
  const ranked = rankAdapters(present.adapters);
  const [best] = ranked;
  if (spec === 'native') return { kind: 'native', adapter: '', why: 'asked for' };
  if (spec === 'auto') {
    if (best !== undefined && !isSoftware(best)) {
      return { kind: 'webgpu', adapter: best, why: 'the first hardware adapter' };
    }
    if (present.native) {
      return { kind: 'native', adapter: '', why: 'no hardware adapter; faster than a software adapter' };
    }
    if (best === undefined) throw noDevice(present);
    return { kind: 'webgpu', adapter: best, why: 'no hardware adapter and no native engine' };
  }
  if (spec === 'webgpu') {
    if (best === undefined) throw noDevice(present);
    return {
      kind: 'webgpu',
      adapter: best,
      why: isSoftware(best) ? 'no hardware adapter' : 'hardware first',
    };
  }
  const part = /^webgpu:(.+)$/s.exec(spec)?.[1];
  if (part === undefined) {
    throw new DeviceError(
      'unknown-device',
      `there is no device "${spec}"; use auto, native, webgpu or webgpu:<part of the name>`,
    );
  }
  const found = ranked.find((name) => name.toLowerCase().includes(part.toLowerCase()));
  if (found !== undefined) return { kind: 'webgpu', adapter: found, why: `its name contains "${part}"` };
  if (best === undefined) throw noDevice(present);
  throw new DeviceError(
    'unknown-device',
    `no adapter's name contains "${part}"; there is ${ranked.join(', ')} (see tacet devices)`,
  );
}

function noDevice({ withoutSoftware }: Present): DeviceError {
  const software = withoutSoftware === undefined ? '' : ` (SwiftShader: ${withoutSoftware})`;
  return new DeviceError(
    'no-device',
    `no WebGPU adapter: install a graphics driver with Vulkan (Mesa 25 or later has llvmpipe), or use --device native${software}`,
  );
}
