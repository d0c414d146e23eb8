import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadGestures, loadNMnist } from '../../src/data/cameras.ts';
import { aedatFile, aedatPacket, writeGestures } from './gestures.ts';

const root = mkdtempSync(join(tmpdir(), 'tacet-cameras-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('N-MNIST in its folders', () => {
  it('has its digits by folder', () => {
    for (let digit = 0; digit < 10; digit++) {
      mkdirSync(join(root, 'Train', String(digit)), { recursive: true });
      for (const id of ['00002', '00001']) {
        writeFileSync(
          join(root, 'Train', String(digit), `${id}.bin`),
          Uint8Array.of(digit, 33, 0x80, 0x07, 0xd0),
        );
      }
    }
    const found = loadNMnist(root, 'train', { steps: 3, stepMs: 1 }, 1);
    expect(found).toMatchObject({ steps: 3, inputs: 34 * 34 * 2, shape: [34, 34, 2], classes: 10 });
    expect([...found.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // At 2 ms: the third step; row 33, column of the digit, brighter.
    expect([...found.events]).toEqual(Array.from({ length: 10 }, (_, digit) => 2 * (34 * 33 + digit) + 1));
    expect(loadNMnist(root, 'train', { steps: 1, stepMs: 1 }).labels.length).toBe(20);
  });

  it('says what is missing', () => {
    expect(() => loadNMnist(root, 'test', { steps: 1, stepMs: 1 })).toThrow(
      /can't read .*Test.*has Train and Test/,
    );
  });
});

describe('DVS Gesture in its folder', () => {
  it('has a sample for each gesture', () => {
    const events = [
      [10, 20, 5000],
      [127, 127, 12_000],
      [0, 0, 30_000],
    ] as const;
    const packet = aedatPacket(
      1,
      events.map(([x, y, time]) => ({ x, y, polarity: 0, time })),
    );
    writeFileSync(join(root, 'user01_lab.aedat'), aedatFile(packet));
    writeFileSync(
      join(root, 'user01_lab_labels.csv'),
      'class,startTime_usec,endTime_usec\n3,4000,13000\n11,29000,31000\n',
    );
    writeFileSync(join(root, 'trials_to_train.txt'), 'user01_lab.aedat\n\n');
    const found = loadGestures(root, 'train', { pool: 4, steps: 5, stepMs: 2 });
    expect(found).toMatchObject({ shape: [32, 32, 2], classes: 11 });
    expect([...found.labels]).toEqual([2, 10]);
    expect([...found.events]).toEqual([2 * (32 * 5 + 2), 2 * (32 * 31 + 31), 0]);
    expect([...found.offsets]).toEqual([0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3]);
  });

  it('is cut whole into frames, without what has no neighbour', () => {
    const bars = join(root, 'bars');
    writeGestures(bars, { train: 2, test: 1, repeats: 1 });
    const read = (denoiseUs: number, recordings = 2) =>
      loadGestures(bars, 'train', { steps: 20, denoiseUs, recordings });
    const [all, some] = [read(0), read(5000)];
    expect([...all.labels]).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    expect([...read(0, 1).labels]).toEqual([0, 1, 2, 3]);
    // Of each two neighbours the first has none before it; of 13 events each 2 ms, 6 are left, and a few by chance.
    const share = some.events.length / all.events.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.65);
    const perStep = Array.from(
      { length: 20 },
      (_, t) => (all.offsets[t + 1] as number) - (all.offsets[t] as number),
    );
    expect(Math.min(...perStep)).toBeGreaterThan(20);
  });

  it('says what is missing', () => {
    expect(() => loadGestures(root, 'test', { steps: 1, stepMs: 1 })).toThrow(
      /trials_to_test.txt.*folder of DVS Gesture/,
    );
  });
});
