/** The spoken digits through the cochlea: the work shared among threads, and kept for the next time. */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { cacheFolder } from '../../cache.ts';
import { concatenated, type SpikeSamples, sharedSpikes } from '../../data/samples.ts';
import {
  checkSpeaker,
  type Recording,
  readSpokenDigits,
  type SpokenDigitsOptions,
  splitRecordings,
} from '../../data/spoken-digits.ts';
import { packageVersion } from '../../version.ts';
import { keptSamples } from './kept-samples.ts';
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
 * Reads and encodes the recordings of a folder or an archive. The result does not depend on the number of threads. It is
 * kept in the user's cache folder: all 3,000 take 40 s of processor time.
 *
 * @param folder where encodings are kept
 * @throws {DataError} for what is no such folder or recording, and a speaker who is not there
 */
export async function encodeSpokenDigits(
  path: string,
  { speaker, ...options }: SpokenDigitsOptions,
  folder = join(cacheFolder(), 'encoded'),
): Promise<TrainingData> {
  const recordings = readSpokenDigits(path);
  checkSpeaker(recordings, speaker);
  const key = keyOf(recordings, options);
  const file = join(folder, `spoken-digits-${key}.bin`);
  const encoded = await keptSamples(file, () => encodeAll(recordings, options));
  const { train, test } = splitRecordings(recordings, encoded, speaker);
  return { train: sharedSpikes(train), test: sharedSpikes(test) };
}

/** Everything that the spikes depend on. */
function keyOf(recordings: readonly Recording[], options: SpokenDigitsOptions): string {
  const hash = createHash('sha256').update(JSON.stringify([packageVersion(), options]));
  for (const { digit, speaker, index, content } of recordings) {
    hash.update(`${digit}_${speaker}_${index}`).update(content);
  }
  return hash.digest('hex').slice(0, 32);
}

async function encodeAll(
  recordings: readonly Recording[],
  options: SpokenDigitsOptions,
): Promise<SpikeSamples> {
  const most = Math.ceil(recordings.length / RECORDINGS_PER_THREAD);
  const threads = Math.max(1, Math.min(availableParallelism(), most));
  const pool = new Piscina({ filename: ENCODER.href, minThreads: threads, maxThreads: threads });
  try {
    const orders = Array.from({ length: threads }, (_, part): RecordingsPart => {
      const at = (edge: number) => Math.round((edge * recordings.length) / threads);
      return { recordings: recordings.slice(at(part), at(part + 1)), options };
    });
    return concatenated(await Promise.all(orders.map((order) => pool.run(order) as Promise<SpikeSamples>)));
  } finally {
    await pool.destroy();
  }
}
