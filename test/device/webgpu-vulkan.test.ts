/** SwiftShader from the npm package: unpacked once, found without root, and with no Vulkan loader on the system. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChildOptions, runFixture } from './child.ts';

interface Report {
  setup: { usable: boolean; withoutSwiftShader?: string };
  names: string[];
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('SwiftShader from npm', () => {
  let folder: string;
  let cache: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tacet-vulkan-'));
    cache = join(folder, 'cache');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function adapters(env: ChildOptions['env'] = {}, where = 'in the main thread'): Promise<Report> {
    const result = await runFixture('adapters', [where], {
      env: {
        XDG_CACHE_HOME: cache,
        VK_ADD_DRIVER_FILES: undefined,
        VK_INSTANCE_LAYERS: undefined,
        VK_LAYER_PATH: undefined,
        ...env,
      },
    });
    expect(result).toMatchObject({ code: 0, stdout: '' });
    return result.messages[0] as Report;
  }

  /** The folder of the unpacked driver; there is nothing else in the cache but the layer. */
  function unpacked(): string {
    const [name, ...others] = readdirSync(join(cache, 'tacet')).filter(
      (folder) => !/^vulkan-layer/.test(folder),
    );
    expect(others).toEqual([]);
    expect(name).toMatch(/^swiftshader-\d+\.\d+\.\d+$/);
    return join(cache, 'tacet', name ?? '');
  }

  it('is one of the adapters, last in order', async () => {
    const { setup, names } = await adapters();
    expect(setup).toMatchObject({ usable: true });
    expect(names.at(-1)).toMatch(/SwiftShader/);
    expect(names.filter((name) => /SwiftShader/.test(name))).toHaveLength(1);
  });

  it('needs no Vulkan loader on the system', async () => {
    // A library of that name which can't be loaded stands before the system's own.
    writeFileSync(join(folder, 'libvulkan.so.1'), '');
    const { setup, names } = await adapters({ LD_LIBRARY_PATH: folder });
    expect(setup).toMatchObject({ usable: true });
    expect(names.at(-1)).toMatch(/SwiftShader/);
  });

  it('is unpacked once', async () => {
    await adapters();
    const before = statSync(unpacked()).ino;
    await adapters();
    expect(statSync(unpacked()).ino).toBe(before);
  });

  it('is unpacked by four processes at once', async () => {
    const reports = await Promise.all([adapters(), adapters(), adapters(), adapters()]);
    for (const { names } of reports) expect(names.at(-1)).toMatch(/SwiftShader/);
    expect(readdirSync(unpacked()).sort()).toEqual([
      'libvk_swiftshader.so',
      'libvulkan.so.1',
      'vk_swiftshader_icd.json',
    ]);
  });

  it('is unpacked again when a file is gone, whatever a run that was killed has left', async () => {
    await adapters();
    const complete = unpacked();
    rmSync(join(complete, 'libvk_swiftshader.so'));
    mkdirSync(`${complete}.unpacking-killed`);
    writeFileSync(join(`${complete}.unpacking-killed`, 'libvulkan.so.1'), 'half');
    expect((await adapters()).names.at(-1)).toMatch(/SwiftShader/);
    expect(existsSync(join(complete, 'libvk_swiftshader.so'))).toBe(true);
  });

  it('is left out, with the reason and the remedy, where it can not be unpacked', async () => {
    writeFileSync(cache, 'a file where a folder should be');
    const { setup, names } = await adapters();
    expect(setup.withoutSwiftShader).toMatch(/can't unpack it.*XDG_CACHE_HOME/);
    expect(names.filter((name) => /SwiftShader/.test(name))).toEqual([]);
  });

  it('is left out of a worker thread whose main thread has not prepared it', async () => {
    const { setup, names } = await adapters({}, 'in a worker');
    expect(setup.withoutSwiftShader).toMatch(/prepareVulkan\(\) in the main thread/);
    expect(names.filter((name) => /SwiftShader/.test(name))).toEqual([]);
  });

  it('leaves the drivers that the user chose alone', async () => {
    const chosen = join(folder, 'none.json');
    const { names } = await adapters({ VK_DRIVER_FILES: chosen });
    expect(names).toEqual([]);
  });
});
