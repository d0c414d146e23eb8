/**
 * CIFAR-10 in its published binary form (Krizhevsky 2009): five training files and one of tests, records of one byte for
 * the label and 3,072 for the pixels: 1,024 red, then green, then blue, each by rows of 32. The folder is given by the user;
 * nothing is downloaded.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Draws } from '../random/draws.ts';
import { keyOf, STREAMS } from '../random/philox.ts';
import { SampleWriter } from './event-lists.ts';
import type { SpikeSamples } from './samples.ts';

/** A file that is not as published: the place and the remedy. */
export class Cifar10Error extends Error {
  override readonly name = 'DataError';
  readonly code = 'bad-cifar10';
}

export interface Cifar10Images {
  readonly count: number;
  /** [image][channel][row][column]: red, green, blue. */
  readonly pixels: Uint8Array;
  readonly pixelsPerImage: 3072;
  /** [image]: 0 to 9. */
  readonly labels: Uint8Array;
}

export const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

const RECORD = 3073;
const SOURCE = 'cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html, unpacked';

/** @param folder the unpacked archive's, with its .bin files @throws {Cifar10Error} naming the file and what to do */
export function readCifar10(folder: string, split: 'train' | 'test'): Cifar10Images {
  const files = split === 'test' ? ['test_batch.bin'] : [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
  const parts = files.map((file) => parseCifar10(readBytes(join(folder, file)), join(folder, file)));
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const pixels = new Uint8Array(count * 3072);
  const labels = new Uint8Array(count);
  let at = 0;
  for (const part of parts) {
    pixels.set(part.pixels, at * 3072);
    labels.set(part.labels, at);
    at += part.count;
  }
  return { count, pixels, pixelsPerImage: 3072, labels };
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new Cifar10Error(`${path} can't be read (${code}): give the folder of ${SOURCE}`, { cause });
  }
}

/** Records of one file. @param place names it in errors */
export function parseCifar10(bytes: Uint8Array, place: string): Cifar10Images {
  if (bytes.length === 0 || bytes.length % RECORD !== 0) {
    throw new Cifar10Error(
      `${place} has ${bytes.length} bytes, no whole number of records of ${RECORD}: it is cut off, or not the binary version; give ${SOURCE}`,
    );
  }
  const count = bytes.length / RECORD;
  const pixels = new Uint8Array(count * 3072);
  const labels = new Uint8Array(count);
  for (let image = 0; image < count; image++) {
    const label = bytes[image * RECORD] as number;
    if (label > 9) {
      throw new Cifar10Error(`${place}: record ${image} has the label ${label}, above 9: give ${SOURCE}`);
    }
    labels[image] = label;
    pixels.set(bytes.subarray(image * RECORD + 1, (image + 1) * RECORD), image * 3072);
  }
  return { count, pixels, pixelsPerImage: 3072, labels };
}

export interface RowEncoding {
  /** Steps for which a row is shown. */
  readonly stepsPerRow: number;
  /** Of a spike of a pixel of 255, in a step. */
  readonly spikeProbability: number;
  readonly seed: number;
}

/**
 * Images row by row, as rates: input c 32 + x is color c of column x. In each step it spikes with a probability in
 * proportion to the pixel, drawn anew.
 *
 * @param indices of the images, in the order of the samples
 */
export function cifar10Rows(
  images: Cifar10Images,
  indices: ArrayLike<number>,
  { stepsPerRow, spikeProbability, seed }: RowEncoding,
): SpikeSamples {
  const writer = new SampleWriter(32 * stepsPerRow, [1, 1, 96]);
  for (const index of Array.from(indices)) {
    if (!(index >= 0 && index < images.count)) {
      throw new Cifar10Error(`image ${index} is not one of ${images.count}: give indices of those there are`);
    }
    const draws = new Draws(keyOf(seed), STREAMS.encoding).at(index, 0);
    const spikes = Array.from({ length: 32 * stepsPerRow }, (_, step) => {
      const row = Math.floor(step / stepsPerRow);
      return Array.from({ length: 96 }, (_, input) => input).filter((input) => {
        const place = Math.floor(input / 32) * 1024 + row * 32 + (input % 32);
        const pixel = images.pixels[index * images.pixelsPerImage + place] as number;
        return draws.unit() < (spikeProbability * pixel) / 255;
      });
    });
    writer.add(spikes, images.labels[index] as number);
  }
  return writer.done(10);
}
