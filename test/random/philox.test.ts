import { beforeAll, describe, expect, it } from 'vitest';
import { encodeStruct } from '../../src/device/contract.ts';
import type { Device } from '../../src/device/index.ts';
import { keyOf, philox4x32, unitReal, type Words2, type Words4 } from '../../src/random/philox.ts';
import { describeOnDevices } from '../devices.ts';

describe('Philox 4x32-10', () => {
  // The known answers that the generator's authors publish with their implementation (Random123, kat_vectors).
  const knownAnswers: [Words4, Words2, Words4][] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];

  it.each(knownAnswers)('of %j by %j is the published answer', (counter, key, answer) => {
    expect(philox4x32(counter, key)).toEqual(answer);
  });

  it('keys all 53 bits of a seed', () => {
    expect(keyOf(Number.MAX_SAFE_INTEGER)).toEqual([0xffffffff, 0x1fffff]);
    expect(keyOf(2 ** 32)).toEqual([0, 1]);
  });

  it('makes reals of 24 bits in [0, 1), exact in single precision', () => {
    expect(unitReal(0)).toBe(0);
    expect(unitReal(0xffffffff)).toBe(1 - 2 ** -24);
    for (const word of [1, 0x12345678, 0xdeadbeef]) expect(Math.fround(unitReal(word))).toBe(unitReal(word));
  });
});

describeOnDevices('philox_words', (open) => {
  let device: Device;
  beforeAll(async () => {
    device = await open();
  });

  /** More than 65,535 workgroups of one lane, so that workgroups are folded into two dimensions. */
  const FOLDED = 65_535 + 17;

  it.each([
    { blocks: 0, lanes: 64 },
    { blocks: 1, lanes: 64 },
    { blocks: 63, lanes: 64 },
    { blocks: 64, lanes: 64 },
    { blocks: 65, lanes: 64 },
    { blocks: 100_003, lanes: 32 },
    { blocks: FOLDED, lanes: 1 },
  ])('draws $blocks blocks by $lanes lanes as TypeScript does, bit for bit', async ({ blocks, lanes }) => {
    const kernel = await device.kernel('philox_words', { lanes });
    const [firstBlock, stream, key] = [0xffff_fff0, 7, keyOf(0x1_2345_6789_abcd)];
    const params = {
      blocks,
      first_block: firstBlock,
      stream,
      key_low: key[0],
      key_high: key[1],
    };
    if (!kernel.contract.params) throw new Error('philox_words takes params');
    using words = device.createBuffer(16 * blocks, 'words');
    const groups = Math.ceil(blocks / lanes);
    const folds = Math.ceil(groups / 65_535);
    device.run([
      {
        kernel,
        params: encodeStruct(kernel.contract.params, params),
        buffers: { words },
        workgroups: [Math.ceil(groups / Math.max(1, folds)), folds, 1],
      },
    ]);
    const drawn = new Uint32Array(await device.read(words));
    const expected = new Uint32Array(4 * blocks);
    for (let block = 0; block < blocks; block++) {
      expected.set(philox4x32([(firstBlock + block) >>> 0, stream, 0, 0], key), 4 * block);
    }
    expect(drawn.length).toBe(4 * blocks);
    expect(drawn.findIndex((word, index) => word !== expected[index])).toBe(-1);
  });
});
