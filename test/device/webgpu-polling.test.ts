import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { patiently } from '../../src/device/webgpu/polling.ts';

const original = globalThis.setImmediate;

describe('patient waiting', () => {
  afterEach(() => expect(globalThis.setImmediate).toBe(original));

  it('puts setImmediate back after the last of several waits', async () => {
    const short = patiently(sleep(5, 'short'));
    const long = patiently(sleep(20, 'long'));
    expect(globalThis.setImmediate).not.toBe(original);
    expect(await short).toBe('short');
    expect(globalThis.setImmediate).not.toBe(original);
    expect(await long).toBe('long');
  });

  it('puts it back after a failure, which it passes on', async () => {
    const failing = patiently(sleep(5).then(() => Promise.reject(new Error('on purpose'))));
    await expect(failing).rejects.toThrow('on purpose');
  });

  it("holds up nobody's immediates but Dawn's", async () => {
    const order: string[] = [];
    const { promise, resolve: finish } = Promise.withResolvers<void>();
    const waiting = patiently(promise);
    const cleared = setImmediate(() => order.push('cleared'));
    clearImmediate(cleared);
    for (let turn = 0; turn < 1000; turn++)
      await new Promise<void>((resolve) => setImmediate(() => resolve()));
    setImmediate((word: string) => order.push(word), 'immediate');
    setTimeout(() => {
      order.push('timer');
      finish();
    }, 5);
    await waiting;
    expect(order).toEqual(['immediate', 'timer']);
  });
});
