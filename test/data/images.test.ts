import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadImages } from '../../src/data/images.ts';
import { loadMnist } from '../../src/data/mnist.ts';
import { npyOf } from '../../src/network/exchange/weights-file.ts';
import { DEVICE, jsonLines, tacet, temporaryFolder } from '../cli/tacet.ts';
import { bar, writeTwoDigits } from './own-images.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
beforeAll(() => writeTwoDigits(folder.path, 200));
const at = (name: string) => join(folder.path, name);
const SIZES = { trainSamples: 3, holdOutSamples: 1 };

/** A file with arrays of some shape. */
function write(name: string, arrays: Readonly<Record<string, readonly [number[], number[]]>>): string {
  const members = Object.entries(arrays).map(([array, [shape, values]]) => {
    return [`${array}.npy`, npyOf(Float64Array.from(values), '<f8', shape)] as const;
  });
  writeFileSync(at(name), zipSync(Object.fromEntries(members)));
  return at(name);
}

describe("images of one's own", () => {
  it('are MNIST where none are given', () => {
    const [images, mnist] = [loadImages(SIZES), loadMnist('train')];
    expect(Buffer.compare(images.pixels, mnist.pixels)).toBe(0);
    expect(images.labels).toHaveLength(60_000);
  });

  it('come from two files, fractions scaled to bytes', () => {
    const images = loadImages({ ...SIZES, images: at('images.npz'), labels: at('labels.npz') });
    expect(images).toMatchObject({ pixelsPerImage: 100, classes: 2 });
    expect(images.labels).toEqual(Uint8Array.from({ length: 200 }, (_, k) => k % 2));
    expect(Array.from(images.pixels.subarray(300, 400))).toEqual(bar(3));
  });

  it('come from one file, whole numbers as they stand', () => {
    const both = write('both.npz', {
      x: [
        [4, 2],
        [0, 255, 1, 2, 3, 4, 5, 6],
      ],
      y: [[4], [0, 1, 2, 0]],
    });
    const images = loadImages({ ...SIZES, images: both });
    expect(Array.from(images.pixels)).toEqual([0, 255, 1, 2, 3, 4, 5, 6]);
    expect(images.classes).toBe(3);
  });

  it.each<[string, () => string, string]>([
    [
      'too few',
      () =>
        write('few.npz', {
          x: [
            [2, 1],
            [1, 1],
          ],
          y: [[2], [0, 1]],
        }),
      'has 2 images; trainSamples and holdOutSamples are 4',
    ],
    [
      'out of range',
      () =>
        write('range.npz', {
          x: [
            [4, 1],
            [1, 2, 3, 300],
          ],
          y: [[4], [0, 0, 1, 1]],
        }),
      'array "x", entry 3 is 300: give 0 to 255',
    ],
    [
      'without as many labels',
      () =>
        write('labels3.npz', {
          x: [
            [4, 1],
            [1, 2, 3, 4],
          ],
          y: [[3], [0, 0, 1]],
        }),
      'has 3 labels for 4 images',
    ],
    [
      'with labels that are fractions',
      () =>
        write('frac.npz', {
          x: [
            [4, 1],
            [1, 2, 3, 4],
          ],
          y: [[4], [0, 0.5, 1, 1]],
        }),
      'array "y", entry 1 is 0.5',
    ],
    [
      'flat',
      () => write('flat.npz', { x: [[4], [1, 2, 3, 4]], y: [[4], [0, 0, 1, 1]] }),
      'has shape (4): give images',
    ],
    [
      'under other names',
      () =>
        write('names.npz', {
          foo: [
            [4, 1],
            [1, 2, 3, 4],
          ],
          bar: [[4], [0, 0, 1, 1]],
        }),
      'has the arrays foo, bar: name the images x and the labels y, or give',
    ],
  ])('that are %s are refused', (_, file, message) => {
    expect(() => loadImages({ ...SIZES, images: file() })).toThrow(message);
  });

  it('are searched on: bars in two directions are told apart', async () => {
    const set = [
      'images=images.npz',
      'labels=labels.npz',
      'trainSamples=150',
      'holdOutSamples=50',
      'excitatoryAlpha=0',
      'inhibitoryAlpha=0',
    ];
    const args = [
      'search',
      'mnist-stdp',
      '--name',
      'own',
      '--trials',
      '6',
      '--json',
      '--devices',
      DEVICE,
      '--optimizer',
      'sobol',
    ];
    const space = ['space.map_size.high=60', 'space.epochs=1', 'space.decoder=all'];
    const sets = [...set.map((one) => `settings.${one}`), ...space].flatMap((one) => ['--set', one]);
    const { code, stdout, stderr } = await tacet([...args, ...sets], folder.path);
    expect(code, stderr).toBe(0);
    const best = jsonLines(stdout).at(-1)?.best as { readonly objective: number };
    // Half of it is chance.
    expect(best.objective).toBeGreaterThan(0.8);
  });

  it('that are not there leave no study behind', async () => {
    const args = ['search', 'mnist-stdp', '--db', 'none.db', '--set', 'settings.images=nowhere.npz'];
    expect(await tacet(args, folder.path)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nowhere.npz is not there'),
    });
    expect((await tacet(['studies', '--db', 'none.db'], folder.path)).stdout).toContain('has no studies yet');
  });
});
