import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, fromFile, readMatrix } from '../../src/network/connectivity/index.ts';
import { parseMatrixMarket } from '../../src/network/connectivity/matrix-market.ts';
import { parseNpy } from '../../src/network/connectivity/npy.ts';
import { keyOf } from '../../src/random/philox.ts';
import { temporaryFolder } from '../cli/tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

/** Entries as triples, in order. */
function entriesOf(path: string): (readonly [number, number, number | undefined])[] {
  const { row, column, values } = readMatrix(path);
  return Array.from(row, (r, i) => [r, column[i] as number, values?.[i]] as const).sort(
    (a, b) => a[0] - b[0] || a[1] - b[1],
  );
}

function market(text: string): (readonly [number, number, number | undefined])[] {
  const { row, column, values } = parseMatrixMarket(Buffer.from(text), 'm.mtx');
  return Array.from(row, (r, i) => [r, column[i] as number, values?.[i]] as const);
}

describe('Matrix Market files', () => {
  it('of coordinates, with comments, blank lines and exponents', () => {
    const text = [
      '%%MatrixMarket matrix coordinate real general',
      '% from somewhere',
      '',
      '3 4 3',
      '1 4 -2.5e-1',
      '  3   1\t1.25',
      '1 2 7',
    ].join('\r\n');
    expect(market(text)).toEqual([
      [0, 3, -0.25],
      [2, 0, 1.25],
      [0, 1, 7],
    ]);
  });

  it('of patterns and of whole numbers, in any case', () => {
    expect(market('%%MatrixMarket Matrix Coordinate PATTERN general\n2 2 1\n2 1\n')).toEqual([
      [1, 0, undefined],
    ]);
    expect(market('%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 -3')).toEqual([[0, 0, -3]]);
  });

  it('with mirror images of symmetric ones, once on the diagonal', () => {
    expect(market('%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 5\n2 1 3')).toEqual([
      [0, 0, 5],
      [1, 0, 3],
      [0, 1, 3],
    ]);
    expect(market('%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 1 3')).toEqual([
      [1, 0, 3],
      [0, 1, -3],
    ]);
  });

  it('as arrays, column by column, without their zeros', () => {
    expect(market('%%MatrixMarket matrix array real general\n2 2\n1\n0\n3\n4')).toEqual([
      [0, 0, 1],
      [0, 1, 3],
      [1, 1, 4],
    ]);
    expect(market('%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3')).toEqual([
      [0, 0, 1],
      [1, 0, 2],
      [0, 1, 2],
      [1, 1, 3],
    ]);
  });

  it('with more entries than fit at first', () => {
    const count = 5000;
    const lines = Array.from({ length: count }, (_, i) => `${i + 1} 1 ${i}`);
    const text = `%%MatrixMarket matrix coordinate real general\n${count} 1 ${count}\n${lines.join('\n')}`;
    const entries = market(text);
    expect(entries.length).toBe(count);
    expect(entries.at(-1)).toEqual([count - 1, 0, count - 1]);
  });

  it.each([
    ['1 1 1\n', /m\.mtx line 1 does not begin with "%%MatrixMarket matrix"/],
    ['%%MatrixMarket matrix coordinate complex general\n', /line 1 has "complex" in its header: give real/],
    ['%%MatrixMarket matrix array pattern general\n', /"pattern" in its header: give real, integer/],
    ['%%MatrixMarket matrix coordinate real hermitian\n', /"hermitian" in its header/],
    [
      '%%MatrixMarket matrix coordinate real symmetric\n2 3 0\n',
      /a symmetric matrix of 2 x 3: make it square/,
    ],
    [
      '%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 1\n',
      /line 3 has 3 for a row: give a whole number from 1 to 2/,
    ],
    ['%%MatrixMarket matrix coordinate real general\n2 2 1\n1 0 1\n', /line 3 has 0 for a column/],
    ['%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 one\n', /line 3 has one for a value/],
    ['%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1\n', /ends where a row should be/],
    [
      '%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 1\n2 2 1\n',
      /line 4 goes on after the last entry/,
    ],
  ])('refused: %j', (text, message) => {
    expect(() => market(text)).toThrow(message);
  });
});

describe("SciPy's files", () => {
  const entries = [
    [0, 1, 0.5],
    [0, 3, -2],
    [2, 0, 1.25],
    [2, 1, 3],
  ];

  it.each(['csr.npz', 'coo.npz', 'csc-array-f4.npz'])('%s, written by SciPy 1.17', (name) => {
    expect(entriesOf(fixture(name))).toEqual(entries);
    expect(readMatrix(fixture(name))).toMatchObject({ rows: 3, columns: 4 });
  });

  it('make projections, rows as sources or as targets', () => {
    const ends = { sources: 3, targets: 4, selfShift: 0, place: 'projection p' };
    const rows = connect(fromFile(fixture('csr.npz')), ends, keyOf(1), 0);
    expect(rows).toEqual({
      offsets: Uint32Array.of(0, 2, 2, 4),
      targets: Uint32Array.of(1, 3, 0, 1),
      weights: Float64Array.of(0.5, -2, 1.25, 3),
    });
    const turned = connect(
      fromFile(fixture('coo.npz'), { rows: 'targets' }),
      { ...ends, sources: 4, targets: 3 },
      keyOf(1),
      0,
    );
    expect(turned).toEqual({
      offsets: Uint32Array.of(0, 1, 3, 3, 4),
      targets: Uint32Array.of(2, 0, 2, 0),
      weights: Float64Array.of(1.25, 0.5, 3, -2),
    });
    expect(() => connect(fromFile(fixture('csr.npz')), { ...ends, sources: 4 }, keyOf(1), 0)).toThrow(
      /csr\.npz has 3 rows and 4 columns, so with rows as sources it connects 3 neurons with 4, not 4 with 4/,
    );
  });

  beforeAll(() => {
    writeFileSync(join(folder.path, 'text.npz'), 'not a zip file');
  });

  it.each([
    ['dia.npz', /dia\.npz is a sparse matrix of format "dia": save it as csr, csc or coo/],
    ['plain.npz', /plain\.npz has no array "shape" \(it has x\.npy\): save it with scipy\.sparse\.save_npz/],
    ['none.npz', /none\.npz is not there: give another file/],
    ['none.mtx', /none\.mtx is not there/],
    ['csr.txt', /csr\.txt is no matrix that can be read: give a Matrix Market file/],
  ])('refused: %s', (name, message) => {
    expect(() => readMatrix(fixture(name))).toThrow(message);
  });

  it('refused: something else under the name', () => {
    expect(() => readMatrix(join(folder.path, 'text.npz'))).toThrow(
      /text\.npz is no zip file that can be read/,
    );
  });
});

describe('NumPy arrays', () => {
  function npy(descr: string, shape: string, data: Buffer): Buffer {
    const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;
    const size = Buffer.alloc(2);
    size.writeUInt16LE(header.length);
    return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), size, Buffer.from(header), data]);
  }

  it('of both byte orders, of 64-bit whole numbers, of texts', () => {
    const big = Buffer.alloc(8);
    big.writeInt32BE(-7, 0);
    big.writeInt32BE(300, 4);
    expect(parseNpy(npy('>i4', '(2,)', big), 'a')).toEqual({ shape: [2], values: Float64Array.of(-7, 300) });
    const long = Buffer.alloc(8);
    long.writeBigInt64LE(-5_000_000_000n);
    expect(parseNpy(npy('<i8', '()', long), 'a').values).toEqual(Float64Array.of(-5e9));
    const wide = Buffer.alloc(12);
    for (const i of [0, 1, 2]) wide.writeUInt32LE('csr'.charCodeAt(i), 4 * i);
    expect(parseNpy(npy('<U3', '()', wide), 'a').values).toBe('csr');
  });

  it.each([
    [Buffer.from('something else'), /a is no NumPy array/],
    [npy('<c16', '(1,)', Buffer.alloc(16)), /a has numbers of type c16: save it as real or whole numbers/],
    [npy('<f8', '(3,)', Buffer.alloc(16)), /a is cut off: 16 bytes of 24 are there/],
    [npy('|O', '(3,)', Buffer.alloc(16)), /a has a NumPy header that can't be read/],
  ])('refused, case %#', (bytes, message) => {
    expect(() => parseNpy(bytes, 'a')).toThrow(message);
  });
});
