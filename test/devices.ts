/** Runs the same tests on every device of this machine. */
import { afterAll, describe, inject } from 'vitest';
import { type Device, type DeviceOptions, openDevice } from '../src/device/index.ts';
import type { PresentDevice } from './present-devices.ts';

/** Opens the device under test, in checked mode unless told otherwise; it is closed after the suite. */
export type OpenDevice = (options?: DeviceOptions) => Promise<Device>;

export interface DeviceSelection {
  /** Tests only on devices of this kind; on all by default. */
  readonly kind?: Device['info']['kind'];
}

/**
 * Describes a suite once for each device present.
 *
 * @example
 * describeOnDevices('philox_words', (open) => {
 *   it('fills a buffer', async () => {
 *     const device = await open();
 *   });
 * });
 */
export function describeOnDevices(
  name: string,
  suite: (open: OpenDevice, present: PresentDevice) => void,
  selection: DeviceSelection = {},
): void {
  const present = inject('presentDevices').filter(({ spec }) => {
    return selection.kind === undefined || spec.startsWith(selection.kind);
  });
  for (const device of present) {
    describe(`${name} on ${device.name}`, () => {
      const opened: Device[] = [];
      afterAll(async () => {
        for (const one of opened) await one[Symbol.asyncDispose]();
      });
      suite(async (options) => {
        const one = await openDevice(device.spec, { checked: true, ...options });
        opened.push(one);
        return one;
      }, device);
    });
  }
}
