/** The kernel `surrogate_matmul` against sums in double precision. */
import { expect, it } from 'vitest';
import { encodeStruct, structLayout } from '../../src/device/contract.ts';
import { describeOnDevices } from '../devices.ts';

interface Shape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly aTransposed?: boolean;
  readonly bTransposed?: boolean;
  /** Elements between the rows of a stored matrix that are not its own. */
  readonly padding?: number;
  readonly accumulate?: boolean;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, inner: 1, columns: 1 },
  { rows: 0, inner: 3, columns: 2 },
  { rows: 33, inner: 31, columns: 65 },
  { rows: 40, inner: 70, columns: 37, aTransposed: true, padding: 3 },
  { rows: 65, inner: 32, columns: 37, bTransposed: true, padding: 27 },
  { rows: 17, inner: 64, columns: 96, aTransposed: true, bTransposed: true, accumulate: true },
  { rows: 1, inner: 5, columns: 128, padding: 1, accumulate: true },
  { rows: 300, inner: 256, columns: 128 },
];

describeOnDevices('surrogate_matmul', (open) => {
  it.each(SHAPES)('multiplies $rows x $inner by $inner x $columns in two slots', async (shape) => {
    const { rows, inner, columns, padding = 0, accumulate = false } = shape;
    const { aTransposed = false, bTransposed = false } = shape;
    const device = await open();
    const kernel = await device.kernel('surrogate_matmul');
    const stored = (major: number, minor: number) => ({
      stride: minor + padding,
      length: major * (minor + padding),
    });
    const a = aTransposed ? stored(inner, rows) : stored(rows, inner);
    const b = bTransposed ? stored(columns, inner) : stored(inner, columns);
    const c = stored(rows, columns);
    const fill = (length: number, phase: number) =>
      Float32Array.from({ length: 2 * length }, (_, index) => Math.sin(1.3 * index + phase));
    const [A, B, C] = [fill(a.length, 0), fill(b.length, 1), fill(c.length, 2)];
    const make = (data: Float32Array | Uint32Array, label: string) => {
      const buffer = device.createBuffer(Math.max(16, data.byteLength), label);
      device.write(buffer, 0, data);
      return buffer;
    };
    // The second slot has half the rows.
    const half = rows >> 1;
    using sizes = make(Uint32Array.of(rows, inner, columns, half, inner, columns), 'sizes');
    using left = make(A, 'a');
    using right = make(B, 'b');
    using out = make(C, 'c');
    const params = encodeStruct(structLayout(kernel.contract, 'Params'), {
      slots: 2,
      a_transposed: Number(aTransposed),
      a_at: 0,
      a_slot: a.length,
      a_row: a.stride,
      b_transposed: Number(bTransposed),
      b_at: 0,
      b_slot: b.length,
      b_row: b.stride,
      c_at: 0,
      c_slot: c.length,
      c_row: c.stride,
      accumulate: Number(accumulate),
    });
    const groups = [Math.ceil(columns / 64), Math.max(1, Math.ceil(rows / 64)), 2] as const;
    device.run([{ kernel, params, buffers: { sizes, a: left, b: right, c: out }, workgroups: groups }]);
    const found = new Float32Array(await device.read(out, 0, Math.max(4, C.byteLength)));
    let worst = 0;
    for (const [slot, used] of [rows, half].entries()) {
      for (let at = 0; at < c.length; at++) {
        const [i, j] = [Math.floor(at / c.stride), at % c.stride];
        const before = C[slot * c.length + at] as number;
        let right = before;
        if (i < used && j < columns) {
          right = accumulate ? before : 0;
          for (let k = 0; k < inner; k++) {
            const x = A[slot * a.length + (aTransposed ? k * a.stride + i : i * a.stride + k)] as number;
            right += x * (B[slot * b.length + (bTransposed ? j * b.stride + k : k * b.stride + j)] as number);
          }
        }
        worst = Math.max(worst, Math.abs((found[slot * c.length + at] as number) - right));
      }
    }
    // Each of `inner` additions rounds a sum of at most `inner`.
    expect(worst).toBeLessThanOrEqual((inner + 1) * (inner + 1) * 2 ** -24);
  });
});
