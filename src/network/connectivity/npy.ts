/**
 * Arrays in NumPy's .npy format, versions 1 to 3 (numpy.lib.format): magic, header with type and shape, raw data.
 */
import { NetworkError } from '../errors.ts';

/** An array of numbers, flat in the order of the file, or a text. */
export interface NumpyArray {
  readonly shape: readonly number[];
  readonly values: Float64Array | Uint32Array | string;
}

const MAGIC = '\x93NUMPY';

/** Reads one element, by NumPy's type code without its byte order. */
const READERS: Readonly<Record<string, (view: DataView, offset: number, little: boolean) => number>> = {
  b1: (view, offset) => view.getUint8(offset),
  i1: (view, offset) => view.getInt8(offset),
  u1: (view, offset) => view.getUint8(offset),
  i2: (view, offset, little) => view.getInt16(offset, little),
  u2: (view, offset, little) => view.getUint16(offset, little),
  i4: (view, offset, little) => view.getInt32(offset, little),
  u4: (view, offset, little) => view.getUint32(offset, little),
  i8: (view, offset, little) => Number(view.getBigInt64(offset, little)),
  u8: (view, offset, little) => Number(view.getBigUint64(offset, little)),
  f4: (view, offset, little) => view.getFloat32(offset, little),
  f8: (view, offset, little) => view.getFloat64(offset, little),
};

/**
 * Reads an array of numbers, or a text (types S and U with one element).
 *
 * @param place names the file and the array in errors
 * @throws {NetworkError} for other types, and for data that are cut off
 */
export function parseNpy(bytes: Uint8Array, place: string): NumpyArray {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.toString('latin1', 0, 6) !== MAGIC || buffer.length < 12) {
    throw new NetworkError(`${place} is no NumPy array: save it again with NumPy`);
  }
  const wide = (buffer[6] as number) >= 2;
  const start = wide ? 12 : 10;
  const end = start + (wide ? buffer.readUInt32LE(8) : buffer.readUInt16LE(8));
  const header = buffer.toString('latin1', start, end);
  const type = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z])(\d+)'/.exec(header);
  const shapeText = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (type === null || shapeText === undefined) {
    throw new NetworkError(`${place} has a NumPy header that can't be read: save it as an array of numbers`);
  }
  const shape = shapeText
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  const [, order, kind = '', sizeText] = type;
  const size = Number(sizeText) * (kind === 'U' ? 4 : 1);
  if (end + count * size > buffer.length) {
    throw new NetworkError(`${place} is cut off: ${buffer.length - end} bytes of ${count * size} are there`);
  }
  if (kind === 'S' || kind === 'U') return { shape, values: textOf(buffer.subarray(end, end + size), kind) };
  const read = READERS[`${kind}${size}`];
  if (read === undefined) {
    throw new NetworkError(
      `${place} has numbers of type ${kind}${size}: save it as real or whole numbers of at most 8 bytes`,
    );
  }
  const view = new DataView(buffer.buffer, buffer.byteOffset + end, count * size);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = read(view, i * size, order !== '>');
  return { shape, values };
}

/** The text in an element of type S (bytes) or U (UCS-4), padded with zeros. */
function textOf(bytes: Buffer, kind: string): string {
  const step = kind === 'U' ? 4 : 1;
  let text = '';
  for (let i = 0; i + step <= bytes.length; i += step) {
    const code = kind === 'U' ? bytes.readUInt32LE(i) : (bytes[i] as number);
    if (code !== 0) text += String.fromCodePoint(code);
  }
  return text;
}
