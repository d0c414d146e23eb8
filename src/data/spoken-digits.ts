/**
 * The Free Spoken Digit Dataset (Jackson and others, version 1.0.10, CC BY-SA 4.0): 3,000 recordings of ten digits by
 * six speakers, named `{digit}_{speaker}_{index}.wav`, 8 kHz. The usual test set is index 0 to 4 of each.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type CochleaOptions, encodeSound } from './cochlea.ts';
import { DataError } from './errors.ts';
import { SampleWriter } from './event-lists.ts';
import { chosenSpikes, type SpikeSamples } from './samples.ts';
import { readTar } from './tar.ts';
import { readWav } from './wav.ts';

export interface Recording {
  readonly digit: number;
  readonly speaker: string;
  readonly index: number;
  readonly content: Uint8Array;
}

/**
 * The recordings in a folder of WAV files, or in an archive of one, by name.
 *
 * @throws {DataError} `missing`, or `malformed` when there is no file of such a name
 */
export function readSpokenDigits(path: string): Recording[] {
  const found: Recording[] = [];
  const take = (name: string, content: () => Uint8Array) => {
    const parts = /(?:^|\/)(\d)_([a-z]+)_(\d+)\.wav$/.exec(name);
    if (!parts) return;
    const [, digit, speaker, index] = parts as unknown as [string, string, string, string];
    found.push({ digit: Number(digit), speaker, index: Number(index), content: content() });
  };
  try {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path)) take(name, () => readFileSync(join(path, name)));
    } else {
      for (const file of readTar(readFileSync(path), path)) take(file.name, () => file.content);
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(
      'missing',
      `can't read ${path}: ${why}; give the folder or the archive of the recordings`,
      {
        cause,
      },
    );
  }
  if (found.length === 0) {
    throw new DataError(
      'malformed',
      `${path} has no files named like 0_george_0.wav; give the folder "recordings"`,
    );
  }
  const order = ({ digit, speaker, index }: Recording) =>
    `${digit}_${speaker}_${String(index).padStart(4, '0')}`;
  return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

export interface SpokenDigitsOptions extends CochleaOptions {
  /** Milliseconds of a step. */
  readonly stepMs?: number;
  /** Held out as the test set; without it, index 0 to 4 of each speaker and digit are. */
  readonly speaker?: string;
}

/**
 * Encodes the recordings by the cochlea, and splits them. A channel that spikes more than once in a step spikes once there.
 *
 * @throws {DataError} for a file that is no such recording, and a speaker who is not there
 */
export function spokenDigits(
  recordings: readonly Recording[],
  options: SpokenDigitsOptions = {},
): { readonly train: SpikeSamples; readonly test: SpikeSamples } {
  checkSpeaker(recordings, options.speaker);
  return splitRecordings(recordings, encodeRecordings(recordings, options), options.speaker);
}

/** @throws {DataError} when no recording is of the speaker, listing those there are */
export function checkSpeaker(recordings: readonly Recording[], speaker: string | undefined): void {
  if (speaker !== undefined && !recordings.some((recording) => recording.speaker === speaker)) {
    const known = [...new Set(recordings.map((recording) => recording.speaker))].sort().join(', ');
    throw new DataError('missing', `there is no speaker "${speaker}"; there are ${known}`);
  }
}

/** All recordings in their order. @throws {DataError} for a file that is no such recording */
export function encodeRecordings(
  recordings: readonly Recording[],
  options: Omit<SpokenDigitsOptions, 'speaker'>,
): SpikeSamples {
  const { stepMs = 10, durationMs = 1000, channels = 32 } = options;
  const steps = Math.ceil(durationMs / stepMs);
  const writer = new SampleWriter(steps, [1, 1, channels]);
  for (const { digit, speaker, index, content } of recordings) {
    const spikes = Array.from({ length: steps }, (): number[] => []);
    const sound = readWav(content, `${digit}_${speaker}_${index}.wav`);
    const fine = encodeSound(sound, { ...options, durationMs, channels });
    for (const [ms, inputs] of fine.entries()) spikes[Math.floor(ms / stepMs)]?.push(...inputs);
    writer.add(spikes, digit);
  }
  return writer.done(10);
}

/** @param encoded of the same recordings in the same order */
export function splitRecordings(
  recordings: readonly Pick<Recording, 'speaker' | 'index'>[],
  encoded: SpikeSamples,
  speaker: string | undefined,
): { readonly train: SpikeSamples; readonly test: SpikeSamples } {
  const isHeld = (one: Pick<Recording, 'speaker' | 'index'>): boolean =>
    speaker === undefined ? one.index < 5 : one.speaker === speaker;
  const numbers = (held: boolean): Uint32Array =>
    Uint32Array.from(
      [...recordings.keys()].filter((number) => isHeld(recordings[number] as Recording) === held),
    );
  return { train: chosenSpikes(encoded, numbers(false)), test: chosenSpikes(encoded, numbers(true)) };
}
