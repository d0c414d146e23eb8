/**
 * Throughput of a device by the number of slots and the length of a launch: what src/study/calibration.ts chooses from.
 *
 *   node bench/slots.ts [--device native] [--slots 2,4,8,16,32,64] [--launches 60,240] [--neurons 1000] [--rounds 3]
 *
 * Random networks of 1 to `neurons` neurons, T = 100, learning; neurons (and 150 more) x samples per ms: medians of the
 * rounds, and in brackets the least and the most. The rounds go through all numbers in turn.
 */
import { parseArgs } from 'node:util';
import { openDevice } from '../src/device/index.ts';
import { SlotThroughput } from '../src/study/slot-throughput.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'auto' },
    slots: { type: 'string', default: '2,4,8,16,32,64' },
    launches: { type: 'string', default: '60,240' },
    neurons: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
  },
});
const launches = options.launches.split(',').map(Number);
const numbers = options.slots.split(',').map(Number);

await using device = await openDevice(options.device);
const throughput = new SlotThroughput(device, {
  maxNeurons: Number(options.neurons),
  steps: 100,
  inputs: 784,
  maxRateHz: 128,
  maxChunk: 1024,
});
console.log(`${device.info.name}, networks of up to ${options.neurons} neurons, ${options.rounds} rounds`);
await throughput.measure(numbers[0] ?? 1, launches[0] ?? 60);
const measured = new Map<string, number[]>();
for (let round = 0; round < Number(options.rounds); round++) {
  for (const slots of numbers) {
    for (const launchMs of launches) {
      const rate = await throughput.measure(slots, launchMs);
      const key = `${String(slots).padStart(4)} slots, launches of ${String(launchMs).padStart(4)} ms`;
      measured.set(
        key,
        [...(measured.get(key) ?? []), rate].sort((a, b) => a - b),
      );
    }
  }
}
for (const [key, rates] of measured) {
  const [median, least, most] = [rates[Math.floor(rates.length / 2)], rates[0], rates.at(-1)];
  console.log(`${key}: ${median?.toFixed(0)} (${least?.toFixed(0)} to ${most?.toFixed(0)})`);
}
