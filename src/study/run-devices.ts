/** The devices of a run: what a list of specifications means on this machine. */
import { type Choice, expandDevices, findDevices, openDevice } from '../device/index.ts';

/**
 * The devices of a list such as `all` or `native,webgpu:llvmpipe`, without opening adapters. To be called in the main
 * thread, before any worker is started.
 *
 * @throws {DeviceError} for anything that is not there, and for a card named twice
 */
export async function findRunDevices(list: string): Promise<Choice[]> {
  // Without adapters there is none to look for, which takes a quarter of a second.
  const onlyNative = /^\s*native(\s*,\s*native)*\s*$/.test(list);
  const choices = expandDevices(list, onlyNative ? { adapters: [], native: true } : await findDevices());
  // Opening the native engine says how to get it where it is missing, and takes a few milliseconds.
  const native = choices.find(({ kind }) => kind === 'native');
  if (native) await (await openDevice(native, { threads: 1 }))[Symbol.asyncDispose]();
  return choices;
}
