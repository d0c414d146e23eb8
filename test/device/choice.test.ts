import { describe, expect, it } from 'vitest';
import {
  chooseDevice,
  expandDevices,
  isSameCard,
  isSoftware,
  type Present,
  type PresentAdapter,
  rankAdapters,
  specOf,
} from '../../src/device/choice.ts';
import type { AdapterIdentity } from '../../src/device/device.ts';

const LLVMPIPE = { name: 'llvmpipe (LLVM 15.0.6, 256 bits)' };
const SWIFTSHADER = { name: 'SwiftShader Device (Subzero)' };
const RADEON = { name: 'AMD Radeon RX 7900 XTX (RADV NAVI31)' };
const EVERYTHING = { adapters: [SWIFTSHADER, LLVMPIPE, RADEON], native: true };

/** An adapter as Vulkan reports it; the UUID is made from the name and the address, as drivers do. */
function card(
  name: string,
  pciAddress?: string,
  type: AdapterIdentity['type'] = 'discrete',
  copy = 1,
): PresentAdapter {
  const uuid = `${name} ${pciAddress ?? ''}`;
  return { name, identity: { uuid, copy, type, ...(pciAddress === undefined ? {} : { pciAddress }) } };
}

const ADDRESSES = ['0000:17:00.0', '0000:31:00.0', '0000:65:00.0', '0001:ca:00.0'];
const FOUR_NVIDIA: Present = {
  adapters: [
    ...ADDRESSES.map((at) => card('NVIDIA GeForce RTX 4090', at)),
    card(LLVMPIPE.name, undefined, 'software'),
  ],
  native: true,
};
const INTEL = card('Intel(R) UHD Graphics 770 (ADL-S GT1)', '0000:00:02.0', 'integrated');
const TWO_AMD_AND_INTEL: Present = {
  adapters: [
    INTEL,
    card('AMD Radeon PRO W7800 (RADV NAVI31)', '0000:03:00.0'),
    card('AMD Radeon PRO W7900 (RADV NAVI31)', '0000:83:00.0'),
  ],
  native: true,
};
/** Two cards, each of them under RADV and under AMDVLK. */
const TWO_DRIVERS: Present = {
  adapters: [
    card('AMD Radeon RX 7600 (RADV NAVI33)', '0000:03:00.0'),
    card('AMD Radeon RX 7600 (RADV NAVI33)', '0000:08:00.0'),
    card('AMD Radeon RX 7600', '0000:03:00.0'),
    card('AMD Radeon RX 7600', '0000:08:00.0'),
  ],
  native: true,
};
const COPIES: Present = {
  adapters: [1, 2].map((copy) => card(LLVMPIPE.name, undefined, 'software', copy)),
  native: true,
};
const APPLE: Present = { adapters: [{ name: 'Apple M3 Max' }], native: true };
const WITHOUT_IDENTITY: Present = {
  adapters: [{ name: 'Tesla T4' }, { name: 'Tesla T4' }],
  native: false,
  withoutIdentity: 'the native engine is not built; to build it, install Rust',
};

describe('the device that a specification means', () => {
  it.each([
    ['auto', EVERYTHING, RADEON],
    ['auto', { adapters: [SWIFTSHADER, LLVMPIPE], native: true }, undefined],
    ['auto', { adapters: [SWIFTSHADER, LLVMPIPE], native: false }, LLVMPIPE],
    ['auto', { adapters: [SWIFTSHADER], native: false }, SWIFTSHADER],
    ['auto', { adapters: [], native: true }, undefined],
    ['auto', FOUR_NVIDIA, FOUR_NVIDIA.adapters[0]],
    ['auto', TWO_AMD_AND_INTEL, TWO_AMD_AND_INTEL.adapters[1]],
    ['webgpu', EVERYTHING, RADEON],
    ['webgpu', { adapters: [SWIFTSHADER, LLVMPIPE], native: true }, LLVMPIPE],
    ['webgpu:swiftshader', EVERYTHING, SWIFTSHADER],
    ['webgpu:LLVMPIPE', EVERYTHING, LLVMPIPE],
    ['native', EVERYTHING, undefined],
    ['webgpu:4090#1', FOUR_NVIDIA, FOUR_NVIDIA.adapters[0]],
    ['webgpu:NVIDIA GeForce RTX 4090#3', FOUR_NVIDIA, FOUR_NVIDIA.adapters[2]],
    ['webgpu:pci-0000:65:00.0', FOUR_NVIDIA, FOUR_NVIDIA.adapters[2]],
    ['webgpu:pci-00000001:CA:00.0', FOUR_NVIDIA, FOUR_NVIDIA.adapters[3]],
    ['webgpu:pci-31:00.0', FOUR_NVIDIA, FOUR_NVIDIA.adapters[1]],
    ['webgpu:intel', TWO_AMD_AND_INTEL, INTEL],
    ['webgpu:w7900', TWO_AMD_AND_INTEL, TWO_AMD_AND_INTEL.adapters[2]],
    ['webgpu:pci-0000:08:00.0', TWO_DRIVERS, TWO_DRIVERS.adapters[1]],
    ['webgpu:AMD Radeon RX 7600#2', TWO_DRIVERS, TWO_DRIVERS.adapters[3]],
    ['webgpu:llvmpipe#2', COPIES, COPIES.adapters[1]],
    ['webgpu:apple', APPLE, APPLE.adapters[0]],
    ['webgpu:t4', WITHOUT_IDENTITY, WITHOUT_IDENTITY.adapters[0]],
  ])('%s of %j is %j', (spec, present, adapter) => {
    const { kind, name, identity } = chooseDevice(spec, present);
    expect(kind).toBe(adapter ? 'webgpu' : 'native');
    expect({ name, identity }).toEqual({ name: '', identity: undefined, ...adapter });
  });

  it.each([
    ['auto', { adapters: [], native: false }, 'no-device', 'install a graphics driver'],
    ['webgpu', { adapters: [], native: true }, 'no-device', '--devices native'],
    ['webgpu:llvm', { adapters: [], native: true, withoutSoftware: 'of rain' }, 'no-device', 'of rain'],
    ['webgpu:geforce', EVERYTHING, 'unknown-device', '"geforce"'],
    ['webgpu:geforce', EVERYTHING, 'unknown-device', RADEON.name],
    ['webgpu:', EVERYTHING, 'unknown-device', 'webgpu:<part of the name>'],
    ['cuda', EVERYTHING, 'unknown-device', '"cuda"'],
    [
      'webgpu:nvidia',
      FOUR_NVIDIA,
      'unknown-device',
      '"webgpu:pci-0000:17:00.0" or "webgpu:pci-0000:31:00.0"',
    ],
    ['webgpu:e', EVERYTHING, 'unknown-device', `"webgpu:${SWIFTSHADER.name}": name one`],
    ['webgpu:llvmpipe', COPIES, 'unknown-device', `"webgpu:${LLVMPIPE.name}#2"`],
    ['webgpu:4090#5', FOUR_NVIDIA, 'unknown-device', '4 of the adapters here match "4090"'],
    ['webgpu:4090#0', FOUR_NVIDIA, 'unknown-device', 'there is no "webgpu:4090#0"'],
    ['webgpu:pci-0000:66:00.0', FOUR_NVIDIA, 'unknown-device', '0000:66:00.0'],
    ['webgpu:pci-0000:66:00.0', APPLE, 'unknown-device', 'Apple M3 Max'],
    ['webgpu:t4#2', WITHOUT_IDENTITY, 'unknown-device', 'install Rust'],
  ])('%s of %j is %s', (spec, present: Present, code, message) => {
    expect(() => chooseDevice(spec, present)).toThrow(
      expect.objectContaining({ name: 'DeviceError', code, message: expect.stringContaining(message) }),
    );
  });

  it.each([FOUR_NVIDIA, TWO_AMD_AND_INTEL, TWO_DRIVERS, COPIES, APPLE, EVERYTHING])(
    'is the one that an adapter was listed with, in %j',
    (present: Present) => {
      const specs = present.adapters.map((adapter) => specOf(adapter, present.adapters));
      expect(new Set(specs).size).toBe(specs.length);
      for (const [index, spec] of specs.entries()) {
        expect(chooseDevice(spec, present)).toMatchObject({ ...present.adapters[index], spec });
      }
    },
  );

  it('is found by a full name, though another name contains it', () => {
    const present = { adapters: [card('RTX 3080 Ti', '0000:01:00.0'), card('RTX 3080')], native: false };
    expect(chooseDevice('webgpu:rtx 3080', present).name).toBe('RTX 3080');
  });
});

describe('the devices that a list means', () => {
  const specsOf = (list: string, present: Present): string[] =>
    expandDevices(list, present).map(({ spec }) => spec);

  it.each([
    ['all', FOUR_NVIDIA, ADDRESSES.map((at) => `webgpu:pci-${at}`)],
    [
      'all',
      TWO_AMD_AND_INTEL,
      [
        'webgpu:AMD Radeon PRO W7800 (RADV NAVI31)',
        'webgpu:AMD Radeon PRO W7900 (RADV NAVI31)',
        `webgpu:${INTEL.name}`,
      ],
    ],
    ['all', TWO_DRIVERS, ['webgpu:pci-0000:03:00.0', 'webgpu:pci-0000:08:00.0']],
    ['all', APPLE, ['webgpu:Apple M3 Max']],
    ['all', COPIES, ['native']],
    ['all', { adapters: [LLVMPIPE], native: false }, [`webgpu:${LLVMPIPE.name}`]],
    ['all,native', APPLE, ['webgpu:Apple M3 Max', 'native']],
    ['native,native', APPLE, ['native', 'native']],
    [
      `webgpu:${LLVMPIPE.name}, webgpu:swift,native`,
      EVERYTHING,
      [`webgpu:${LLVMPIPE.name}`, `webgpu:${SWIFTSHADER.name}`, 'native'],
    ],
    ['webgpu:4090#2,webgpu:4090#4', FOUR_NVIDIA, ['webgpu:pci-0000:31:00.0', 'webgpu:pci-0001:ca:00.0']],
    [
      'webgpu:llvmpipe#2,webgpu:llvmpipe#1',
      COPIES,
      [`webgpu:${LLVMPIPE.name}#2`, `webgpu:${LLVMPIPE.name}#1`],
    ],
    ['webgpu:4090#2,all', FOUR_NVIDIA, [1, 0, 2, 3].map((index) => `webgpu:pci-${ADDRESSES[index]}`)],
  ])('%s of %j is %j', (list, present, specs) => {
    expect(specsOf(list, present)).toEqual(specs);
  });

  it.each([
    ['webgpu:4090#2,webgpu:pci-0000:31:00.0', FOUR_NVIDIA, 'same-card', 'name each card once'],
    ['webgpu:AMD Radeon RX 7600#1,webgpu:radv#1', TWO_DRIVERS, 'same-card', 'webgpu:radv#1'],
    ['webgpu:apple,webgpu:m3', APPLE, 'same-card', '"webgpu:m3"'],
    ['all', WITHOUT_IDENTITY, 'unknown-device', 'install Rust'],
    ['all', { adapters: [], native: false }, 'no-device', 'no WebGPU adapter'],
    ['native,cuda', APPLE, 'unknown-device', '"native,cuda"'],
    ['', APPLE, 'unknown-device', '""'],
  ])('%s of %j is %s', (list, present: Present, code, message) => {
    expect(() => expandDevices(list, present)).toThrow(
      expect.objectContaining({ name: 'DeviceError', code, message: expect.stringContaining(message) }),
    );
  });
});

describe('two devices', () => {
  const webgpu = (adapter: PresentAdapter) => ({ kind: 'webgpu' as const, ...adapter });
  const native = { kind: 'native' as const, name: 'EPYC' };

  it.each([
    ['twins', FOUR_NVIDIA.adapters[0], FOUR_NVIDIA.adapters[1], false],
    ['a card and itself', FOUR_NVIDIA.adapters[1], FOUR_NVIDIA.adapters[1], true],
    ['a card under two drivers', TWO_DRIVERS.adapters[0], TWO_DRIVERS.adapters[2], true],
    ['copies of a driver', COPIES.adapters[0], COPIES.adapters[1], false],
    ['equal names without identities', WITHOUT_IDENTITY.adapters[0], WITHOUT_IDENTITY.adapters[1], true],
    ['other names without identities', LLVMPIPE, SWIFTSHADER, false],
  ])('that are %s', (_, a, b, same) => {
    if (!a || !b) throw new Error('the listing lacks an adapter');
    expect(isSameCard(webgpu(a), webgpu(b))).toBe(same);
  });

  it('on the processor share its threads', () => {
    expect(isSameCard(native, native)).toBe(false);
    expect(isSameCard(native, webgpu(LLVMPIPE))).toBe(false);
  });
});

describe('the rank of adapters', () => {
  it('keeps the order of the driver among equals', () => {
    const adapters = [{ name: 'B' }, SWIFTSHADER, INTEL, { name: 'A' }, LLVMPIPE];
    expect(rankAdapters(adapters).map(({ name }) => name)).toEqual([
      'B',
      'A',
      INTEL.name,
      LLVMPIPE.name,
      SWIFTSHADER.name,
    ]);
  });

  it('knows software by its name', () => {
    const software = [LLVMPIPE.name, SWIFTSHADER.name, 'Microsoft Basic Render Driver'];
    expect(software.every(isSoftware)).toBe(true);
    expect([RADEON.name, 'NVIDIA GeForce RTX 4090', 'Apple M3'].some(isSoftware)).toBe(false);
  });
});
