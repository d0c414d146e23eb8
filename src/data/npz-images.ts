/** Labelled images from NumPy's .npz files: one array of images, one of labels, in one file or in two. */
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { parseNpy } from '../network/connectivity/npy.ts';
import { NetworkError } from '../network/errors.ts';
import { DataError } from './errors.ts';
import type { LabelledImages } from './mnist.ts';

/** Names under which arrays are looked for where a file has several. */
const IMAGE_NAMES = ['x', 'images', 'x_train', 'data', 'arr_0'];
const LABEL_NAMES = ['y', 'labels', 'y_train', 'targets', 'arr_1'];
const MOST_CLASSES = 256;
const MOST_PIXELS = 65_535;

/**
 * Images are numbers of any shape behind their first axis: whole ones from 0 to 255 as they stand, fractions from 0 to 1
 * times 255. Labels are whole numbers from 0.
 *
 * @throws {DataError} `malformed`, naming the file, the array and the value
 */
export function loadNpzImages(imagesFile: string, labelsFile: string): LabelledImages {
  const images = arrayOf(imagesFile, IMAGE_NAMES, imagesFile === labelsFile);
  const labels = arrayOf(labelsFile, LABEL_NAMES, imagesFile === labelsFile);
  const [count = 0, ...rest] = images.shape;
  const pixelsPerImage = rest.reduce((product, size) => product * size, 1);
  if (images.shape.length < 2 || pixelsPerImage < 1 || pixelsPerImage > MOST_PIXELS) {
    throw new DataError(
      'malformed',
      `${images.place} has shape (${images.shape.join(', ')}): give images of 1 to ${MOST_PIXELS} pixels, (samples, ...)`,
    );
  }
  if (labels.values.length !== count) {
    throw new DataError(
      'malformed',
      `${labels.place} has ${labels.values.length} labels for ${count} images: give one each`,
    );
  }
  const classes = 1 + labels.values.reduce((most, label) => Math.max(most, label), 0);
  const bad = labels.values.findIndex(
    (label) => !Number.isInteger(label) || label < 0 || label >= MOST_CLASSES,
  );
  if (bad >= 0) {
    throw new DataError(
      'malformed',
      `${labels.place}, entry ${bad} is ${labels.values[bad]}: give whole numbers from 0 to ${MOST_CLASSES - 1}`,
    );
  }
  return { pixels: bytesOf(images), pixelsPerImage, labels: Uint8Array.from(labels.values), classes };
}

interface NamedArray {
  /** Names the file and the array in errors. */
  readonly place: string;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

function bytesOf({ values, place }: NamedArray): Uint8Array {
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  const scale = largest <= 1 && values.some((value) => !Number.isInteger(value)) ? 255 : 1;
  return Uint8Array.from(values, (value, i) => {
    const byte = Math.round(value * scale);
    if (!(byte >= 0 && byte <= 255)) {
      throw new DataError(
        'malformed',
        `${place}, entry ${i} is ${value}: give 0 to 255, or fractions from 0 to 1`,
      );
    }
    return byte;
  });
}

/** The array of a file: its only one, or that of a known name. */
function arrayOf(file: string, names: readonly string[], shared: boolean): NamedArray {
  const members = unzipped(file);
  const found = Object.keys(members).map((name) => name.replace(/\.npy$/, ''));
  const name =
    (found.length === 1 && !shared ? found[0] : undefined) ?? names.find((one) => found.includes(one));
  if (name === undefined) {
    throw new DataError(
      'malformed',
      shared
        ? `${file} has the arrays ${found.join(', ') || 'none'}: name the images ${IMAGE_NAMES[0]} and the labels ${LABEL_NAMES[0]}, or give the labels' file too (settings.labels)`
        : `${file} has the arrays ${found.join(', ') || 'none'}: name one of them ${names[0]}`,
    );
  }
  const place = `${file}, array "${name}"`;
  try {
    const { shape, values } = parseNpy(members[`${name}.npy`] as Uint8Array, place);
    if (values instanceof Float64Array) return { place, shape, values };
  } catch (cause) {
    if (!(cause instanceof NetworkError)) throw cause;
    throw new DataError('malformed', cause.message, { cause });
  }
  throw new DataError('malformed', `${place} is no array of numbers: save it as numbers`);
}

function unzipped(file: string): Record<string, Uint8Array> {
  try {
    return unzipSync(readFileSync(file));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(
      'malformed',
      `${file} is no zip file that can be read (${reason}): save it with numpy.savez`,
      {
        cause,
      },
    );
  }
}
