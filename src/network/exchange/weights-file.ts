/** Weights of a network as SciPy's sparse matrices (.npz), which `fromFile` reads again. */
import { writeFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { type CompiledNetwork, classOf, targetOf } from '../../kernels/recurrent-network.ts';
import { Network } from '../network.ts';

/**
 * Writes all synapses as a matrix in compressed rows, a row a source, a column a target, as `scipy.sparse.load_npz`
 * reads it. A pair that occurs more than once stands more than once, and adds up in SciPy.
 *
 * @param weights of the synapses in the compiled network's order, such as a simulation's; those it was built with
 *   when absent
 */
export function writeWeights(path: string, given: Network | CompiledNetwork, weights?: Float32Array): void {
  const { neurons, synapses } = given instanceof Network ? given.compile() : given;
  const { rows, words, classes } = synapses;
  const own = weights ?? synapses.weights;
  const data = Float64Array.from(words, (word, i) => classes[classOf(word)]?.weight ?? (own?.[i] as number));
  if (weights !== undefined) data.set(weights);
  const members = {
    'indices.npy': npyOf(Int32Array.from(words, targetOf), '<i4'),
    'indptr.npy': npyOf(Int32Array.from(rows), '<i4'),
    'format.npy': npyOf(new TextEncoder().encode('csr'), '|S3', []),
    'shape.npy': npyOf(BigInt64Array.of(BigInt(neurons), BigInt(neurons)), '<i8'),
    'data.npy': npyOf(data, '<f8'),
  };
  writeFileSync(path, zipSync(members));
}

/** An array in NumPy's format, version 1.0 (numpy.lib.format). */
export function npyOf(
  array: Int32Array | Float64Array | BigInt64Array | Uint8Array,
  type: string,
  shape: readonly number[] = [array.length],
): Uint8Array {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const description = `{'descr': '${type}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  // Magic, version and length are 10 bytes; all of it fills blocks of 64 and ends in a line's end.
  const length = Math.ceil((10 + description.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length + array.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, length & 0xff, length >> 8]);
  bytes.set(new TextEncoder().encode(`${description.padEnd(length - 1)}\n`), 10);
  bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), 10 + length);
  return bytes;
}
