/** The spoken digits through the cochlea, the work shared among threads. */
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { concatenated, type SpikeSamples, sharedSpikes } from '../../data/samples.ts';
import { checkSpeaker, readSpokenDigits, type SpokenDigitsOptions } from '../../data/spoken-digits.ts';
import type { TrainingData } from './recipe.ts';
import type { RecordingsPart } from './spoken-digits-encoder.ts';

/** The encoder's file: TypeScript in a clone, JavaScript in an installed package. */
const ENCODER = new URL(
  import.meta.url.endsWith('.ts') ? './spoken-digits-encoder.ts' : './spoken-digits-encoder.js',
  import.meta.url,
);
/** Fewer recordings than this are not worth another thread. */
const RECORDINGS_PER_THREAD = 50;

/**
 * Reads and encodes the recordings of a folder or an archive. The result does not depend on the number of threads.
 *
 * @throws {DataError} for what is no such folder or recording, and a speaker who is not there
 */
export async function encodeSpokenDigits(path: string, options: SpokenDigitsOptions): Promise<TrainingData> {
  const recordings = readSpokenDigits(path);
  checkSpeaker(recordings, options.speaker);
  const most = Math.ceil(recordings.length / RECORDINGS_PER_THREAD);
  const threads = Math.max(1, Math.min(availableParallelism(), most));
  const pool = new Piscina({ filename: ENCODER.href, minThreads: threads, maxThreads: threads });
  try {
    const orders = Array.from({ length: threads }, (_, part): RecordingsPart => {
      const at = (edge: number) => Math.round((edge * recordings.length) / threads);
      return { recordings: recordings.slice(at(part), at(part + 1)), options };
    });
    type Encoded = { readonly train: SpikeSamples; readonly test: SpikeSamples };
    const parts = await Promise.all(orders.map((order) => pool.run(order) as Promise<Encoded>));
    return {
      train: sharedSpikes(concatenated(parts.map(({ train }) => train))),
      test: sharedSpikes(concatenated(parts.map(({ test }) => test))),
    };
  } finally {
    await pool.destroy();
  }
}
