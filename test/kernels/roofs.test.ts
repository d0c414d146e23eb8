/** The kernels that measure what a device can do at best, against what they must compute. */
import { beforeAll, expect, it } from 'vitest';
import { launchOf } from '../../src/bench/launches.ts';
import type { Device } from '../../src/device/index.ts';
import { describeOnDevices } from '../devices.ts';

/** Random words, the same in every run. */
function randomWords(count: number): Uint32Array<ArrayBuffer> {
  let state = 12345;
  return Uint32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  });
}

/** More than 65,535 workgroups, so that they are folded into two dimensions. */
const FOLDED = 65_535 + 17;

describeOnDevices('the roofs', (open) => {
  let device: Device;
  beforeAll(async () => {
    device = await open();
  });

  it.each([
    { count: 0, chunk: 4 },
    { count: 1, chunk: 4 },
    { count: 1001, chunk: 96 },
    { count: FOLDED, chunk: 1 },
  ])('roof_copy copies $count elements by $chunk', async ({ count, chunk }) => {
    const kernel = await device.kernel('roof_copy', { lanes: 32 });
    const words = randomWords(4 * (count + 1));
    using original = device.createBuffer(words.byteLength, 'original');
    using copied = device.createBuffer(words.byteLength, 'copied');
    device.write(original, 0, words);
    device.run([launchOf(kernel, { count, chunk }, { original, copied }, Math.ceil(count / chunk))]);
    const found = new Uint32Array(await device.read(copied));
    const expected = new Uint32Array(words.length);
    expected.set(words.subarray(0, 4 * count));
    expect(found.findIndex((word, index) => word !== expected[index])).toBe(-1);
  });

  it.each([
    { groups: 0, window: 5, rounds: 1, lanes: 32 },
    { groups: 1, window: 1, rounds: 1, lanes: 32 },
    { groups: 3, window: 77, rounds: 5, lanes: 32 },
    { groups: 2, window: 256, rounds: 3, lanes: 64 },
    { groups: FOLDED, window: 1, rounds: 2, lanes: 1 },
  ])(
    'roof_read sums $groups windows of $window, $rounds times',
    async ({ groups, window, rounds, lanes }) => {
      const kernel = await device.kernel('roof_read', { lanes });
      const words = randomWords(4 * Math.max(1, groups * window));
      using values = device.createBuffer(words.byteLength, 'values');
      using sums = device.createBuffer(16 * Math.max(1, groups), 'sums');
      device.write(values, 0, words);
      device.run([launchOf(kernel, { groups, window, rounds }, { values, sums }, groups)]);
      const expected = new Uint32Array(4 * Math.max(1, groups));
      for (let at = 0; at < 4 * groups * window; at++) {
        const sum = 4 * Math.floor(at / (4 * window)) + (at % 4);
        for (let round = 0; round < rounds; round++) {
          expected[sum] = (expected[sum] as number) + ((words[at] as number) ^ round);
        }
      }
      const found = new Uint32Array(await device.read(sums));
      expect(found.findIndex((word, index) => word !== expected[index])).toBe(-1);
    },
  );

  it.each([
    { count: 0, rounds: 3, lanes: 32 },
    { count: 1, rounds: 3, lanes: 32 },
    { count: 1000, rounds: 7, lanes: 64 },
    { count: FOLDED, rounds: 1, lanes: 1 },
  ])('roof_gather finds $count sums of $rounds words', async ({ count, rounds, lanes }) => {
    const kernel = await device.kernel('roof_gather', { lanes });
    const words = randomWords(1024);
    using table = device.createBuffer(words.byteLength, 'table');
    using found = device.createBuffer(4 * Math.max(1, count), 'found');
    device.write(table, 0, words);
    const groups = Math.ceil(count / lanes);
    device.run([launchOf(kernel, { count, rounds, mask: 1023 }, { table, found }, groups)]);
    const place = (number: number) => {
      let x = BigInt.asUintN(32, BigInt(number) * 0x9e3779b1n);
      x ^= x >> 15n;
      x = BigInt.asUintN(32, x * 0x85ebca6bn);
      return Number((x ^ (x >> 13n)) & 1023n);
    };
    const expected = Uint32Array.from({ length: count }, (_, i) => {
      let sum = 0;
      for (let r = 0; r < rounds; r++) sum += words[place(i * rounds + r)] as number;
      return sum;
    });
    const result = new Uint32Array(await device.read(found)).subarray(0, count);
    expect(result.findIndex((word, index) => word !== expected[index])).toBe(-1);
  });

  it.each([
    { count: 0, rounds: 2, lanes: 32 },
    { count: 1, rounds: 0, lanes: 32 },
    { count: 131, rounds: 50, lanes: 64 },
    { count: FOLDED, rounds: 1, lanes: 1 },
  ])('roof_multiply_add follows $count x 32 chains for $rounds rounds', async ({ count, rounds, lanes }) => {
    const kernel = await device.kernel('roof_multiply_add', { lanes });
    using sums = device.createBuffer(4 * Math.max(1, count), 'sums');
    const [scale, shift] = [Math.fround(0.97), Math.fround(0.021)];
    device.run([launchOf(kernel, { count, rounds, scale, shift }, { sums }, Math.ceil(count / lanes))]);
    const found = new Float32Array(await device.read(sums)).subarray(0, count);
    // The closed form of the recurrence: x_r = f + (x_0 - f) scale^r with the fixed point f = shift / (1 - scale).
    const fixed = shift / (1 - scale);
    let worst = 0;
    found.forEach((sum, i) => {
      let expected = 0;
      for (let c = 0; c < 32; c++) expected += fixed + (((i % 64) + c) / 64 - fixed) * scale ** rounds;
      // Half a unit in the last place for each round and for each addition.
      const allowed = 2 ** -24 * (rounds + 34) * 48;
      worst = Math.max(worst, Math.abs(sum - expected) / allowed);
    });
    expect(worst).toBeLessThan(1);
  });
});
