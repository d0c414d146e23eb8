/**
 * Data sets of event cameras in their published folders.
 *
 * - N-MNIST (Orchard, Jayawant, Cohen, Thakor 2015, CC BY-SA 4.0): `Train/<digit>/<id>.bin`, `Test/<digit>/<id>.bin`,
 *   34 x 34 pixels, about 310 ms.
 * - DVS128 Gesture (Amir and others 2017, CC BY 4.0): `userNN_<light>.aedat` with `userNN_<light>_labels.csv`, and
 *   `trials_to_train.txt`, `trials_to_test.txt`; 128 x 128 pixels, 11 classes, 5 to 8 s. Its host has no address for
 *   programs: it is fetched by hand.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from './errors.ts';
import {
  eventsBetween,
  eventsByStep,
  type Frames,
  readAedat,
  readGestures,
  readNMnist,
} from './event-files.ts';
import { denoised } from './event-filter.ts';
import { SampleWriter } from './event-lists.ts';
import type { SpikeSamples } from './samples.ts';

const NMNIST_SIDE = 34;
const GESTURE_SIDE = 128;
const GESTURES = 11;

export type CameraOptions = Pick<Frames, 'pool' | 'steps' | 'stepMs'>;

export interface GestureOptions extends CameraOptions {
  /** An event is dropped without a neighbour within this time, us ({@link denoised}); 0 or absent: none is. */
  readonly denoiseUs?: number;
  /** Recordings at most, of a user and a light each; all when absent. */
  readonly recordings?: number;
}

/**
 * Reads N-MNIST.
 *
 * @param folder that which has `Train` and `Test`
 * @param limit samples of each digit at most
 * @throws {DataError} `missing` or `malformed`
 */
export function loadNMnist(
  folder: string,
  part: 'train' | 'test',
  options: CameraOptions,
  limit = Number.POSITIVE_INFINITY,
): SpikeSamples {
  const root = join(folder, part === 'train' ? 'Train' : 'Test');
  const writer = new SampleWriter(options.steps, sampleShape(NMNIST_SIDE, options));
  for (let digit = 0; digit < 10; digit++) {
    const names = listed(join(root, String(digit)), 'give the folder that has Train and Test of N-MNIST');
    const samples = names.filter((name) => name.endsWith('.bin')).sort();
    for (const name of samples.slice(0, limit)) {
      const path = join(root, String(digit), name);
      writer.add(
        eventsByStep(readNMnist(readFileSync(path), path), { ...options, side: NMNIST_SIDE }),
        digit,
      );
    }
  }
  return writer.done(10);
}

/**
 * Reads DVS128 Gesture. With `stepMs` a sample is the beginning of a gesture, without it the whole gesture in `steps`
 * frames of the same length.
 *
 * @throws {DataError} `missing` or `malformed`
 */
export function loadGestures(folder: string, part: 'train' | 'test', options: GestureOptions): SpikeSamples {
  const writer = new SampleWriter(options.steps, sampleShape(GESTURE_SIDE, options));
  const { denoiseUs = 0, stepMs } = options;
  for (const { recording, labels } of gestureFiles(folder, part, options.recordings)) {
    const events = readAedat(content(recording), recording);
    for (const { label, startUs, endUs } of readGestures(text(labels), labels)) {
      const cut = eventsBetween(events, startUs, endUs);
      const kept = denoiseUs > 0 ? denoised(cut, GESTURE_SIDE, denoiseUs) : cut;
      const start = stepMs === undefined ? {} : { startUs };
      writer.add(eventsByStep(kept, { ...options, ...start, side: GESTURE_SIDE }), label);
    }
  }
  return writer.done(GESTURES);
}

/**
 * The recordings of a part of DVS128 Gesture in the order of its list, with the files of their labels.
 *
 * @param most recordings
 * @throws {DataError} `missing` where the folder has no such list
 */
export function gestureFiles(
  folder: string,
  part: 'train' | 'test',
  most = Number.POSITIVE_INFINITY,
): { readonly recording: string; readonly labels: string }[] {
  const lines = text(join(folder, `trials_to_${part}.txt`)).split(/\r?\n/);
  const names = lines.map((line) => line.trim().replace(/\.aedat$/, '')).filter((name) => name !== '');
  return names.slice(0, most).map((name) => ({
    recording: join(folder, `${name}.aedat`),
    labels: join(folder, `${name}_labels.csv`),
  }));
}

function sampleShape(side: number, { pool = 1 }: CameraOptions): [number, number, number] {
  if (!(Number.isSafeInteger(pool) && pool >= 1))
    throw new RangeError(`pool is ${pool}: give a whole number of at least 1`);
  const width = Math.ceil(side / pool);
  return [width, width, 2];
}

function content(path: string): Uint8Array {
  return found(path, () => readFileSync(path), 'give the folder of DVS Gesture');
}

function text(path: string): string {
  return found(path, () => readFileSync(path, 'utf8'), 'give the folder of DVS Gesture');
}

function listed(folder: string, remedy: string): string[] {
  return found(folder, () => readdirSync(folder), remedy);
}

function found<T>(path: string, read: () => T, remedy: string): T {
  try {
    return read();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DataError('missing', `can't read ${path}: ${why}; ${remedy}`, { cause });
  }
}
