/** The native device: order, errors, independence of devices, and its contract with the WGSL. */
import { on } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeStruct, kernelNames, loadContract, structLayout } from '../../src/device/contract.ts';
import { type Device, DeviceError, type DeviceErrorCode, type Launch } from '../../src/device/device.ts';
import { loadAddon } from '../../src/device/native/addon.ts';
import { checkContract } from '../../src/device/native/contract-check.ts';
import { describeNative, openNativeDevice } from '../../src/device/native/index.ts';
import { keyOf, philox4x32 } from '../../src/random/philox.ts';

const native = describeNative();
const absent = 'absent' in native;

async function codeOf(run: () => unknown): Promise<DeviceErrorCode | undefined> {
  try {
    await run();
  } catch (error) {
    if (error instanceof DeviceError) return error.code;
    throw error;
  }
  return undefined;
}

/** A launch of `philox_words` into `words`. */
async function philoxWords(
  device: Device,
  words: Launch['buffers'][string],
  blocks: number,
): Promise<Launch> {
  const kernel = await device.kernel('philox_words');
  const [key_low, key_high] = keyOf(12345678901);
  const params = encodeStruct(structLayoutOfParams('philox_words'), {
    blocks,
    first_block: 5,
    stream: 9,
    key_low,
    key_high,
  });
  return { kernel, params, buffers: { words }, workgroups: [Math.ceil(blocks / 64), 1, 1] };
}

function structLayoutOfParams(kernel: string) {
  const { params } = loadContract(kernel);
  if (!params) throw new Error(`${kernel} has no params`);
  return params;
}

describe.skipIf(absent)(`the native device${absent ? ' (skipped: not built)' : ''}`, () => {
  let device: Device;

  beforeAll(async () => {
    device = await openNativeDevice({ timing: true });
  });

  afterAll(async () => {
    await device[Symbol.asyncDispose]();
  });

  test('says what it is', () => {
    expect(native).toMatchObject({ kind: 'native', software: false });
    expect(device.info.backend).toMatch(/^(AVX-512|AVX2|SSE2|NEON|plain)$/);
  });

  test.each(kernelNames())('has the kernel %s with the interface that the WGSL states', (name) => {
    const compiled = loadAddon()
      .kernels()
      .find((kernel) => kernel.name === name);
    expect(compiled).toBeDefined();
    if (compiled) checkContract(loadContract(name), compiled);
  });

  test('refuses a kernel whose WGSL says something else', () => {
    const compiled = loadAddon()
      .kernels()
      .find((kernel) => kernel.name === 'uniform_weights');
    if (!compiled) throw new Error('uniform_weights is missing');
    const wgsl = loadContract('uniform_weights');
    const struct = structLayout(wgsl, 'Fill');
    const fields = struct.fields.map((field) =>
      field.name === 'slot' ? { ...field, type: 'i32' as const } : field,
    );
    const changes = [
      { ...wgsl, buffers: wgsl.buffers.toReversed() },
      { ...wgsl, structs: { ...wgsl.structs, Fill: { ...struct, fields } } },
      { ...wgsl, overrides: {} },
      { ...wgsl, params: undefined },
    ];
    for (const changed of changes) {
      expect(() => checkContract(changed, compiled)).toThrow(
        /disagree on (bindings|struct Fill|override|params)/,
      );
    }
  });

  test.each([0, 1, 63, 64, 5000])('philox_words: %i blocks are those of TypeScript', async (blocks) => {
    using words = device.createBuffer(blocks * 16, 'words');
    device.run([await philoxWords(device, words, blocks)]);
    const found = new Uint32Array(await device.read(words));
    const expected = new Uint32Array(blocks * 4);
    for (let block = 0; block < blocks; block++) {
      expected.set(philox4x32([5 + block, 9, 0, 0], keyOf(12345678901)), block * 4);
    }
    expect(found).toEqual(expected);
  });

  test('writes, launches and reads keep their order', async () => {
    using words = device.createBuffer(32, 'words');
    expect(new Uint32Array(await device.read(words))).toEqual(new Uint32Array(8));
    device.run([await philoxWords(device, words, 2)]);
    const before = device.read(words, 4, 4);
    device.write(words, 4, Uint32Array.of(77));
    const after = device.read(words, 4, 4);
    expect(new Uint32Array(await before)[0]).toBe(philox4x32([5, 9, 0, 0], keyOf(12345678901))[1]);
    expect(new Uint32Array(await after)[0]).toBe(77);
  });

  test('a write copies: the array may be changed at once', async () => {
    using buffer = device.createBuffer(1 << 20, 'large');
    const data = new Uint32Array((1 << 20) / 4).fill(3);
    device.write(buffer, 0, data);
    data.fill(4);
    expect(new Set(new Uint32Array(await device.read(buffer)))).toEqual(new Set([3]));
    const shared = new Uint32Array(new SharedArrayBuffer(16)).fill(6);
    device.write(buffer, 0, shared);
    expect(new Uint32Array(await device.read(buffer, 0, 20))).toEqual(Uint32Array.of(6, 6, 6, 6, 3));
  });

  test('timings name each launch once', async () => {
    await device.timings();
    using words = device.createBuffer(1600, 'words');
    const launch = await philoxWords(device, words, 100);
    device.run([launch, launch]);
    const times = await device.timings();
    expect(times.map((time) => time.kernel)).toEqual(['philox_words', 'philox_words']);
    expect(times.every((time) => time.milliseconds >= 0)).toBe(true);
    expect(await device.timings()).toEqual([]);
  });

  test('bad calls are refused, each with its code', async () => {
    using words = device.createBuffer(16, 'words');
    const gone = device.createBuffer(16, 'gone');
    gone[Symbol.dispose]();
    gone[Symbol.dispose]();
    await using other = await openNativeDevice({ threads: 1 });
    using foreign = other.createBuffer(16, 'foreign');
    const launch = await philoxWords(device, words, 1);
    const { kernel } = launch;
    expect(await codeOf(() => device.kernel('no_such_kernel'))).toBe('contract');
    expect(await codeOf(() => device.kernel('philox_words', { nonsense: 1 }))).toBe('contract');
    expect(await codeOf(() => device.kernel('philox_words', { lanes: 0 }))).toBe('contract');
    expect(await codeOf(() => device.createBuffer(-1, 'bad'))).toBe('launch');
    expect(await codeOf(() => device.createBuffer(2 ** 52, 'vast'))).toBe('capacity');
    expect(await codeOf(() => device.write(words, 8, new Uint32Array(3)))).toBe('launch');
    expect(await codeOf(() => device.write(words, 2, new Uint8Array(3)))).toBe('launch');
    expect(await codeOf(() => device.write(gone, 0, new Uint8Array(3)))).toBe('launch');
    expect(await codeOf(() => device.write(foreign, 0, new Uint8Array(3)))).toBe('launch');
    expect(await codeOf(() => device.read(words, 0, 17))).toBe('launch');
    expect(await codeOf(() => device.read(words, -4, 4))).toBe('launch');
    expect(await codeOf(() => device.run([{ ...launch, buffers: {} }]))).toBe('contract');
    expect(await codeOf(() => device.run([{ ...launch, buffers: { words, more: words } }]))).toBe('contract');
    expect(await codeOf(() => device.run([{ ...launch, buffers: { words: gone } }]))).toBe('launch');
    expect(await codeOf(() => device.run([{ ...launch, buffers: { words: foreign } }]))).toBe('launch');
    expect(await codeOf(() => device.run([{ ...launch, params: new Uint8Array(3) }]))).toBe('contract');
    expect(await codeOf(() => device.run([{ ...launch, workgroups: [1, 1, -1] }]))).toBe('launch');
    expect(
      await codeOf(() =>
        other.run([{ kernel, params: launch.params, buffers: { words: foreign }, workgroups: [1, 1, 1] }]),
      ),
    ).toBe('launch');
    await device.idle();
  });

  test('a failed launch is reported once, with kernel and binding; what was queued behind it is skipped', async () => {
    using words = device.createBuffer(16, 'words');
    const launch = await philoxWords(device, words, 1);
    device.run([await philoxWords(device, words, 1000), launch]);
    await expect(device.idle()).rejects.toThrow(/philox_words: "words" holds 4 elements.*4000/);
    expect(new Uint32Array(await device.read(words))).toEqual(new Uint32Array(4));
    device.run([launch]);
    expect(new Uint32Array(await device.read(words))[0]).not.toBe(0);
  });

  test('a disposed device refuses everything and says why', async () => {
    const short = await openNativeDevice({ threads: 1 });
    const words = short.createBuffer(16, 'words');
    const launch = await philoxWords(short, words, 1);
    await short[Symbol.asyncDispose]();
    await short[Symbol.asyncDispose]();
    expect(await short.lost).toContain('disposed');
    for (const call of [
      () => short.createBuffer(4, 'late'),
      () => short.write(words, 0, new Uint8Array(4)),
      () => short.run([launch]),
      () => short.read(words),
      () => short.idle(),
      () => short.timings(),
      () => short.kernel('philox_words'),
    ]) {
      expect(await codeOf(call)).toBe('lost');
    }
    words[Symbol.dispose]();
  });

  test('worker threads have devices of their own, and may be ended while theirs compute', async () => {
    const code = `
      import { parentPort } from 'node:worker_threads';
      import { openNativeDevice } from '${new URL('../../src/device/native/index.ts', import.meta.url)}';
      import { encodeStruct, loadContract } from '${new URL('../../src/device/contract.ts', import.meta.url)}';
      const device = await openNativeDevice({ threads: 1 });
      const blocks = 1 << 18;
      const words = device.createBuffer(blocks * 16, 'words');
      const kernel = await device.kernel('philox_words');
      const values = { blocks, first_block: 0, stream: 0, key_low: 1, key_high: 2 };
      const params = encodeStruct(loadContract('philox_words').params, values);
      for (let i = 0; i < 20; i++) {
        device.run([{ kernel, params, buffers: { words }, workgroups: [blocks / 64, 1, 1] }]);
      }
      parentPort.postMessage(0);
      parentPort.postMessage(new Uint32Array(await device.read(words))[0]);`;
    const run = () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    const expected = philox4x32([0, 0, 0, 0], [1, 2])[0];
    const finished = Array.from({ length: 2 }, async () => {
      const worker = run();
      const answers: number[] = [];
      for await (const [answer] of messages(worker)) {
        answers.push(answer);
        if (answers.length === 2) break;
      }
      await worker.terminate();
      return answers[1];
    });
    const ended = Array.from({ length: 4 }, async () => {
      const worker = run();
      for await (const _ of messages(worker)) break;
      return worker.terminate();
    });
    expect(await Promise.all(finished)).toEqual([expected, expected]);
    expect(await Promise.all(ended)).toEqual([1, 1, 1, 1]);
  });
});

async function* messages(worker: Worker): AsyncGenerator<[number]> {
  for await (const message of on(worker, 'message')) yield message as [number];
}
