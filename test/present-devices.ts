/** Finds the devices of this machine once for the whole test run. */
import type { TestProject } from 'vitest/node';
import { listDevices } from '../src/device/index.ts';

/** A device to test on. */
export interface PresentDevice {
  readonly spec: string;
  readonly name: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    presentDevices: PresentDevice[];
  }
}

export default async function findDevices(project: TestProject): Promise<void> {
  const listings = await listDevices();
  const present: PresentDevice[] = [];
  for (const { spec, info, absent } of listings) {
    if (info) present.push({ spec, name: info.name });
    console.error(info ? `tested on ${info.kind}: ${info.name}` : `not tested on ${spec}: ${absent}`);
  }
  if (present.length === 0) {
    throw new Error('there is no device to test on: npm ci brings a software adapter on Linux x64');
  }
  project.provide('presentDevices', present);
}
