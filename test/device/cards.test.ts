/** Several cards at once, each in its own thread; identical ones are told apart. With software drivers, in processes. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { prepareVulkan } from '../../src/device/index.ts';
import { describeNative } from '../../src/device/native/index.ts';
import { runFixture } from './child.ts';
import type { CardsReport } from './fixtures/cards.ts';

async function cards(args: string[], env: Record<string, string | undefined> = {}): Promise<CardsReport> {
  const result = await runFixture('cards', args, { env });
  expect(result).toMatchObject({ code: 0, signal: null, stdout: '' });
  return result.messages[0] as CardsReport;
}

const present = inject('presentDevices').filter(({ spec }) => spec.startsWith('webgpu'));
const [one, other] = present;

// The layer is a part of the native engine: without that, cards have no identities.
const layered = process.platform === 'linux' && !('absent' in describeNative());

describe.runIf(one && other)(`two adapters at once: ${one?.name}, ${other?.name}`, () => {
  it('work in two threads of one process, each its own', async () => {
    const { choices, opened } = await cards([`${one?.spec},${other?.spec}`]);
    expect(choices?.map(({ spec }) => spec)).toEqual([one?.spec, other?.spec]);
    expect(opened?.map(({ name }) => name)).toEqual([one?.name, other?.name]);
    expect(opened?.[0]?.first).toBeGreaterThan(0);
    expect(opened?.[1]?.first).toBe(opened?.[0]?.first);
    if (layered) expect(opened?.[0]?.identity).not.toEqual(opened?.[1]?.identity);
  });
});

/** SwiftShader's own words on its driver, and as many others: what tells the copies apart besides the layer. */
const WORDS = 'SwiftShader driver';
const OTHER_WORDS = 'SwiftShader copied';

describe.runIf(layered && process.arch === 'x64')('two copies of one driver', () => {
  let folder: string;
  let env: Record<string, string | undefined>;
  beforeAll(() => {
    expect(prepareVulkan().withoutSwiftShader).toBeUndefined();
    const original = process.env.VK_ADD_DRIVER_FILES?.split(':').find((path) => path.includes('swiftshader'));
    const library = join(original ?? '', '..', 'libvk_swiftshader.so');
    folder = mkdtempSync(join(tmpdir(), 'tacet-twins-'));
    const copied = readFileSync(library);
    for (let at = copied.indexOf(WORDS); at >= 0; at = copied.indexOf(WORDS, at))
      copied.write(OTHER_WORDS, at);
    copyFileSync(library, join(folder, 'first.so'));
    writeFileSync(join(folder, 'second.so'), copied);
    const manifests = ['first', 'second'].map((name) => {
      const path = join(folder, `${name}.json`);
      const driver = { library_path: join(folder, `${name}.so`), api_version: '1.3.0' };
      writeFileSync(path, JSON.stringify({ file_format_version: '1.0.0', ICD: driver }));
      return path;
    });
    env = { VK_DRIVER_FILES: manifests.join(':') };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are twins in all that WebGPU selects by, and each thread works on the one it chose', async () => {
    const { choices, opened } = await cards(['webgpu:swiftshader#1,webgpu:swiftshader#2', '2'], env);
    const name = 'SwiftShader Device (Subzero)';
    expect(choices).toMatchObject([
      { name, spec: `webgpu:${name}#1`, identity: { copy: 1 } },
      { name, spec: `webgpu:${name}#2`, identity: { copy: 2 } },
    ]);
    expect(choices?.[0]?.identity?.uuid).toBe(choices?.[1]?.identity?.uuid);
    const [first] = opened ?? [];
    expect(opened).toMatchObject([
      { identity: { copy: 1 }, first: first?.first },
      { identity: { copy: 1 }, first: first?.first },
      { identity: { copy: 2 }, first: first?.first },
      { identity: { copy: 2 }, first: first?.first },
    ]);
    // What the drivers say of themselves, through WebGPU.
    const drivers = opened?.map(({ driver }) => driver) ?? [];
    expect(drivers[1]).toBe(drivers[0]);
    expect(drivers[3]).toBe(drivers[2]);
    expect(drivers.map((driver) => driver?.startsWith(WORDS))).toContain(true);
    expect(drivers.map((driver) => driver?.startsWith(WORDS))).toContain(false);
  });

  it('are refused as one by a name that both have', async () => {
    const { error } = await cards(['webgpu:swiftshader'], env);
    expect(error).toMatch(/could be "webgpu:SwiftShader Device \(Subzero\)#1" or ".*#2": name one/);
  });

  it('fail to open when the chosen card is not there, and the error names both', async () => {
    const gone = '11111111-2222-3333-4444-555555555555';
    const { opened } = await cards(['webgpu:swiftshader#1', '1', gone], env);
    expect(opened?.[0]?.error).toMatch(
      new RegExp(`asked for SwiftShader.*UUID ${gone}.*, got SwiftShader.*UUID 5377.*and SwiftShader`),
    );
  });

  it('can not be told apart where the layer is not loaded, which is said', async () => {
    const disabled = { ...env, VK_LOADER_LAYERS_DISABLE: '~all~' };
    const { withoutIdentity, choices, opened } = await cards(['webgpu:swiftshader'], disabled);
    expect(withoutIdentity).toMatch(/did not load Tacet's layer/);
    expect(choices?.[0]?.identity).toBeUndefined();
    expect(opened?.[0]?.first).toBeGreaterThan(0);
    const { error } = await cards(['webgpu:swiftshader#2'], disabled);
    expect(error).toMatch(/can't be told apart.*VK_LOADER_DEBUG=layer/);
  });
});
