/** Encoded samples that are kept in the user's cache folder, so that they are made once. */
import { readFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { writeWhole } from '../../cache.ts';
import type { SpikeSamples } from '../../data/samples.ts';

/** What the file keeps; made, and kept there, when it is not there or is not what it should be. */
export async function keptSamples(
  file: string,
  make: () => SpikeSamples | Promise<SpikeSamples>,
): Promise<SpikeSamples> {
  const kept = readKept(file);
  if (kept) return kept;
  const made = await make();
  try {
    writeWhole(file, serialize(made));
  } catch {
    // A cache that can't be written costs the same time again, no more.
  }
  return made;
}

function readKept(file: string): SpikeSamples | undefined {
  try {
    const kept = deserialize(readFileSync(file)) as SpikeSamples;
    const { labels, offsets, steps, events } = kept;
    const whole = offsets.length === labels.length * (steps + 1) && offsets.at(-1) === events.length;
    return whole ? kept : undefined;
  } catch {
    return undefined;
  }
}
