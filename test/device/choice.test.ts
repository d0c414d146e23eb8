import { describe, expect, it } from 'vitest';
import { chooseDevice, isSoftware, rankAdapters } from '../../src/device/choice.ts';

const LLVMPIPE = 'llvmpipe (LLVM 15.0.6, 256 bits)';
const SWIFTSHADER = 'SwiftShader Device (Subzero)';
const RADEON = 'AMD Radeon RX 7900 XTX (RADV NAVI31)';
const EVERYTHING = { adapters: [SWIFTSHADER, LLVMPIPE, RADEON], native: true };

describe('the device that a specification means', () => {
  it.each([
    ['auto', EVERYTHING, RADEON],
    ['auto', { adapters: [SWIFTSHADER, LLVMPIPE], native: true }, ''],
    ['auto', { adapters: [SWIFTSHADER, LLVMPIPE], native: false }, LLVMPIPE],
    ['auto', { adapters: [SWIFTSHADER], native: false }, SWIFTSHADER],
    ['auto', { adapters: [], native: true }, ''],
    ['webgpu', EVERYTHING, RADEON],
    ['webgpu', { adapters: [SWIFTSHADER, LLVMPIPE], native: true }, LLVMPIPE],
    ['webgpu:swiftshader', EVERYTHING, SWIFTSHADER],
    ['webgpu:LLVMPIPE', EVERYTHING, LLVMPIPE],
    ['webgpu:e', EVERYTHING, RADEON],
    ['native', EVERYTHING, ''],
  ])('%s of %j is "%s"', (spec, present, adapter) => {
    expect(chooseDevice(spec, present)).toMatchObject({
      kind: adapter === '' ? 'native' : 'webgpu',
      adapter,
    });
  });

  it.each([
    ['auto', { adapters: [], native: false }, 'no-device', 'install a graphics driver'],
    ['webgpu', { adapters: [], native: true }, 'no-device', '--device native'],
    ['webgpu:llvm', { adapters: [], native: true, withoutSoftware: 'of rain' }, 'no-device', 'of rain'],
    ['webgpu:geforce', EVERYTHING, 'unknown-device', '"geforce"'],
    ['webgpu:geforce', EVERYTHING, 'unknown-device', RADEON],
    ['webgpu:', EVERYTHING, 'unknown-device', 'webgpu:<part of the name>'],
    ['cuda', EVERYTHING, 'unknown-device', '"cuda"'],
  ])('%s of %j is %s', (spec, present, code, message) => {
    expect(() => chooseDevice(spec, present)).toThrow(
      expect.objectContaining({ name: 'DeviceError', code, message: expect.stringContaining(message) }),
    );
  });

  it('keeps the order of the driver among equals', () => {
    expect(rankAdapters(['B', SWIFTSHADER, 'A', LLVMPIPE])).toEqual(['B', 'A', LLVMPIPE, SWIFTSHADER]);
  });

  it('knows software by its name', () => {
    expect([LLVMPIPE, SWIFTSHADER, 'Microsoft Basic Render Driver'].every(isSoftware)).toBe(true);
    expect([RADEON, 'NVIDIA GeForce RTX 4090', 'Apple M3'].some(isSoftware)).toBe(false);
  });
});
