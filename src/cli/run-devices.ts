/** The devices of a run, as the command line names them. */
import type { DeviceInfo } from '../device/device.ts';
import { openDevice } from '../device/index.ts';

/** A device that a run shall use. */
export interface RunDevice {
  readonly spec: string;
  readonly info: DeviceInfo;
}

/** The devices of a list such as `all` or `native,webgpu:llvmpipe`. A wrong name is refused before anything starts. */
export async function findRunDevices(list: string): Promise<RunDevice[]> {
  const devices: RunDevice[] = [];
  for (const spec of list.split(/\s*,\s*(?=(?:all|auto|native|webgpu)(?:[:,\s]|$))/)) {
    await using device = await openDevice(spec);
    devices.push({ spec, info: device.info });
  }
  return devices;
}

/** The one that decides how short a quick search is: a device that is not a software adapter, where there is one. */
export function strongest(devices: readonly RunDevice[]): DeviceInfo {
  const strong = devices.find(({ info }) => info.kind === 'native' || !info.software);
  return (strong ?? (devices[0] as RunDevice)).info;
}
