import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceInfo } from '../../src/device/device.ts';
import {
  type CalibrationShape,
  calibrateSlots,
  candidateSlots,
  fewestSlots,
  fittingSlots,
  measureSlots,
} from '../../src/study/calibration.ts';
import { describeOnDevices } from '../devices.ts';

const SHAPE: CalibrationShape = {
  maxNeurons: 1000,
  steps: 100,
  inputs: 784,
  maxRateHz: 128,
  maxChunk: 1024,
  dataBytes: 80e6,
};
const GIB = 2 ** 30;

/** A device with that much memory in a binding and on the card. */
function info(bindingBytes: number, memoryBytes: number): Pick<DeviceInfo, 'limits' | 'memoryBytes'> {
  const limits = {
    maxBufferBytes: bindingBytes,
    maxBindingBytes: bindingBytes,
    maxWorkgroupBytes: 32768,
    maxWorkgroupSize: 1024,
    maxWorkgroupsPerDimension: 65535,
  };
  return { limits, memoryBytes };
}

describe('the slots that fit', () => {
  it.each([
    // Weights of 1,024 x 784 x 4 bytes a slot in one binding: 41 in 128 MiB, as llvmpipe has.
    ['the weights in one binding', info(2 ** 27, 24 * GIB), SHAPE, 41],
    // A record of 1,001 words for each of 1,024 samples is larger than the weights of 100 neurons.
    ['the records in one binding', info(2 ** 27, 24 * GIB), { ...SHAPE, maxNeurons: 100, steps: 1000 }, 32],
    // 1 GiB less the data, and in each slot 3.2 MB of weights, 0.4 MB of records and a little more.
    ['half of the memory', info(4 * GIB, 2 * GIB), SHAPE, 272],
    ['as many as an optimizer bears', info(4 * GIB, 80 * GIB), SHAPE, 512],
    ['one at least', info(2 ** 20, 2 ** 20), SHAPE, 1],
  ])('are bounded by %s', (_, device, shape, slots) => {
    expect(fittingSlots(device, shape)).toBe(slots);
  });
});

describe('the numbers of slots that are tried', () => {
  it.each([
    ['a graphics card', { kind: 'webgpu', software: false }, 512, [32, 64, 128, 256, 512]],
    ['a card with little memory', { kind: 'webgpu', software: false }, 100, [32, 64]],
    ['a card with very little memory', { kind: 'webgpu', software: false }, 20, [20]],
    ['the native engine on two threads', { kind: 'native', software: false, threads: 2 }, 40, [8, 16, 32]],
    ['the native engine on 64 threads', { kind: 'native', software: false, threads: 64 }, 512, [256, 512]],
  ] as const)('begin with what %s needs', (_, device, fitting, candidates) => {
    expect(candidateSlots(device, fitting)).toEqual(candidates);
  });

  it('follow the processors for a software adapter', () => {
    const [first, second] = candidateSlots({ kind: 'webgpu', software: true }, 512);
    expect(first).toBeGreaterThanOrEqual(4);
    expect(second).toBe(2 * (first ?? 0));
  });
});

describe('the slots of a device', () => {
  /** Measures a device whose rates are known; there is time for so many measurements. */
  async function measured(rates: Record<number, number>, measurements: number): Promise<[number, number[]]> {
    const tried: number[] = [];
    const result = await measureSlots(
      Object.keys(rates).map(Number),
      async (slots) => {
        tried.push(slots);
        return rates[slots] as number;
      },
      () => measurements - tried.length,
    );
    return [fewestSlots(result), tried];
  }

  it.each([
    ['the last number that pays', { 32: 100, 64: 190, 128: 280, 256: 285, 512: 290 }, 128],
    ['the first where nothing pays', { 8: 100, 16: 103, 32: 90, 64: 200 }, 8],
    ['a number behind one that does not pay', { 32: 100, 64: 99, 128: 150 }, 128],
    ['the only one', { 20: 7 }, 20],
  ])('are %s', async (_, rates, slots) => {
    expect((await measured(rates, 100))[0]).toBe(slots);
  });

  it('are measured up to two numbers that do not pay, and these again in the opposite order', async () => {
    const [, tried] = await measured({ 8: 100, 16: 103, 32: 90, 64: 200 }, 100);
    expect(tried).toEqual([8, 16, 32, 32, 16, 8]);
  });

  it('are measured until the time is over', async () => {
    expect(await measured({ 32: 1, 64: 2, 128: 4, 256: 8 }, 2)).toEqual([64, [32, 64]]);
    expect(await measured({ 32: 1, 64: 2, 128: 4, 256: 8 }, 0)).toEqual([32, [32]]);
  });

  it('come from the better of two measurements', async () => {
    const rates = [50, 60, 100, 60];
    const result = await measureSlots(
      [8, 16],
      async () => rates.shift() as number,
      () => rates.length,
    );
    expect(result).toEqual([
      { slots: 8, rate: 60 },
      { slots: 16, rate: 100 },
    ]);
  });
});

// Small networks and little time: this is about the cache, not about the speed.
const SMALL = { ...SHAPE, maxNeurons: 40, steps: 20, maxChunk: 16, dataBytes: 0 };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tacet-calibration-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describeOnDevices('calibrateSlots', (open) => {
  it('measures once for each shape, whatever the size of the data set', async () => {
    const device = await open();
    const options = { folder, budgetMs: 100, busy: false };
    const first = await calibrateSlots(device, SMALL, options);
    expect(first.source).toBe('measured');
    expect(candidateSlots(device.info, 512)).toContain(first.slots);
    for (const { rate } of first.rates) expect(rate).toBeGreaterThan(0);
    const again = await calibrateSlots(device, { ...SMALL, dataBytes: 1e6 }, options);
    expect(again).toMatchObject({ slots: first.slots, source: 'cached', rates: first.rates });
    const other = await calibrateSlots(device, { ...SMALL, maxNeurons: 50 }, options);
    expect(other.source).toBe('measured');
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('does not measure processors that are busy with other work', async () => {
    const device = await open();
    const { software, kind } = device.info;
    const { source, slots } = await calibrateSlots(device, SMALL, { folder, budgetMs: 1, busy: true });
    expect(source).toBe(software || kind === 'native' ? 'busy' : 'measured');
    expect(slots).toBe(candidateSlots(device.info, 512)[0]);
    expect(readdirSync(folder)).toHaveLength(source === 'busy' ? 0 : 1);
  });
});

// Files are the same whatever was measured: the fastest device stands for all.
describeOnDevices(
  'the memory of calibrateSlots',
  (open) => {
    it('measures again where the cache is not what it should be, and mends it', async () => {
      const device = await open();
      const options = { folder, budgetMs: 1, busy: false };
      await calibrateSlots(device, SMALL, options);
      const path = join(folder, readdirSync(folder)[0] ?? '');
      const good = JSON.parse(readFileSync(path, 'utf8')) as { key: string };
      const spoilt = [
        '{"key": "',
        JSON.stringify({ ...good, rates: [{ slots: 0, rate: 1 }] }),
        JSON.stringify({ ...good, key: 'of another device' }),
      ];
      for (const content of spoilt) {
        writeFileSync(path, content);
        expect((await calibrateSlots(device, SMALL, options)).source).toBe('measured');
        expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ key: good.key });
      }
    });

    it('measures where nothing can be remembered', async () => {
      const file = join(folder, 'a file');
      writeFileSync(file, '');
      const options = { folder: file, budgetMs: 1, busy: false };
      expect((await calibrateSlots(await open(), SMALL, options)).source).toBe('measured');
    });
  },
  { kind: 'native' },
);
