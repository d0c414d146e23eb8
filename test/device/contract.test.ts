import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import {
  decodeStruct,
  encodeStruct,
  kernelNames,
  loadContract,
  reflectKernel,
  structLayout,
} from '../../src/device/contract.ts';
import { openDevice } from '../../src/device/index.ts';

const HEAD = `
struct Params { count: u32, shift: i32, scale: f32 }
struct Row { id: u32, value: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read_write> rows: array<Row>;
@group(0) @binding(1) var<storage, read> words: array<vec4<u32>>;
override lanes: u32 = 64;
override required: u32;
`;
const BODY = '@compute @workgroup_size(lanes) fn main() { rows[0].id = words[0].x + params.count; }';

function contractErrorOf(source: string): unknown {
  try {
    return reflectKernel('sample', source);
  } catch (error) {
    return error;
  }
}

describe('the contract of a kernel', () => {
  const contract = reflectKernel('sample', HEAD + BODY);

  it('has bindings in the order of their numbers, with access and stride', () => {
    expect(contract.buffers).toEqual([
      { name: 'words', binding: 1, access: 'read', element: 'vec4u', stride: 16 },
      { name: 'rows', binding: 2, access: 'read_write', element: 'Row', stride: 8 },
    ]);
  });

  it('has the byte layout of Params and of the structs in buffers', () => {
    expect(contract.params).toEqual({
      name: 'Params',
      byteLength: 12,
      fields: [
        { name: 'count', type: 'u32', offset: 0 },
        { name: 'shift', type: 'i32', offset: 4 },
        { name: 'scale', type: 'f32', offset: 8 },
      ],
    });
    expect(structLayout(contract, 'Row').byteLength).toBe(8);
    expect(() => structLayout(contract, 'Column')).toThrow(/no struct "Column"/);
  });

  it('has the overrides with their defaults', () => {
    expect(contract.overrides).toEqual({ lanes: 64, required: undefined });
  });

  it('is read from every kernel of the package', () => {
    expect(kernelNames()).toContain('philox_words');
    for (const name of kernelNames()) expect(loadContract(name).name).toBe(name);
  });

  it.each([
    ['another group', HEAD.replace('@group(0) @binding(1)', '@group(1) @binding(1)') + BODY, /group 1/],
    ['a uniform of another name', (HEAD + BODY).replaceAll('params', 'settings'), /"params" at binding 0/],
    [
      'a field that the host has no type for',
      HEAD.replace('shift: i32', 'shift: vec3<f32>') + BODY,
      /Params.shift is vec3/,
    ],
    ['a buffer that is no array', (HEAD + BODY).replace('array<vec4<u32>>', 'vec4<u32>'), /"words" must be/],
    ['text that is no WGSL', 'struct {', /shaders\/sample\.wgsl/],
  ])('refuses %s', (_what, source, message) => {
    expect(contractErrorOf(source)).toMatchObject({
      code: 'contract',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a kernel that is not there, and names those that are', () => {
    expect(() => loadContract('philox_wrods')).toThrow(/no kernel "philox_wrods".*philox_words/);
  });
});

describe('structs in bytes', () => {
  const layout = structLayout(reflectKernel('sample', HEAD + BODY), 'Params');

  it('come back as they went', () => {
    const rows = [
      { count: 0xffffffff, shift: -(2 ** 31), scale: Math.fround(0.1) },
      { count: 0, shift: 2 ** 31 - 1, scale: -0 },
      { count: 1, shift: -1, scale: Number.POSITIVE_INFINITY },
    ];
    const bytes = new Uint8Array(rows.length * layout.byteLength);
    for (const [index, row] of rows.entries()) encodeStruct(layout, row, bytes, index * layout.byteLength);
    expect(rows.map((_, index) => decodeStruct(layout, bytes.buffer, index))).toEqual(rows);
  });

  it('lie at the offset of their field, low byte first', () => {
    const bytes = encodeStruct(layout, { count: 0x01020304, shift: -2, scale: 1 });
    expect([...bytes]).toEqual([4, 3, 2, 1, 0xfe, 0xff, 0xff, 0xff, 0, 0, 0x80, 0x3f]);
  });

  it('can be written into the middle of a larger array', () => {
    const larger = new Uint8Array(64).subarray(16);
    encodeStruct(layout, { count: 7, shift: 0, scale: 0 }, larger, 12);
    expect(new Uint8Array(larger.buffer)[28]).toBe(7);
  });

  it('must have every field and no other', () => {
    expect(() => encodeStruct(layout, { count: 1, shift: 1 })).toThrow(/Params.scale is missing/);
    expect(() => encodeStruct(layout, { count: 1, shift: 1, scale: 1, size: 1 })).toThrow(
      /no field "size"; it has count, shift, scale/,
    );
  });
});

describe("a kernel of one's own", () => {
  const file = fileURLToPath(new URL('../../docs/examples/own-kernel.wgsl', import.meta.url));

  it('is read from the path of its file', () => {
    const { params, buffers, overrides } = loadContract(file);
    expect(params?.fields.map(({ name }) => name)).toEqual(['neurons', 'steps', 'words']);
    expect(buffers.map(({ name, access }) => [name, access])).toEqual([
      ['raster', 'read'],
      ['counts', 'read_write'],
    ]);
    expect(overrides).toEqual({ lanes: 64 });
  });

  it('that is not there is refused by its path', () => {
    expect(() => loadContract('nowhere/mine.wgsl')).toThrow(
      "nowhere/mine.wgsl can't be read (ENOENT): give the path of a WGSL file",
    );
  });

  it('is nothing for the native engine, which says what to do', async ({ skip }) => {
    if (!inject('presentDevices').some(({ spec }) => spec === 'native')) skip('no native engine');
    await using device = await openDevice('native');
    await expect(device.kernel(file)).rejects.toThrow('open a device of WebGPU for it');
  });
});
