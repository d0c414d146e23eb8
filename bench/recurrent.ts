/**
 * Time of the kernels of recurrent networks: simulated network-seconds per second, synaptic events, bytes.
 *
 *   node bench/recurrent.ts --model cuba --networks 16 [--device native] [--threads 1] [--lanes 8]
 *   node bench/recurrent.ts --model cuba-stdp --networks 4 --threads 1
 *   node bench/recurrent.ts --model brunel
 *   node bench/recurrent.ts --model large [--method scatter] [--duration 100]
 *
 * `cuba` and `brunel` are the models of src/network, `cuba-stdp` learns as in `recurrent-peers.ts`; `large` is Brunel's
 * network with 100,000 neurons and 100 synapses each. Building, packing and 50 ms of warm-up are not timed; then five runs,
 * median and spread. The roof is the copy of a large array, since events mostly wait for memory: each reads 4 B of a row
 * and adds to 4 B somewhere.
 */
import { parseArgs } from 'node:util';
import { type Device, openDevice } from '../src/device/index.ts';
import { openNativeDevice } from '../src/device/native/device.ts';
import { RecurrentBatch } from '../src/kernels/recurrent-batch.ts';
import { type PropagationMethod, spikingShare } from '../src/kernels/recurrent-method.ts';
import type { CompiledNetwork } from '../src/kernels/recurrent-network.ts';
import { brunel } from '../src/network/models/brunel.ts';
import { cuba } from '../src/network/models/vogels-abbott.ts';
import { cubaWithStdp } from './peers/plastic-networks.ts';
import { median } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'auto' },
    threads: { type: 'string' },
    model: { type: 'string', default: 'cuba' },
    networks: { type: 'string', default: '1' },
    duration: { type: 'string', default: '1000' },
    method: { type: 'string' },
    lanes: { type: 'string' },
    repetitions: { type: 'string', default: '5' },
  },
});

const MODELS: Readonly<Record<string, (seed: number) => CompiledNetwork>> = {
  cuba: (seed) => cuba({ seed }).compile(),
  'cuba-stdp': (seed) => cubaWithStdp({ seed }).compile(),
  brunel: (seed) => brunel({ seed }).compile(),
  // 0.1 % connections, so that each neuron has 80 + 20 synapses, ten times as strong as with 1,250.
  large: (seed) => brunel({ seed, excitatory: 80_000, connectivity: 0.001, weightMv: 1 }).compile(),
};

const model = MODELS[options.model];
if (!model) throw new Error(`--model is ${options.model}; there are ${Object.keys(MODELS).join(', ')}`);
const count = Number(options.networks);
const repetitions = Number(options.repetitions);
const threads = options.threads === undefined ? undefined : Number(options.threads);

await using device: Device =
  threads === undefined ? await openDevice(options.device) : await openNativeDevice({ threads });
const building = performance.now();
const networks = Array.from({ length: count }, (_, index) => model(index + 1));
const built = performance.now();
using batch = await RecurrentBatch.create(device, networks, {
  ...(options.method ? { method: options.method as PropagationMethod } : {}),
  ...(options.lanes ? { lanes: Number(options.lanes) } : {}),
});
const [{ dtMs, neurons, synapses }] = networks as [CompiledNetwork];
const steps = Math.round(Number(options.duration) / dtMs);
console.log(
  `${device.info.name}, ${count} x ${options.model}: ${neurons} neurons, ${synapses.words.length} synapses each, ` +
    `dt ${dtMs} ms, method ${batch.methodOf(0)}; built in ${(built - building).toFixed(0)} ms, ` +
    `packed in ${(performance.now() - built).toFixed(0)} ms`,
);
await batch.run(Math.ceil(50 / dtMs));

/** Synaptic events since the beginning, and the share of neurons that spike in a step. */
async function activity(): Promise<{ events: number; spikes: number; share: number }> {
  let events = 0;
  let spikes = 0;
  let share = 0;
  for (const [slot, { synapses: all }] of networks.entries()) {
    const counts = await batch.counts(slot);
    counts.forEach((spiked, neuron) => {
      spikes += spiked;
      events += spiked * ((all.rows[neuron + 1] as number) - (all.rows[neuron] as number));
    });
    share += spikingShare(counts, batch.step) / count;
  }
  return { events, spikes, share };
}

const seconds: number[] = [];
const processor: number[] = [];
const before = await activity();
for (let repetition = 0; repetition < repetitions; repetition++) {
  const used = process.cpuUsage();
  const started = performance.now();
  await batch.run(steps);
  seconds.push((performance.now() - started) / 1000);
  const { user, system } = process.cpuUsage(used);
  processor.push((user + system) / 1e6);
}
const after = await activity();
const simulated = (steps * dtMs) / 1000;
const events = (after.events - before.events) / repetitions;
const spikes = (after.spikes - before.spikes) / repetitions;
const time = median(seconds);
const milliseconds = (value: number) => ((value * 1000) / count / simulated).toFixed(1);
console.log(
  `${((count * simulated) / time).toFixed(2)} network-seconds per second; ` +
    `${milliseconds(time)} ms per network and simulated second ` +
    `(${milliseconds(Math.min(...seconds))} to ${milliseconds(Math.max(...seconds))}), ` +
    `${milliseconds(median(processor))} ms of processor time`,
);
console.log(
  `${(spikes / count / neurons / simulated).toFixed(2)} Hz, ${(events / time / 1e6).toFixed(0)} M events a second, ` +
    `${((events * 8) / time / 1e9).toFixed(2)} GB/s of rows and sums (8 B an event); ` +
    `a copy of 256 MB moves ${copyRoof().toFixed(1)} GB/s; ${(100 * after.share).toFixed(3)} % of neurons spike in a step`,
);

/** GB/s read and written by copying 256 MB on one core. */
function copyRoof(): number {
  const from = new Uint8Array(2 ** 28).fill(1);
  const to = new Uint8Array(2 ** 28).fill(2);
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    to.set(from);
    return performance.now() - started;
  });
  return (2 * from.length) / median(times) / 1e6;
}
