import { expect, inject, it } from 'vitest';
import { type DeviceInfo, openDevice } from '../../src/device/index.ts';
import { jsonLines, tacet, temporaryFolder } from './tacet.ts';

it('tacet devices --json prints every device, and the one that a search opens', async () => {
  const folder = temporaryFolder();
  const { code, stdout } = await tacet(['devices', '--json'], folder.path);
  folder.remove();
  expect(code).toBe(0);
  const lines = jsonLines(stdout);
  const present = lines.filter((line) => line.present).map(({ spec }) => spec);
  expect(present).toEqual(inject('presentDevices').map(({ spec }) => spec));
  for (const { info, openedBy } of lines.filter(({ spec, present }) => present && spec !== 'native')) {
    const { identity } = info as DeviceInfo;
    expect(openedBy).toMatch(identity ? /^its identity, through Tacet's Vulkan layer$/ : /^its name \(.+\)$/);
  }
  const used = lines.filter((line) => line.usedByDefault);
  await using device = await openDevice('auto');
  expect(used).toMatchObject([{ reason: expect.stringMatching(/./), info: { name: device.info.name } }]);
});

it('tacet devices prints the same for people', async () => {
  const folder = temporaryFolder();
  const { code, stdout, stderr } = await tacet(['devices'], folder.path);
  folder.remove();
  expect(code).toBe(0);
  for (const { name, spec } of inject('presentDevices')) {
    expect(stdout).toContain(`${name}\n  --devices "${spec}"\n`);
  }
  // Dawn's warnings about limits of software adapters; the layer, which prevents them, is a part of the native engine.
  if (stdout.includes('UUID')) expect(stderr).toBe('');
  expect(stdout).toMatch(/^A search uses .+ unless --devices says otherwise: .+\.$/m);
});

const [adapter] = inject('presentDevices').filter(({ spec }) => spec !== 'native');

it.skipIf(!adapter)('tacet search refuses the same card twice', async () => {
  const folder = temporaryFolder();
  const list = `${adapter?.spec},native,${adapter?.spec}`;
  const { code, stdout, stderr } = await tacet(['search', 'mnist-stdp', '--devices', list], folder.path);
  folder.remove();
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(`"${adapter?.spec}" is the card of "${adapter?.spec}" again; name each card once`);
});
