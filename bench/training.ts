/**
 * Forward and backward of surrogate-gradient training, without an update: every case, one after another, as a table.
 *
 *     node bench/training.ts --python <python with the peers>
 *     node bench/training.ts --task recurrent --devices native --python <python>
 *     node bench/training.ts --task dense --n 1024 --python <python>
 *     node bench/training.ts --task conv
 *
 * - `recurrent`: 700-256-20, T = 100, batch 64, event inputs, recurrent hidden layer
 * - `spoken-digits`: a batch of the recipe of that name with its defaults, 64-128-10, T = 80, batch 32; no peers
 * - `dense`: n to n neurons (1,024 and 4,096), batch 16, T = 500, real inputs
 * - `conv`: an image of SLAYER's convolutional network against the products of a dense computation
 *
 * Devices are the native engine and, where it is there, llvmpipe, unless told: the WGSL kernels on the same processor. A
 * software adapter takes minutes for some cases: it has `--software-repetitions` (2), and no n above 1,024 unless
 * `--devices` names it. Each case runs on the devices, then on the peers (bench/peers/surrogate_training.py: torch on the processor) with one
 * thread and with two (`--peer-threads 2`: with two alone), then on the devices again; of two runs of one library the
 * faster counts. `--threads 1` compares processor time on a machine that does other things too; `--json` prints lines
 * of JSON instead.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findDevices } from '../src/device/index.ts';
import { findRunDevices } from '../src/study/run-devices.ts';
import { type Cost, sparseConv } from './training/sparse-conv.ts';
import { dense, recurrent, spokenDigitsBatch, type Task } from './training/tasks.ts';
import { type Timing, timeBatches } from './training/time-batches.ts';

const { values } = parseArgs({
  options: {
    task: { type: 'string', default: 'all' },
    devices: { type: 'string' },
    n: { type: 'string' },
    repetitions: { type: 'string', default: '7' },
    'software-repetitions': { type: 'string', default: '2' },
    python: { type: 'string' },
    threads: { type: 'string', default: '2' },
    'peer-threads': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const repetitions = Number(values.repetitions);
const threads = Number(values.threads);
const devices = await findRunDevices(values.devices ?? (await usualDevices()));
const peerThreads =
  values['peer-threads']?.split(',').map(Number) ?? Array.from({ length: threads }, (_, index) => index + 1);
const sizes = values.n === undefined ? [1024, 4096] : values.n.split(',').map(Number);

/** Neurons of the dense case that a software adapter does in half a minute. */
const LARGEST_ON_SOFTWARE = 1024;

const wants = (task: string): boolean => values.task === 'all' || values.task === task;
if (wants('recurrent')) await compare('recurrent 700-256-20, T = 100, batch 64', 'recurrent', 0, recurrent());
if (wants('spoken-digits'))
  await compare('spoken-digits 64-128-10, T = 80, batch 32', undefined, 0, spokenDigitsBatch());
for (const n of wants('dense') ? sizes : []) {
  await compare(`dense ${n}, T = 500, batch 16`, 'dense', n, dense(n));
}
if (wants('conv')) await conv();

/** The native engine, and the WGSL kernels on the same processor where a driver for that is installed. */
async function usualDevices(): Promise<string> {
  const { adapters } = await findDevices();
  return adapters.some(({ name }) => name.includes('llvmpipe')) ? 'native,webgpu:llvmpipe' : 'native';
}

async function compare(
  title: string,
  /** Of the peers, where they have it. */
  task: string | undefined,
  n: number,
  work: Task,
): Promise<void> {
  const rows: Timing[] = [];
  const ours = async (): Promise<void> => {
    for (const device of devices) {
      if (device.software && n > LARGEST_ON_SOFTWARE && values.devices === undefined) continue;
      const times = device.software ? Number(values['software-repetitions']) : repetitions;
      rows.push(await timeBatches(work, { device, threads, repetitions: times }));
    }
  };
  await ours();
  if (values.python && task !== undefined) {
    for (const count of peerThreads) rows.push(...peers(task, n, count));
    await ours();
  }
  const best = new Map<string, Timing>();
  for (const row of rows) {
    const known = best.get(row.library);
    if (known === undefined || row.seconds < known.seconds) best.set(row.library, row);
  }
  const table = [...best.values()].sort((a, b) => a.seconds - b.seconds);
  if (values.json) {
    for (const row of table) console.log(JSON.stringify({ task: task ?? 'spoken-digits', n, ...row }));
    return;
  }
  const own = table.find(({ library }) => library.startsWith('tacet'))?.seconds ?? Number.NaN;
  console.log(`\n${title}; forward and backward, ${threads} threads, ${repetitions} repetitions\n`);
  console.log('| | samples a second | ms a batch (least, most) | processor ms | threads | times Tacet |');
  console.log('|---|---|---|---|---|---|');
  for (const { library, samplesPerSecond, seconds, least, most, processorSeconds, threads: used } of table) {
    const ms = [seconds, least, most].map((value) => (1000 * value).toFixed(1));
    console.log(
      `| ${library} | ${samplesPerSecond.toFixed(0)} | ${ms[0]} (${ms[1]}, ${ms[2]}) | ${(1000 * processorSeconds).toFixed(0)} | ${used ?? threads} | ${(seconds / own).toFixed(2)} |`,
    );
  }
  for (const { library, kernelMs } of table) {
    if (kernelMs === undefined) continue;
    const all = Object.values(kernelMs).reduce((sum, ms) => sum + ms, 0);
    const shares = Object.entries(kernelMs).sort(([, a], [, b]) => b - a);
    const text = shares.map(
      ([kernel, ms]) => `${kernel.replace('surrogate_', '')} ${((100 * ms) / all).toFixed(0)} %`,
    );
    console.log(`\n${library}: ${text.join(', ')} of the kernels' ${all.toFixed(0)} ms`);
  }
}

/** A line of each library; those that fail say so on standard error. */
function peers(task: string, n: number, count: number): Timing[] {
  const script = fileURLToPath(new URL('./peers/surrogate_training.py', import.meta.url));
  const args = [script, task, String(n), String(repetitions), String(count)];
  const { stdout } = spawnSync(values.python as string, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Timing & { readonly error?: string });
  for (const { library, error } of lines) if (error !== undefined) console.error(`${library}: ${error}`);
  return lines.filter(({ error }) => error === undefined).map((line) => ({ ...line, threads: count }));
}

async function conv(): Promise<void> {
  const result = await sparseConv(threads, repetitions);
  if (values.json) {
    console.log(JSON.stringify({ task: 'conv', ...result }));
    return;
  }
  const { device, sparse, dense, denseMultiplyAdds, spiking } = result;
  const layers = ['input', 'conv', 'pool', 'conv', 'pool'];
  const shares = layers.map((layer, index) => `${layer} ${(100 * (spiking[index] ?? 0)).toFixed(1)} %`);
  const rate = (2 * denseMultiplyAdds) / dense.ms / 1e6;
  const row = (name: string, { ms, processorMs }: Cost) => {
    const share = [ms / dense.ms, processorMs / dense.processorMs].map(
      (one) => `${(100 * one).toFixed(0)} %`,
    );
    console.log(`| ${name} | ${ms.toFixed(2)} | ${share[0]} | ${processorMs.toFixed(2)} | ${share[1]} |`);
  };
  console.log(`\nconv: a training image of SLAYER's network on ${device}, ${threads} threads\n`);
  console.log('| | ms an image | share | processor ms | share |');
  console.log('|---|---|---|---|---|');
  row('sparse, with neurons and update', sparse);
  // The faster of one thread and all.
  const counts = [...new Set([1, threads])];
  const libraries = values.python ? counts.flatMap((count) => peers('conv', 0, count)) : [];
  const [torch] = libraries.sort((a, b) => b.samplesPerSecond - a.samplesPerSecond);
  if (torch) {
    const { library, samplesPerSecond, seconds, processorSeconds } = torch;
    const images = samplesPerSecond * seconds;
    row(`${library}, without neurons`, {
      ms: 1000 / samplesPerSecond,
      processorMs: (1000 * processorSeconds) / images,
    });
  }
  row(`dense products alone (${rate.toFixed(0)} GFLOP/s)`, dense);
  console.log(
    `\nSites that spike in a step: ${shares.join(', ')}; ${(denseMultiplyAdds / 1e6).toFixed(0)} million dense multiply-adds an image`,
  );
}
