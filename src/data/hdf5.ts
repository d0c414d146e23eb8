/**
 * The part of HDF5 that SHD and SSC are written in (version 0 of the superblock, groups by symbol tables, version 1 of
 * object headers): numbers in contiguous or chunked layout, packed or not, and series of variable length in the global
 * heap. Other readers for JavaScript can't read series of 16-bit reals. (The HDF5 File Format Specification, version 3.)
 */
import { inflateSync } from 'node:zlib';
import { DataError } from './errors.ts';

/** A fixed-length number: whole, signed or not, or real; or text. */
interface Scalar {
  readonly kind: 'unsigned' | 'signed' | 'real' | 'text';
  readonly bytes: number;
}

interface Datatype {
  readonly bytes: number;
  /** Of the elements, where they are of variable length. */
  readonly series: boolean;
  readonly of: Scalar;
}

interface Dataset {
  readonly type: Datatype;
  readonly count: number;
  readonly raw: Uint8Array;
}

interface Message {
  readonly type: number;
  readonly at: number;
  readonly size: number;
}

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const UNDEFINED = 2 ** 64;
const MESSAGE = { dataspace: 1, datatype: 3, layout: 8, filters: 11, continuation: 16, symbolTable: 17 };
const FILTER = { deflate: 1, shuffle: 2 };

export class Hdf5File {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  readonly #root: number;
  /** Objects of each collection of the global heap that was met: index to where it lies. */
  readonly #heaps = new Map<number, Map<number, readonly [at: number, size: number]>>();

  /**
   * @param name for messages
   * @throws {DataError} `malformed` when it is of a form that this does not read
   */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
    if (SIGNATURE.some((byte, place) => bytes[place] !== byte)) throw this.#malformed('is no HDF5 file');
    const sizes = [bytes[8], bytes[13], bytes[14]];
    if (sizes.join() !== '0,8,8') {
      throw this.#malformed(
        `has version ${bytes[8]} of the superblock; write it with the oldest version, as the published files are`,
      );
    }
    // The root's symbol table entry follows versions, sizes, and four addresses.
    this.#root = this.#word(24 + 4 * 8 + 8);
  }

  /** The values of a dataset of numbers. */
  numbers(path: string): Float64Array {
    const { type, count, raw } = this.#dataset(path);
    if (type.series) throw this.#malformed(`has series at ${path}, not numbers`);
    return values(raw, type.of, count);
  }

  /** The values of a dataset of text. */
  texts(path: string): string[] {
    const { type, count, raw } = this.#dataset(path);
    if (type.series || type.of.kind !== 'text')
      throw this.#malformed(`has no text of fixed length at ${path}`);
    return Array.from({ length: count }, (_, i) => {
      const bytes = raw.subarray(i * type.bytes, (i + 1) * type.bytes);
      return new TextDecoder().decode(bytes).replace(/[\0 ]+$/, '');
    });
  }

  /** The series of a dataset of series of numbers, one after another. */
  *series(path: string): Generator<Float64Array> {
    const { type, count, raw } = this.#dataset(path);
    if (!type.series) throw this.#malformed(`has no series at ${path}`);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (let i = 0; i < count; i++) {
      const length = view.getUint32(16 * i, true);
      const heap = Number(view.getBigUint64(16 * i + 4, true));
      const index = view.getUint32(16 * i + 12, true);
      if (length === 0) {
        yield new Float64Array(0);
        continue;
      }
      const [at, size] = this.#heap(heap).get(index) ?? [0, -1];
      if (size < length * type.of.bytes) throw this.#malformed(`lacks series ${i} of ${path}`);
      yield values(this.#part(at, size), type.of, length);
    }
  }

  #malformed(why: string): DataError {
    return new DataError('malformed', `${this.#name} ${why}`);
  }

  #part(at: number, size: number): Uint8Array {
    if (!(at >= 0 && size >= 0 && at + size <= this.#bytes.length)) {
      throw this.#malformed('is cut short: fetch it again');
    }
    return this.#bytes.subarray(at, at + size);
  }

  /** An address or a length. */
  #word(at: number): number {
    this.#part(at, 8);
    return Number(this.#view.getBigUint64(at, true));
  }

  #expect(signature: string, at: number): void {
    const found = String.fromCharCode(...this.#part(at, 4));
    if (found !== signature) throw this.#malformed(`has "${found}" where "${signature}" is to be`);
  }

  /** All messages of an object, those of continued headers too. */
  #messages(object: number): Message[] {
    if (this.#part(object, 16)[0] !== 1)
      throw this.#malformed('has object headers of another version than 1');
    const found: Message[] = [];
    const blocks = [[object + 16, this.#view.getUint32(object + 8, true)]];
    for (const [from, length] of blocks as [number, number][]) {
      this.#part(from, length);
      for (let at = from; at + 8 <= from + length; ) {
        const type = this.#view.getUint16(at, true);
        const size = this.#view.getUint16(at + 2, true);
        if (type === MESSAGE.continuation) blocks.push([this.#word(at + 8), this.#word(at + 16)]);
        else found.push({ type, at: at + 8, size });
        at += 8 + size;
      }
    }
    return found;
  }

  /** The header of what a group has under a name. */
  #member(group: number, name: string, path: string): number {
    const table = this.#messages(group).find(({ type }) => type === MESSAGE.symbolTable);
    if (!table) throw this.#malformed(`has no group on the way to ${path}`);
    const heap = this.#word(table.at + 8);
    this.#expect('HEAP', heap);
    const names = this.#word(heap + 24);
    for (const node of this.#leaves(this.#word(table.at), 0, 0)) {
      this.#expect('SNOD', node.child);
      const count = this.#view.getUint16(node.child + 6, true);
      for (let entry = node.child + 8; entry < node.child + 8 + 40 * count; entry += 40) {
        const at = names + this.#word(entry);
        const end = this.#bytes.indexOf(0, at);
        if (new TextDecoder().decode(this.#bytes.subarray(at, end)) === name) return this.#word(entry + 8);
      }
    }
    throw new DataError('missing', `${this.#name} has no ${path}`);
  }

  /** The leaves of a version 1 B-tree of groups (type 0) or chunks (type 1): the key's place, and what it leads to. */
  *#leaves(tree: number, type: 0 | 1, dimensions: number): Generator<{ key: number; child: number }> {
    if (tree >= UNDEFINED - 1) return;
    this.#expect('TREE', tree);
    if (this.#bytes[tree + 4] !== type) throw this.#malformed('has a tree of another type');
    const keySize = type === 0 ? 8 : 8 + 8 * (dimensions + 1);
    const count = this.#view.getUint16(tree + 6, true);
    for (let i = 0; i < count; i++) {
      const key = tree + 24 + i * (keySize + 8);
      const child = this.#word(key + keySize);
      if (this.#bytes[tree + 5] === 0) yield { key, child };
      else yield* this.#leaves(child, type, dimensions);
    }
  }

  #datatype(at: number): Datatype {
    const kind = (this.#bytes[at] as number) & 0xf;
    const bytes = this.#view.getUint32(at + 4, true);
    const bits = this.#bytes[at + 1] as number;
    if (kind === 9) {
      if ((bits & 0xf) !== 0) throw this.#malformed('has text of variable length, which is not read');
      return { bytes: 16, series: true, of: this.#datatype(at + 8).of };
    }
    if (kind <= 1 && (bits & 1) !== 0) throw this.#malformed('has big-endian numbers, which are not read');
    if (kind === 0) return { bytes, series: false, of: { kind: bits & 8 ? 'signed' : 'unsigned', bytes } };
    if (kind === 1) return { bytes, series: false, of: { kind: 'real', bytes } };
    if (kind === 3) return { bytes, series: false, of: { kind: 'text', bytes } };
    throw this.#malformed(`has data of class ${kind}, which is not read`);
  }

  #dataset(path: string): Dataset {
    let object = this.#root;
    for (const name of path.split('/').filter((part) => part !== ''))
      object = this.#member(object, name, path);
    const messages = this.#messages(object);
    const message = (type: number): Message => {
      const found = messages.find((candidate) => candidate.type === type);
      if (!found) throw this.#malformed(`has no dataset at ${path}`);
      return found;
    };
    const space = message(MESSAGE.dataspace).at;
    const rank = this.#bytes[space + 1] as number;
    const first = space + (this.#bytes[space] === 1 ? 8 : 4);
    if (rank > 1) throw this.#malformed(`has ${rank} dimensions at ${path}, which are not read`);
    const count = rank === 0 ? 1 : this.#word(first);
    const type = this.#datatype(message(MESSAGE.datatype).at);
    const layout = message(MESSAGE.layout).at;
    if (this.#bytes[layout] !== 3)
      throw this.#malformed(`has layout ${this.#bytes[layout]} at ${path}, which is not read`);
    const bytes = count * type.bytes;
    switch (this.#bytes[layout + 1]) {
      case 0:
        return { type, count, raw: this.#part(layout + 4, bytes) };
      case 1: {
        const at = this.#word(layout + 2);
        // Nothing was ever written there.
        return { type, count, raw: at >= UNDEFINED - 1 ? new Uint8Array(bytes) : this.#part(at, bytes) };
      }
      case 2: {
        const filters = messages.find((candidate) => candidate.type === MESSAGE.filters);
        return {
          type,
          count,
          raw: this.#chunks(layout, bytes, type.bytes, filters ? this.#filters(filters.at) : []),
        };
      }
      default:
        throw this.#malformed(`has an unknown layout at ${path}`);
    }
  }

  /** The filters that were applied, in that order. */
  #filters(at: number): number[] {
    if (this.#bytes[at] !== 1) throw this.#malformed('has filters of another version than 1');
    const found: number[] = [];
    let filter = at + 8;
    for (let i = 0; i < (this.#bytes[at + 1] as number); i++) {
      const id = this.#view.getUint16(filter, true);
      if (!Object.values(FILTER).includes(id))
        throw this.#malformed(`is packed by filter ${id}, which is not read`);
      found.push(id);
      const name = this.#view.getUint16(filter + 2, true);
      const parameters = this.#view.getUint16(filter + 6, true);
      filter += 8 + 8 * Math.ceil(name / 8) + 4 * (parameters + (parameters % 2));
    }
    return found;
  }

  #chunks(layout: number, bytes: number, element: number, filters: readonly number[]): Uint8Array {
    const dimensions = (this.#bytes[layout + 2] as number) - 1;
    const raw = new Uint8Array(bytes);
    for (const { key, child } of this.#leaves(this.#word(layout + 3), 1, dimensions)) {
      const mask = this.#view.getUint32(key + 4, true);
      let content = this.#part(child, this.#view.getUint32(key, true));
      for (const [place, filter] of [...filters.entries()].reverse()) {
        if ((mask >> place) & 1) continue;
        content = filter === FILTER.deflate ? inflateSync(content) : unshuffled(content, element);
      }
      const at = this.#word(key + 8) * element;
      if (at < bytes) raw.set(content.subarray(0, bytes - at), at);
    }
    return raw;
  }

  #heap(at: number): Map<number, readonly [number, number]> {
    const known = this.#heaps.get(at);
    if (known) return known;
    this.#expect('GCOL', at);
    const objects = new Map<number, readonly [number, number]>();
    const end = at + this.#word(at + 8);
    for (let object = at + 16; object + 16 <= end; ) {
      const index = this.#view.getUint16(object, true);
      if (index === 0) break;
      const size = this.#word(object + 8);
      objects.set(index, [object + 16, size]);
      object += 16 + 8 * Math.ceil(size / 8);
    }
    this.#heaps.set(at, objects);
    return objects;
  }
}

/** Undoes the shuffle: the first bytes of all elements, then the second ones, ... */
function unshuffled(content: Uint8Array, element: number): Uint8Array {
  const count = Math.floor(content.length / element);
  // Not by `slice`, which shares memory where the content is a Buffer.
  const found = Uint8Array.from(content);
  for (let byte = 0; byte < element; byte++) {
    for (let i = 0; i < count; i++) found[i * element + byte] = content[byte * count + i] as number;
  }
  return found;
}

function values(raw: Uint8Array, { kind, bytes }: Scalar, count: number): Float64Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const read = (at: number): number => {
    switch (`${kind}${bytes}`) {
      case 'unsigned1':
        return view.getUint8(at);
      case 'unsigned2':
        return view.getUint16(at, true);
      case 'unsigned4':
        return view.getUint32(at, true);
      case 'unsigned8':
        return Number(view.getBigUint64(at, true));
      case 'signed1':
        return view.getInt8(at);
      case 'signed2':
        return view.getInt16(at, true);
      case 'signed4':
        return view.getInt32(at, true);
      case 'signed8':
        return Number(view.getBigInt64(at, true));
      case 'real2':
        return halfPrecision(view.getUint16(at, true));
      case 'real4':
        return view.getFloat32(at, true);
      case 'real8':
        return view.getFloat64(at, true);
      default:
        throw new DataError('malformed', `numbers of ${bytes} bytes (${kind}) are not read`);
    }
  };
  return Float64Array.from({ length: count }, (_, i) => read(i * bytes));
}

/** A real of IEEE 754's half precision from its bits. */
export function halfPrecision(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}
