/** Workgroup memory is zero when a kernel begins, on devices as they are in production. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeStruct, structLayout } from '../../src/device/contract.ts';
import { describeOnDevices } from '../devices.ts';

const WORDS = 1024;
/** Leaves what its workgroup memory was in `found`, and writes `params.value` there. */
const KERNEL = `
struct Params { value: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> found: array<u32>;
var<workgroup> memory: array<u32, ${WORDS}>;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  for (var word = lane; word < ${WORDS}u; word += 8u) {
    found[group.x * ${WORDS}u + word] = memory[word];
    memory[word] = params.value;
  }
}
`;

describeOnDevices(
  'workgroup memory',
  (open) => {
    let folder = '';
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'tacet-workgroup-'));
      writeFileSync(join(folder, 'memory.wgsl'), KERNEL);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it('is zero, whatever another workgroup left in it', async () => {
      const device = await open({ checked: false });
      const kernel = await device.kernel(join(folder, 'memory.wgsl'));
      const groups = 64;
      using found = device.createBuffer(4 * groups * WORDS, 'found');
      const params = encodeStruct(structLayout(kernel.contract, 'Params'), { value: 0xdeadbeef });
      for (let launch = 0; launch < 4; launch++) {
        device.write(found, 0, new Uint32Array(groups * WORDS).fill(1));
        device.run([{ kernel, params, buffers: { found }, workgroups: [groups, 1, 1] }]);
        const words = new Uint32Array(await device.read(found));
        expect(words.every((word) => word === 0)).toBe(true);
      }
    });
  },
  { kind: 'webgpu' },
);
