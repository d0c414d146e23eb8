/**
 * `fixtures/heidelberg.h5` has the published schema and was written by h5py 3.16 (HDF5's oldest format): series of
 * 16-bit reals and units in chunks of 2, speakers packed by shuffle and gzip, keys as text of 10 bytes.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { Hdf5File, halfPrecision } from '../../src/data/hdf5.ts';
import { readHeidelberg } from '../../src/data/heidelberg.ts';

const path = new URL('./fixtures/heidelberg.h5', import.meta.url).pathname;
const bytes = readFileSync(path);

describe('HDF5', () => {
  const file = new Hdf5File(bytes, 'heidelberg.h5');

  it('has series of 16-bit reals and of whole numbers', () => {
    const half = (value: number) => Number(value.toPrecision(3));
    expect([...file.series('/spikes/times')].map((series) => [...series].map(half))).toEqual([
      [0, 0.125, 0.5, 1.25],
      [0.01],
      [],
      [0.3, 0.3, 1.5],
      [0.7, 0.9],
    ]);
    expect([...file.series('spikes/units')].map((series) => [...series])).toEqual([
      [0, 699, 350, 1],
      [100],
      [],
      [6, 7, 8],
      [500, 501],
    ]);
  });

  it('has numbers, contiguous and packed in chunks, and text', () => {
    expect([...file.numbers('labels')]).toEqual([3, 0, 1, 2, 3]);
    expect([...file.numbers('extra/speaker')]).toEqual([4, 4, 0, 1, 11]);
    expect(file.texts('extra/keys')).toEqual(['zero', 'one', 'null', 'eins']);
  });

  it('says what is wrong', () => {
    expect(() => file.numbers('extra/age')).toThrow(/heidelberg.h5 has no extra\/age/);
    expect(() => file.numbers('spikes/times')).toThrow(/has series at spikes\/times, not numbers/);
    expect(() => file.numbers('spikes')).toThrow(/has no dataset at spikes/);
    expect(() => new Hdf5File(bytes.subarray(1), 'x.h5')).toThrow(/x.h5 is no HDF5 file/);
    const newer = Uint8Array.from(bytes);
    newer[8] = 2;
    expect(() => new Hdf5File(newer, 'x.h5')).toThrow(/version 2 of the superblock/);
  });

  it('never reads beyond a file that is cut short', () => {
    for (let length = 100; length < bytes.length; length += 397) {
      const read = () => {
        const cut = new Hdf5File(bytes.subarray(0, length), 'x.h5');
        return [[...cut.series('spikes/times')], cut.numbers('extra/speaker')];
      };
      try {
        read();
      } catch (error) {
        expect(error).toMatchObject({ name: 'DataError' });
      }
    }
  });
});

it('half precision', () => {
  const of = [0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x03ff, 0x7c00, 0x8000].map(halfPrecision);
  expect(of).toEqual([1, -2, 0.333251953125, 65504, 2 ** -24, 1023 * 2 ** -24, Number.POSITIVE_INFINITY, -0]);
  expect(halfPrecision(0x7e00)).toBeNaN();
});

describe('Heidelberg digits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-shd-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are binned in time and in channels, packed or not', () => {
    const packed = join(folder, 'shd.h5.gz');
    writeFileSync(packed, gzipSync(bytes));
    for (const file of [path, packed]) {
      const found = readHeidelberg(file, { stepMs: 10, durationMs: 1400, inputs: 350 });
      expect(found).toMatchObject({ steps: 140, inputs: 350, classes: 4 });
      expect(found.keys).toEqual(['zero', 'one', 'null', 'eins']);
      expect([...found.speakers]).toEqual([4, 4, 0, 1, 11]);
      expect([...found.labels]).toEqual([3, 0, 1, 2, 3]);
      const spikes = (sample: number) => {
        const list: number[][] = [];
        for (let t = 0; t < 140; t++) {
          const at = sample * 141 + t;
          for (const input of found.events.subarray(found.offsets[at], found.offsets[at + 1]))
            list.push([t, input]);
        }
        return list;
      };
      expect(spikes(0)).toEqual([
        [0, 0],
        [12, 349],
        [50, 175],
        [125, 0],
      ]);
      expect(spikes(2)).toEqual([]);
      // Channels 6 and 7 are one input; 1.5 s is beyond the end. 0.3 s is a little more in 16 bits.
      expect(spikes(3)).toEqual([[30, 3]]);
    }
  });

  it('say where they should be', () => {
    expect(() => readHeidelberg(join(folder, 'none.h5'))).toThrow(/can't read .*none.h5.*give the .h5 file/);
  });
});
