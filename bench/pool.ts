/**
 * Several workers at work: what they reach together, what the host costs, and what faults cost.
 *
 *   node bench/pool.ts                                  all of it, 15 minutes
 *   node bench/pool.ts --part adapters [--seconds 15] [--rounds 3]
 *   node bench/pool.ts --part host [--devices webgpu:llvmpipe,native]
 *   node bench/pool.ts --part faults [--train 24000]
 *   node bench/pool.ts --part kills [--train 24000]
 *
 * `adapters`: llvmpipe and SwiftShader together against the sum of each alone, one thread and one core each, 16 networks
 * of 100 neurons; rounds alternate. `host`: a whole study on one device with 16 slots, 20 to 400 neurons, against
 * the time of its kernels alone. `faults`: 100 trials on two native workers with 24 faults, `kills`: with the process
 * killed 20 times, against the same undisturbed: wall time and whether the tables are the same to the last bit.
 */
import { parseArgs } from 'node:util';
import { ADAPTERS, measureRates, type Rates } from './pool/adapters.ts';
import { type FaultReport, measureFaults, measureKills } from './pool/faults.ts';
import { measureHostShare } from './pool/host.ts';
import { median } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    part: { type: 'string', default: 'adapters,host,faults,kills' },
    seconds: { type: 'string', default: '15' },
    rounds: { type: 'string', default: '3' },
    devices: { type: 'string', default: 'webgpu:llvmpipe,native' },
    train: { type: 'string', default: '24000' },
  },
});
const parts = options.part.split(',');

if (parts.includes('adapters')) await benchAdapters(Number(options.rounds), Number(options.seconds));
if (parts.includes('host')) await benchHost(options.devices.split(','));
if (parts.includes('faults'))
  report('24 faults', await measureFaults('native,native', Number(options.train)));
if (parts.includes('kills')) report('20 kills', await measureKills('native,native', Number(options.train)));

async function benchAdapters(rounds: number, seconds: number): Promise<void> {
  const alone: [number[], number[]] = [[], []];
  const together: Rates[] = [];
  for (let round = 0; round < rounds; round++) {
    const rates: number[] = [];
    for (const [index, adapter] of ADAPTERS.entries()) {
      const [rate = 0] = await measureRates([adapter], seconds);
      rates.push(rate);
      alone[index]?.push(rate);
    }
    const both = await measureRates(ADAPTERS, seconds);
    together.push(both);
    console.log(
      `round ${round + 1}: alone ${rates.map(shown).join(' + ')} = ${shown(sum(rates))}; together ${both.map(shown).join(' + ')} = ${shown(sum(both))} samples x networks per second: ${percent(sum(both) / sum(rates))}`,
    );
  }
  // Other work on the machine only ever slows down: of several rounds the best is nearest to the truth.
  for (const [how, choose] of [['best', best] as const, ['median', median] as const]) {
    const each = alone.map(choose);
    const both = choose(together.map(sum));
    console.log(
      `adapters, ${how} of ${rounds} rounds: ${ADAPTERS.join(' and ')} alone ${each.map(shown).join(' and ')}; together ${shown(both)}, ${percent(both / sum(each))} of the sum`,
    );
  }
}

async function benchHost(devices: readonly string[]): Promise<void> {
  for (const device of devices) {
    const isNative = device === 'native';
    const size = { trials: isNative ? 64 : 48, trainSamples: isNative ? 6000 : 160, slots: 16 };
    const share = await measureHostShare(device, size);
    const { studySeconds, kernelSeconds, launchSeconds, tailSeconds, samples, launches } = share;
    const { deviceCpuSeconds, hostCpuSeconds } = share;
    console.log(
      `host: ${share.device}, ${size.trials} trials of ${size.trainSamples} + ${size.trainSamples / 4} samples: ${studySeconds.toFixed(1)} s for ${shown(samples)} samples x networks in ${launches} launches; the kernels alone ${kernelSeconds.toFixed(1)} s: ${percent(kernelSeconds / studySeconds)} of their throughput; in launches and reading back ${percent(launchSeconds / studySeconds)} of the time; of the processor time ${percent(deviceCpuSeconds / (deviceCpuSeconds + hostCpuSeconds))} in the device's threads, ${hostCpuSeconds.toFixed(1)} s in others; tail ${tailSeconds.toFixed(1)} s`,
    );
  }
}

function report(what: string, { undisturbedSeconds, disturbedSeconds, faults, same }: FaultReport): void {
  console.log(
    `${what}: undisturbed ${undisturbedSeconds.toFixed(1)} s, disturbed ${disturbedSeconds.toFixed(1)} s (${(disturbedSeconds / undisturbedSeconds).toFixed(2)} times), ${faults} happened; the tables are ${same ? 'the same' : 'NOT THE SAME'}`,
  );
}

function sum(rates: Rates): number {
  return rates.reduce((total, rate) => total + rate, 0);
}

function best(values: readonly number[]): number {
  return Math.max(...values);
}

function shown(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
