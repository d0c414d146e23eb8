import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { centreFrequencies, encodeSound } from '../../src/data/cochlea.ts';
import { readSpokenDigits, spokenDigits } from '../../src/data/spoken-digits.ts';
import { readTar } from '../../src/data/tar.ts';
import { readWav } from '../../src/data/wav.ts';
import { tone, wav } from './sounds.ts';

/** A tar archive of these files. */
function tar(files: Readonly<Record<string, Uint8Array>>) {
  const blocks: Buffer[] = [];
  for (const [name, content] of Object.entries(files)) {
    const head = Buffer.alloc(512);
    head.write(name, 0);
    head.write(content.length.toString(8).padStart(11, '0'), 124);
    head.write('0', 156);
    head.write('ustar', 257);
    blocks.push(head, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

describe('WAV files', () => {
  it.each([
    ['as usual', {}],
    ['of the extensible form', { extensible: true }],
    ['with another chunk of an odd size', { between: Uint8Array.of(1, 2, 3) }],
  ])('%s', (_, form) => {
    const found = readWav(wav([0, 16384, -32768], form), 'a.wav');
    expect(found.rateHz).toBe(8000);
    expect([...found.samples]).toEqual([0, 0.5, -1]);
  });

  it('says what is wrong', () => {
    const good = wav([1, 2, 3]);
    expect(() => readWav(good.subarray(0, 40), 'a.wav')).toThrow(/a.wav: has no data/);
    expect(() => readWav(good.subarray(0, 48), 'a.wav')).toThrow(/chunk "data" of 6 bytes is cut short/);
    expect(() => readWav(new Uint8Array(50), 'a.wav')).toThrow(/is no WAV file/);
    const stereo = good.slice();
    stereo[22] = 2;
    expect(() => readWav(stereo, 'a.wav')).toThrow(/2 channels/);
  });
});

describe('tar archives', () => {
  it('are read packed and plain', () => {
    const archive = tar({ 'a/one': Uint8Array.of(1, 2), two: new Uint8Array(600) });
    for (const bytes of [archive, gzipSync(archive)]) {
      const files = [...readTar(bytes, 'x.tar')];
      expect(files.map(({ name, content }) => [name, content.length])).toEqual([
        ['a/one', 2],
        ['two', 600],
      ]);
    }
  });

  it('say what is wrong', () => {
    expect(() => [...readTar(tar({ two: new Uint8Array(600) }).subarray(0, 700), 'x.tar')]).toThrow(
      /two is cut short/,
    );
    expect(() => [...readTar(Buffer.alloc(2048, 7), 'x.tar')]).toThrow(/is no tar archive/);
    expect(() => [...readTar(Uint8Array.of(0x1f, 0x8b, 1), 'x.tar')]).toThrow(/can't be unpacked/);
  });
});

describe('the cochlea', () => {
  it('has frequencies equally spaced in ERB rate', () => {
    const found = [...centreFrequencies(32, 80, 3600)];
    expect(found[0]).toBeCloseTo(80, 6);
    expect(found[31]).toBeCloseTo(3600, 6);
    const rates = found.map((f) => 21.4 * Math.log10(1 + 0.00437 * f));
    for (let c = 2; c < 32; c++) {
      expect((rates[c] as number) - (rates[c - 1] as number)).toBeCloseTo(
        (rates[1] as number) - (rates[0] as number),
        9,
      );
    }
  });

  it.each([200, 1000, 3000])('answers a tone of %d Hz most in the channel of that frequency', (hz) => {
    const spikes = encodeSound(readWav(wav(tone(hz)), 'tone'), { exponent: 1, gain: 60 }).slice(0, 480);
    const counts = new Array<number>(32).fill(0);
    for (const channel of spikes.flat()) counts[channel] = (counts[channel] as number) + 1;
    const nearest = [...centreFrequencies(32, 80, 3600)]
      .map((f, c) => [Math.abs(Math.log(f / hz)), c] as const)
      .sort((a, b) => a[0] - b[0])[0]?.[1] as number;
    expect(counts[nearest]).toBe(Math.max(...counts));
    expect(counts[(nearest + 16) % 32]).toBeLessThan((counts[nearest] as number) / 4);
  });

  it('does not depend on the level', () => {
    const loud = tone(700);
    const quiet = loud.map((x) => x / 8);
    expect(encodeSound(readWav(wav(loud.map((x) => 8 * Math.round(x / 8))), 'a'))).toEqual(
      encodeSound(readWav(wav(quiet.map(Math.round)), 'b')),
    );
  });

  it('is silent in silence, and refuses what it can not do', () => {
    const silence = readWav(wav(new Array(800).fill(0)), 'silence');
    expect(encodeSound(silence).flat()).toEqual([]);
    expect(() => encodeSound(silence, { highHz: 5000 })).toThrow(/highHz <= 4000/);
  });
});

describe('spoken digits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-digits-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = wav(tone(500, 800));

  it('are split by index or by speaker', () => {
    const names = ['0_ann_0', '0_ann_5', '1_bob_4', '1_bob_12', '7_bob_49'];
    for (const name of names) writeFileSync(join(folder, `${name}.wav`), file);
    const recordings = readSpokenDigits(folder);
    expect(recordings.map(({ digit, speaker, index }) => `${digit}_${speaker}_${index}`)).toEqual([
      '0_ann_0', '0_ann_5', '1_bob_4', '1_bob_12', '7_bob_49',
    ]); // biome-ignore format: one line reads better
    const { train, test } = spokenDigits(recordings, { stepMs: 5, durationMs: 200 });
    expect([...train.labels]).toEqual([0, 1, 7]);
    expect([...test.labels]).toEqual([0, 1]);
    expect(test).toMatchObject({ steps: 40, inputs: 32, classes: 10 });
    expect([...spokenDigits(recordings, { speaker: 'bob', durationMs: 200 }).train.labels]).toEqual([0, 0]);
    expect(() => spokenDigits(recordings, { speaker: 'eve' })).toThrow(
      /no speaker "eve"; there are ann, bob/,
    );
  });

  it('say where they should be', () => {
    expect(() => readSpokenDigits(join(folder, 'nowhere'))).toThrow(/can't read .*nowhere.*give the folder/);
    const archive = join(folder, 'other.tar');
    writeFileSync(archive, tar({ 'readme.txt': Uint8Array.of(1) }));
    expect(() => readSpokenDigits(archive)).toThrow(/no files named like 0_george_0.wav/);
  });

  const real = new URL('../../../shared/data/fsdd/recordings.tar.gz', import.meta.url).pathname;
  it.skipIf(!existsSync(real))('of the published set: 3,000, some 340 spikes each', () => {
    const recordings = readSpokenDigits(real);
    expect(recordings.length).toBe(3000);
    expect(new Set(recordings.map(({ speaker }) => speaker)).size).toBe(6);
    const few = recordings.filter((_, place) => place % 60 === 7);
    const { train, test } = spokenDigits(few, { stepMs: 1 });
    const mean = (train.events.length + test.events.length) / few.length;
    // 344 is the mean over all files that was measured by another program of the same equations.
    expect(Math.abs(mean - 344)).toBeLessThan(45);
  });
});
