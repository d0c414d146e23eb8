/** The images that a study learns: MNIST, or a data set of one's own in NumPy's files. */
import { existsSync } from 'node:fs';
import { DataError } from './errors.ts';
import { type LabelledImages, loadMnist } from './mnist.ts';
import { loadNpzImages } from './npz-images.ts';

/** What a study's settings say of its data. */
export interface ImageSource {
  /** A .npz file with the images; MNIST when absent. */
  readonly images?: string | undefined;
  /** A .npz file with their labels; the file of the images when absent. */
  readonly labels?: string | undefined;
  readonly trainSamples: number;
  readonly holdOutSamples: number;
}

/**
 * Loads them.
 *
 * @throws {DataError} `missing` or `malformed`, naming the file and the array, and when there are fewer images than the
 *   study splits
 */
export function loadImages(source: ImageSource): LabelledImages {
  const { images, labels, trainSamples, holdOutSamples } = source;
  if (images === undefined) {
    if (labels !== undefined)
      throw new DataError('missing', `settings.labels is ${labels}: give settings.images too`);
    return loadMnist('train');
  }
  for (const file of [images, labels ?? images]) {
    if (!existsSync(file))
      throw new DataError('missing', `${file} is not there: give the path of a .npz file`);
  }
  const loaded = loadNpzImages(images, labels ?? images);
  const wanted = trainSamples + holdOutSamples;
  const { length } = loaded.labels;
  if (length < wanted) {
    const held = Math.max(1, Math.round(length / 5));
    throw new DataError(
      'malformed',
      `${images} has ${length} images; trainSamples and holdOutSamples are ${wanted} together: lower them, by --set settings.trainSamples=${length - held} --set settings.holdOutSamples=${held}, say`,
    );
  }
  return loaded;
}
