/**
 * The data set of a study, encoded once for a process: the work is shared among threads, the result is memory that
 * every worker reads.
 */
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { EventLists } from '../kernels/diehl-cook.ts';
import type { TrialData } from './diehl-cook-trial.ts';
import type { EncodedPart, PartOrder } from './encoder.ts';
import type { MnistStdpSettings } from './recipes.ts';

/** Spikes, labels and counts; all arrays are views of shared memory. */
export interface EncodedData {
  readonly encoded: EventLists;
  readonly data: TrialData;
}

/** The encoder's file: TypeScript in a clone, JavaScript in an installed package. */
const ENCODER = new URL(import.meta.url.endsWith('.ts') ? './encoder.ts' : './encoder.js', import.meta.url);
/** Fewer samples than this are not worth another thread, which takes about 0.2 s to start. */
const SAMPLES_PER_THREAD = 2000;

/**
 * MNIST's training set, split and encoded: training samples first, then the hold-out. The result does not depend on
 * the number of threads: draws are addressed by image and pixel.
 *
 * @throws {DataError} when MNIST is not there
 */
export async function encodeMnist(settings: MnistStdpSettings): Promise<EncodedData> {
  const samples = settings.trainSamples + settings.holdOutSamples;
  const parts = Math.max(1, Math.min(availableParallelism(), 8, Math.floor(samples / SAMPLES_PER_THREAD)));
  const pool = new Piscina({ filename: ENCODER.href, minThreads: parts, maxThreads: parts });
  try {
    const edges = Array.from({ length: parts + 1 }, (_, part) => Math.round((part * samples) / parts));
    const orders = edges.slice(1).map((end, part): PartOrder => {
      return { settings, first: edges[part] as number, end };
    });
    const encoded = await Promise.all(orders.map((order) => pool.run(order) as Promise<EncodedPart>));
    return joined(encoded, settings.steps);
  } finally {
    await pool.destroy();
  }
}

/** Parts one after another, in shared memory. */
function joined(parts: readonly EncodedPart[], steps: number): EncodedData {
  const samples = parts.reduce((sum, part) => sum + part.labels.length, 0);
  const spikes = parts.reduce((sum, part) => sum + part.events.length, 0);
  const offsets = new Uint32Array(new SharedArrayBuffer(4 * samples * (steps + 1)));
  const events = new Uint16Array(new SharedArrayBuffer(2 * spikes));
  const labels = new Uint8Array(new SharedArrayBuffer(samples));
  const inputSpikes = new Uint32Array(new SharedArrayBuffer(4 * samples));
  let sample = 0;
  let spike = 0;
  for (const part of parts) {
    const base = sample * (steps + 1);
    for (const [index, offset] of part.offsets.entries()) offsets[base + index] = spike + offset;
    events.set(part.events, spike);
    labels.set(part.labels, sample);
    inputSpikes.set(part.inputSpikes, sample);
    sample += part.labels.length;
    spike += part.events.length;
  }
  const { inputs, classes } = parts[0] as EncodedPart;
  return { encoded: { samples, steps, inputs, offsets, events }, data: { labels, inputSpikes, classes } };
}
