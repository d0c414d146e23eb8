/** Where the device's time goes, from a program: the time of every launch by kernel, of a network that is simulated. */
import { cuba, openDevice, simulate } from 'tacet';

await using device = await openDevice(process.env.TACET_DEVICES ?? 'auto', { timing: true });
await simulate(device, [cuba({ seed: 1, neurons: 1000 })], { durationMs: 20 });

const kernels = new Map<string, { launches: number; milliseconds: number }>();
for (const { kernel, milliseconds } of await device.timings()) {
  const sum = kernels.get(kernel) ?? { launches: 0, milliseconds: 0 };
  kernels.set(kernel, { launches: sum.launches + 1, milliseconds: sum.milliseconds + milliseconds });
}
console.log(JSON.stringify(Object.fromEntries(kernels)));
