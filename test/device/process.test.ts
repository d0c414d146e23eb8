/** What a process with a device does: collect garbage, wait, start threads, fail, end. Each in a child process. */
import { describe, expect, inject, it } from 'vitest';
import { runFixture } from './child.ts';

const CLEAN = { code: 0, signal: null, stdout: '' };

// Processes are slow to start; all WebGPU adapters go through the same binding, so the first stands for them.
const present = inject('presentDevices');
const oneOfEachKind = ['webgpu', 'native'].flatMap((kind) => {
  return present.find(({ spec }) => spec.startsWith(kind)) ?? [];
});

describe.for(oneOfEachKind)('a process with $name', ({ spec }) => {
  it('survives garbage collection while the device works', async () => {
    const result = await runFixture('collect', [spec], { execArgv: ['--expose-gc'] });
    expect(result).toMatchObject({ ...CLEAN, messages: [{ reads: 20 }] });
  });

  it('leaves its thread idle while it waits', async () => {
    const result = await runFixture('wait', [spec]);
    expect(result).toMatchObject(CLEAN);
    const [shares] = result.messages as Record<'waiting' | 'queued', number>[];
    expect(shares?.waiting).toBeLessThan(0.1);
    expect(shares?.queued).toBeLessThan(0.1);
  });

  it('opens the device in worker threads that end cleanly', async () => {
    const result = await runFixture('worker', [spec]);
    expect(result).toMatchObject(CLEAN);
    const [ended] = result.messages as [{ first: number; code: number }[]];
    const [one] = ended;
    expect(one?.first).toBeGreaterThan(0);
    expect(ended).toEqual(Array(3).fill({ first: one?.first, code: 0 }));
  });

  it.each([
    ['leaving the device open', 0],
    ['by process.exit while a read is pending', 0],
    ['by an error while a read is pending', 1],
    ['closing the device while work is queued', 0],
    ['closing the device while reads and a kernel are pending', 0],
    ['closing the buffer after the device', 0],
    ['closing two devices in the order of opening', 0],
  ])('ends %s', async (way, code) => {
    expect(await runFixture('end', [spec, way])).toMatchObject({ code, signal: null, stdout: '' });
  });
});

describe.for(present.filter(({ spec }) => spec.startsWith('webgpu')))('errors of $name', ({ spec }) => {
  it('name the place, and leave standard output alone', async () => {
    const result = await runFixture('faults', [spec]);
    expect(result).toMatchObject(CLEAN);
    const [errors] = result.messages as [Record<string, string>];
    expect(errors).toEqual({
      compile: expect.stringMatching(
        /^compile: kernel "broken" does not compile:\n {2}line 5: [\s\S]*words\[0\] = 1.5/,
      ),
      'workgroup size': expect.stringMatching(
        /^compile: kernel "philox_words" can't run on .*: [\s\S]*maximum allowed/,
      ),
      'after refused kernels': 'no error',
      uncaptured: expect.stringMatching(/^launch: /),
      launch: expect.stringMatching(/^launch: launch of uniform_weights: /),
      'after a failure': expect.stringMatching(/^launch: launch of uniform_weights: /),
      'read when lost': expect.stringMatching(/^lost: /),
      'why lost': expect.stringMatching(/./),
      'run when lost': expect.stringMatching(/^lost: /),
    });
  });
});
