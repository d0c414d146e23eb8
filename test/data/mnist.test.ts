import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadMnist } from '../../src/data/mnist.ts';

describe('MNIST', () => {
  it('has the published numbers of images of each digit', () => {
    const counts = (part: 'train' | 'test') => {
      const { labels } = loadMnist(part);
      return Array.from({ length: 10 }, (_, digit) => labels.filter((label) => label === digit).length);
    };
    expect(counts('train')).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(counts('test')).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect(loadMnist('train').pixels.length).toBe(60_000 * 784);
  });

  describe('files that are not as they should be', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tacet-mnist-'));
    afterAll(() => rmSync(folder, { recursive: true }));
    const images = join(folder, 'train-images-idx3-ubyte');
    const labels = join(folder, 'train-labels-idx1-ubyte');
    /** An IDX file of two images of 1 x 2 pixels. */
    const idx = (sizes: number[], data: number[]) => {
      const head = [0, 0, 8, sizes.length, ...sizes.flatMap((size) => [0, 0, 0, size])];
      return Uint8Array.from([...head, ...data]);
    };

    it('are read when they are right', () => {
      writeFileSync(images, idx([2, 1, 2], [1, 2, 3, 4]));
      writeFileSync(labels, idx([2], [7, 9]));
      const read = loadMnist('train', folder);
      expect(read).toMatchObject({ pixelsPerImage: 2, classes: 10 });
      expect([...read.pixels]).toEqual([1, 2, 3, 4]);
      expect([...read.labels]).toEqual([7, 9]);
    });

    it.each([
      ['cut short', idx([2, 1, 2], [1, 2, 3]), /has 19 bytes; its header says 20/],
      ['of another kind', idx([4], [1, 2, 3, 4]), /no IDX file of the kind 00000803/],
      ['empty', new Uint8Array(0), /no IDX file/],
      ['of another number of images', idx([1, 1, 2], [1, 2]), /1 train images, but 2 labels/],
    ])('%s', (_, bytes, message) => {
      writeFileSync(labels, idx([2], [7, 9]));
      writeFileSync(images, bytes);
      expect(() => loadMnist('train', folder)).toThrow(message);
    });

    it('missing', () => {
      expect(() => loadMnist('test', folder)).toThrow(/can't read .*t10k-images-idx3-ubyte/);
    });
  });
});
