/** CIFAR-10's binary form, from files of the published layout with made-up pixels. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CIFAR10_CLASSES, cifar10Rows, parseCifar10, readCifar10 } from '../../src/data/cifar10.ts';

/** A label, then 1,024 bytes of each channel: channel * 80 + (place % 64). */
function record(label: number): Uint8Array {
  return Uint8Array.from({ length: 3073 }, (_, at) => {
    if (at === 0) return label;
    const pixel = at - 1;
    return Math.floor(pixel / 1024) * 80 + (pixel % 64);
  });
}

describe('CIFAR-10', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-cifar-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read batch after batch', () => {
    for (let k = 1; k <= 5; k++) {
      writeFileSync(join(folder, `data_batch_${k}.bin`), Buffer.concat([record(k), record(k + 4)]));
    }
    writeFileSync(join(folder, 'test_batch.bin'), record(0));
    const train = readCifar10(folder, 'train');
    expect([...train.labels]).toEqual([1, 5, 2, 6, 3, 7, 4, 8, 5, 9]);
    // Image 9: blue (channel 2), row 1, column 3.
    expect(train.pixels[9 * 3072 + 2 * 1024 + 32 + 3]).toBe(160 + 35);
    expect(readCifar10(folder, 'test')).toMatchObject({ count: 1, pixelsPerImage: 3072 });
    expect(CIFAR10_CLASSES[train.labels[4] as number]).toBe('cat');
  });

  it('becomes rates, row by row', () => {
    const images = parseCifar10(Buffer.concat([record(1), record(2)]), 'two');
    const encoding = { stepsPerRow: 500, spikeProbability: 0.5, seed: 1 };
    const { labels, steps, inputs, offsets, events } = cifar10Rows(images, [1, 0], encoding);
    expect([...labels]).toEqual([2, 1]);
    expect([steps, inputs]).toEqual([32 * 500, 96]);
    // Blue of column 3 in row 1 of the second image: 160 + 35, at half a spike a step for 255.
    const from = 1 * (steps + 1) + 500;
    const row = events.subarray(offsets[from], offsets[from + 500]);
    const share = row.filter((input) => input === 2 * 32 + 3).length / 500;
    expect(Math.abs(share - (0.5 * 195) / 255)).toBeLessThan(4 * Math.sqrt(0.25 / 500));
    // Red of column 0 is 0 in even rows.
    expect(events.subarray(offsets[0], offsets[500]).includes(0)).toBe(false);
    expect(cifar10Rows(images, [1, 0], encoding).events).toEqual(events);
    expect(() => cifar10Rows(images, [2], encoding)).toThrow('image 2 is not one of 2');
  });

  it('refuses what is no such file', () => {
    expect(() => parseCifar10(record(3).subarray(1), 'a.bin')).toThrow(
      'a.bin has 3072 bytes, no whole number of records',
    );
    expect(() => parseCifar10(record(10), 'a.bin')).toThrow('record 0 has the label 10');
    expect(() => readCifar10(join(folder, 'none'), 'test')).toThrow("can't be read (ENOENT)");
  });
});
