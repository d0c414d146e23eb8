/** What every device does alike, whatever runs its kernels. */
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeStruct } from '../../src/device/contract.ts';
import {
  type Device,
  type DeviceBuffer,
  DeviceError,
  type Kernel,
  type Launch,
  openDevice,
} from '../../src/device/index.ts';
import { describeOnDevices } from '../devices.ts';

function bytesOf(...values: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values);
}

/** A launch that writes `blocks` blocks of four words. */
function drawWords(kernel: Kernel, words: DeviceBuffer, blocks: number): Launch {
  if (!kernel.contract.params) throw new Error('philox_words takes params');
  const values = { blocks, first_block: 0, stream: 1, key_low: 2, key_high: 3 };
  return {
    kernel,
    params: encodeStruct(kernel.contract.params, values),
    buffers: { words },
    workgroups: [Math.ceil(blocks / 64), 1, 1],
  };
}

describeOnDevices('a device', (open, present) => {
  let device: Device;
  let kernel: Kernel;
  beforeAll(async () => {
    device = await open();
    kernel = await device.kernel('philox_words');
  });

  it('says what it is', () => {
    expect(device.info.name).toBe(present.name);
    expect(device.info.limits.maxBindingBytes).toBeGreaterThanOrEqual(2 ** 27);
  });

  describe('buffers', () => {
    it('are zero at first and keep what is written', async () => {
      using buffer = device.createBuffer(12, 'twelve');
      device.write(buffer, 4, bytesOf(1, 2, 3, 4));
      expect([...new Uint8Array(await device.read(buffer))]).toEqual([0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0]);
      expect([...new Uint8Array(await device.read(buffer, 4, 2))]).toEqual([1, 2]);
    });

    it.each([0, 1, 2, 3, 5])('of %d bytes', async (byteLength) => {
      using buffer = device.createBuffer(byteLength, 'odd');
      const data = new Uint8Array(byteLength).fill(7);
      device.write(buffer, 0, data);
      expect(new Uint8Array(await device.read(buffer))).toEqual(data);
    });

    it.each([
      [4, 8],
      [12, 0],
      [8, 4],
      [-4, 4],
      [2, 4],
      [0, 1.5],
      [Number.NaN, 4],
    ])('refuse to be read from %d on for %d bytes when they have 8', async (offset, length) => {
      using buffer = device.createBuffer(8, 'eight');
      const outside = offset !== 8 && offset + length <= 8 ? /eight/ : /"eight"/;
      await expect(device.read(buffer, offset, length)).rejects.toThrow(outside);
      await expect(device.read(buffer, offset, length)).rejects.toBeInstanceOf(DeviceError);
    });

    it.each([
      [4, 8],
      [12, 4],
      [-4, 4],
      [2, 4],
    ])('refuse to be written from %d on for %d bytes when they have 8', async (offset, length) => {
      using buffer = device.createBuffer(8, 'eight');
      device.write(buffer, 0, bytesOf(1, 2, 3, 4, 5, 6, 7, 8));
      expect(() => device.write(buffer, offset, new Uint8Array(length))).toThrow(DeviceError);
      expect([...new Uint8Array(await device.read(buffer))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    it('take memory that threads share', async () => {
      const shared = new Float32Array(new SharedArrayBuffer(64), 16, 4).fill(1.5);
      using buffer = device.createBuffer(16, 'from shared memory');
      device.write(buffer, 0, shared);
      expect([...new Float32Array(await device.read(buffer))]).toEqual([1.5, 1.5, 1.5, 1.5]);
    });

    it('take a view into the middle of an array', async () => {
      using buffer = device.createBuffer(8, 'view');
      device.write(buffer, 0, new Uint16Array([9, 1, 2, 3, 4, 9]).subarray(1, 5));
      expect([...new Uint16Array(await device.read(buffer))]).toEqual([1, 2, 3, 4]);
    });

    it('of another device, or disposed, are refused', async () => {
      await using other = await openDevice(present.spec, { checked: true });
      const foreign = other.createBuffer(64, 'foreign');
      const disposed = device.createBuffer(64, 'disposed');
      disposed[Symbol.dispose]();
      for (const buffer of [foreign, disposed]) {
        expect(() => {
          device.write(buffer, 0, bytesOf(0, 0, 0, 0));
          device.run([drawWords(kernel, buffer, 4)]);
        }).toThrow(DeviceError);
        await expect(device.read(buffer)).rejects.toBeInstanceOf(DeviceError);
      }
      await device.idle();
    });

    it('larger than the device allows are refused with a remedy', () => {
      const { maxBufferBytes } = device.info.limits;
      expect(() => device.createBuffer(maxBufferBytes + 4, 'huge')).toThrow(
        expect.objectContaining({
          code: 'capacity',
          message: expect.stringMatching(/"huge".*Use fewer slots or smaller networks/),
        }),
      );
      expect(() => device.createBuffer(-1, 'negative')).toThrow(DeviceError);
    });
  });

  describe('launches', () => {
    it('run in order: each reads what the one before wrote', async () => {
      using words = device.createBuffer(16 * 64, 'words');
      device.run([drawWords(kernel, words, 64)]);
      const drawn = new Uint32Array(await device.read(words));
      device.write(words, 0, new Uint8Array(16 * 64));
      device.run([drawWords(kernel, words, 1), drawWords(kernel, words, 2)]);
      device.run([drawWords(kernel, words, 3)]);
      const again = new Uint32Array(await device.read(words));
      expect(again.subarray(0, 12)).toEqual(drawn.subarray(0, 12));
      expect(again.subarray(12).every((word) => word === 0)).toBe(true);
    });

    it('of nothing do nothing', async () => {
      using words = device.createBuffer(0, 'no words');
      device.run([]);
      device.run([drawWords(kernel, words, 0), { ...drawWords(kernel, words, 0), workgroups: [0, 0, 0] }]);
      expect((await device.read(words)).byteLength).toBe(0);
    });

    it.each([
      ['a missing buffer', (launch: Launch) => ({ ...launch, buffers: {} }), /philox_words.*"words"/],
      [
        'an unknown binding',
        (launch: Launch) => ({ ...launch, buffers: { ...launch.buffers, wrods: launch.buffers.words } }),
        /philox_words.*"wrods"/,
      ],
      ['params of another length', (launch: Launch) => ({ ...launch, params: bytesOf(0) }), /20 bytes.*1/],
    ] as [string, (launch: Launch) => Launch, RegExp][])(
      'with %s are refused',
      async (_what, spoil, message) => {
        using words = device.createBuffer(16, 'words');
        expect(() => device.run([spoil(drawWords(kernel, words, 1))])).toThrow(
          expect.objectContaining({ code: 'contract', message: expect.stringMatching(message) }),
        );
        await device.idle();
      },
    );

    it('can bind as much as the device says', async () => {
      // More than the 128 MiB that WebGPU gives by default, where the adapter has more.
      const byteLength = Math.min(device.info.limits.maxBindingBytes, 2 ** 27 + 2 ** 20);
      using words = device.createBuffer(byteLength, 'large');
      device.run([drawWords(kernel, words, 1)]);
      const first = new Uint32Array(await device.read(words, 0, 16));
      expect(first.some((word) => word !== 0)).toBe(true);
    });

    it('are timed when asked for, each by its kernel', async () => {
      const timed = await open({ timing: true });
      const its = await timed.kernel('philox_words');
      using words = timed.createBuffer(16 * 64, 'words');
      timed.run([drawWords(its, words, 64), drawWords(its, words, 64)]);
      timed.run([drawWords(its, words, 64)]);
      await timed.idle();
      const timings = await timed.timings();
      expect(timings.map((timing) => timing.kernel)).toEqual(Array(3).fill('philox_words'));
      expect(timings.every(({ milliseconds }) => milliseconds >= 0 && milliseconds < 10_000)).toBe(true);
      expect(await timed.timings()).toEqual([]);
      expect(await device.timings()).toEqual([]);
    });

    it.each([[-1], [1.5], [2 ** 32]])('over %d workgroups are refused', async (count) => {
      using words = device.createBuffer(16, 'words');
      const launch: Launch = { ...drawWords(kernel, words, 1), workgroups: [count, 1, 1] };
      expect(() => device.run([launch])).toThrow(
        expect.objectContaining({ code: 'launch', message: expect.stringContaining('philox_words') }),
      );
      await device.idle();
    });
  });

  describe('kernels', () => {
    it('are made once for each set of constants', async () => {
      expect(await device.kernel('philox_words')).toBe(kernel);
      const other = await device.kernel('philox_words', { lanes: 32 });
      expect(other).not.toBe(kernel);
      expect(other.constants).toEqual({ lanes: 32 });
      expect(kernel.constants).toEqual({ lanes: 64 });
    });

    it.each([
      ['philox_wrods', {}, /no kernel "philox_wrods"/],
      ['philox_words', { lnaes: 32 }, /no override constant "lnaes"/],
    ])('%s with %j are refused', async (name, constants, message) => {
      await expect(device.kernel(name, constants)).rejects.toMatchObject({
        code: 'contract',
        message: expect.stringMatching(message),
      });
    });
  });

  describe('when closed', () => {
    it('says so to every call, and through `lost`', async () => {
      const closed = await openDevice(present.spec, { checked: true });
      const words = closed.createBuffer(16, 'words');
      const its = await closed.kernel('philox_words');
      closed.run([drawWords(its, words, 1)]);
      await Promise.all([closed[Symbol.asyncDispose](), closed[Symbol.asyncDispose]()]);
      expect(await closed.lost).not.toBe('');
      const lost = expect.objectContaining({ code: 'lost' });
      expect(() => closed.createBuffer(4, 'late')).toThrow(lost);
      expect(() => closed.write(words, 0, bytesOf(0, 0, 0, 0))).toThrow(lost);
      expect(() => closed.run([drawWords(its, words, 1)])).toThrow(lost);
      await expect(closed.read(words)).rejects.toEqual(lost);
      await expect(closed.idle()).rejects.toEqual(lost);
      await expect(closed.kernel('philox_words')).rejects.toEqual(lost);
      words[Symbol.dispose]();
    });
  });
});
