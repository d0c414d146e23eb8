/** Spoken digits for training: the same spikes by threads, from what was kept, and with steps joined. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinSteps, type SpikeSamples, storedSpikes } from '../../../src/data/samples.ts';
import { readSpokenDigits, spokenDigits } from '../../../src/data/spoken-digits.ts';
import { encodeSpokenDigits } from '../../../src/study/training/spoken-digits-data.ts';
import { tone, wav } from '../../data/sounds.ts';

const OPTIONS = { channels: 8, stepMs: 1, durationMs: 100 };
const base = mkdtempSync(join(tmpdir(), 'tacet-digits-'));
const [recordings, kept] = [join(base, 'recordings'), join(base, 'kept')];
afterAll(() => rmSync(base, { recursive: true }));

beforeAll(() => {
  mkdirSync(recordings);
  // More than one thread's share.
  for (let index = 0; index < 60; index++) {
    const speaker = index % 2 === 0 ? 'ann' : 'bob';
    writeFileSync(
      join(recordings, `${index % 10}_${speaker}_${index}.wav`),
      wav(tone(200 + 20 * index, 800)),
    );
  }
});

/** Inputs that spike, for each sample and step. */
function spikesOf(set: SpikeSamples, factor = 1): string {
  const source = joinSteps(set, factor);
  const all = Uint32Array.from(set.labels, (_, sample) => sample);
  const batch = source.batch(all, 0);
  if (batch.kind !== 'events') throw new Error('there are no events');
  return Array.from({ length: batch.offsets.length - 1 }, (_, step) =>
    [...batch.events.subarray(batch.offsets[step], batch.offsets[step + 1])].sort((a, b) => a - b).join(),
  ).join(';');
}

describe('spoken digits for training', () => {
  it('are those of one thread, kept for the next time, and encoded again where that is spoilt', async () => {
    const load = async () => (await encodeSpokenDigits(recordings, OPTIONS, kept)).train as SpikeSamples;
    const expected = spokenDigits(readSpokenDigits(recordings), OPTIONS).train;
    const first = await load();
    expect([...first.labels]).toEqual([...expected.labels]);
    expect(first.events.length).toBeGreaterThan(100);
    expect(spikesOf(first)).toBe(spikesOf(expected));
    const [file = ''] = readdirSync(kept);
    expect(spikesOf(await load())).toBe(spikesOf(expected));
    writeFileSync(join(kept, file), 'spoilt');
    expect(spikesOf(await load())).toBe(spikesOf(expected));
  });

  it('of a step of 1 ms are, joined, those of longer steps', () => {
    const all = readSpokenDigits(recordings);
    const long = spokenDigits(all, { ...OPTIONS, stepMs: 7 }).test;
    const fine = spokenDigits(all, OPTIONS).test;
    expect(joinSteps(fine, 7).steps).toBe(storedSpikes(long).steps);
    expect(spikesOf(fine, 7)).toBe(spikesOf(long));
  });

  it('hold one speaker out', async () => {
    const { train, test } = await encodeSpokenDigits(recordings, { ...OPTIONS, speaker: 'bob' }, kept);
    expect([train.labels.length, test.labels.length]).toEqual([30, 30]);
    await expect(encodeSpokenDigits(recordings, { ...OPTIONS, speaker: 'eve' }, kept)).rejects.toThrow(
      /no speaker "eve"/,
    );
  });
});
