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
import { eventsByStep, type Frames, readAedat, readGestures, readNMnist } from './event-files.ts';
import { SampleWriter } from './event-lists.ts';
import type { SpikeSamples } from './samples.ts';

const NMNIST_SIDE = 34;
const GESTURE_SIDE = 128;
const GESTURES = 11;

export type CameraOptions = Pick<Frames, 'pool' | 'steps' | 'stepMs'>;

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
 * Reads DVS128 Gesture: the beginning of every gesture.
 *
 * @throws {DataError} `missing` or `malformed`
 */
export function loadGestures(folder: string, part: 'train' | 'test', options: CameraOptions): SpikeSamples {
  const writer = new SampleWriter(options.steps, sampleShape(GESTURE_SIDE, options));
  const trials = text(join(folder, `trials_to_${part}.txt`)).split(/\r?\n/);
  for (const trial of trials.map((line) => line.trim()).filter((line) => line !== '')) {
    const name = trial.replace(/\.aedat$/, '');
    const path = join(folder, `${name}.aedat`);
    const events = readAedat(content(path), path);
    const labels = join(folder, `${name}_labels.csv`);
    for (const { label, startUs, endUs } of readGestures(text(labels), labels)) {
      writer.add(eventsByStep(events, { ...options, side: GESTURE_SIDE, startUs, endUs }), label);
    }
  }
  return writer.done(GESTURES);
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
