/** The door of the native engine: whether it is here, and opening it. */
import type { DeviceInfo } from '../device.ts';
import { DeviceError } from '../device.ts';
import { loadAddon } from './addon.ts';
import { nativeInfo } from './device.ts';

export { openNativeDevice } from './device.ts';

/** What the native engine is on this machine, or why it is absent and how to get it. */
export function describeNative(): DeviceInfo | { readonly absent: string } {
  try {
    return nativeInfo(loadAddon());
  } catch (failure) {
    if (failure instanceof DeviceError) return { absent: failure.message };
    throw failure;
  }
}
