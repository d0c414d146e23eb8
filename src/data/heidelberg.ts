/**
 * The Spiking Heidelberg Digits and the Spiking Speech Commands (Cramer, Stradmann, Schemmel, Zenke 2020, CC BY 4.0):
 * spoken words through a model of the inner ear, 700 channels, channel 0 the highest frequency. SHD has 8,156 and 2,264
 * samples of 20 classes, SSC 75,466, 9,981 and 20,382 of 35.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type DownloadOptions, fetched, type RemoteFile } from './download.ts';
import { DataError } from './errors.ts';
import { SampleWriter } from './event-lists.ts';
import { Hdf5File } from './hdf5.ts';
import type { SpikeSamples } from './samples.ts';

const CHANNELS = 700;
const HOSTS = ['https://zenkelab.org/datasets/', 'https://compneuro.net/datasets/'];

/** The published files, packed; SSC's are published with checksums of other packings only, so they are given by path. */
export const HEIDELBERG_FILES: Readonly<Record<'shd_train' | 'shd_test', RemoteFile>> = {
  shd_train: remote('shd_train.h5.gz', 'd47c9825dee33347913e8ce0f2be08b0'),
  shd_test: remote('shd_test.h5.gz', '3062a80ec0c5719404d5b02e166543b1'),
};

function remote(name: string, md5: string): RemoteFile {
  return {
    name: `heidelberg/${name}`,
    urls: HOSTS.map((host) => host + name),
    checksum: { kind: 'md5', value: md5 },
  };
}

export interface HeidelbergOptions {
  /** Milliseconds of a step; times are stored so coarsely that steps below 2 ms beat. */
  readonly stepMs?: number;
  /** Spikes later than this are left out. */
  readonly durationMs?: number;
  /** Neighbouring channels are joined to so many inputs. */
  readonly inputs?: number;
}

export interface HeidelbergSamples extends SpikeSamples {
  /** [sample]; to hold speakers out, since SHD has no validation set. */
  readonly speakers: Uint8Array;
  /** Names of the classes. */
  readonly keys: readonly string[];
}

/** Fetches one of the published files, unless it is in the cache, and reads it. */
export async function loadHeidelberg(
  part: keyof typeof HEIDELBERG_FILES,
  options: HeidelbergOptions & DownloadOptions = {},
): Promise<HeidelbergSamples> {
  return readHeidelberg(await fetched(HEIDELBERG_FILES[part], options), options);
}

/**
 * Reads a file, packed by gzip or not. Several spikes of an input in one step count as one.
 *
 * @throws {DataError} `missing` or `malformed`
 */
export function readHeidelberg(path: string, options: HeidelbergOptions = {}): HeidelbergSamples {
  const { stepMs = 10, durationMs = 1400, inputs = CHANNELS } = options;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DataError('missing', `can't read ${path}: ${why}; give the .h5 file or its .gz`, { cause });
  }
  const file = new Hdf5File(bytes, path);
  const labels = file.numbers('labels');
  const keys = file.texts('extra/keys');
  const steps = Math.ceil(durationMs / stepMs);
  const writer = new SampleWriter(steps, [1, 1, inputs]);
  const units = file.series('spikes/units');
  let sample = 0;
  for (const times of file.series('spikes/times')) {
    const channels = units.next().value as Float64Array | undefined;
    if (channels?.length !== times.length) {
      throw new DataError(
        'malformed',
        `${path}: sample ${sample} has ${times.length} times, but ${channels?.length} units`,
      );
    }
    const spikes = Array.from({ length: steps }, (): number[] => []);
    for (const [event, seconds] of times.entries()) {
      const input = Math.floor(((channels[event] as number) * inputs) / CHANNELS);
      spikes[Math.floor((seconds * 1000) / stepMs)]?.push(input);
    }
    writer.add(spikes, labels[sample] as number);
    sample++;
  }
  const speakers = Uint8Array.from(file.numbers('extra/speaker'));
  return { ...writer.done(keys.length), speakers, keys };
}
