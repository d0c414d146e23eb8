/** NIR graphs in HDF5 files, in the layout of the reference implementation (nir 1.0). */
import { existsSync, readFileSync } from 'node:fs';
import type { Dataset, Group } from 'h5wasm/node';
import { ensure, NetworkError } from '../errors.ts';
import type { NirArray, NirGraph, NirNode } from './nir-graph.ts';

/** The version of the layout that is written. */
const NIR_VERSION = '1.0.7';
/** Arrays of at least so many numbers are compressed. */
const COMPRESS_FROM = 64;
const GZIP_LEVEL = 4;

type H5 = typeof import('h5wasm/node');

/**
 * Reads a graph. Metadata are left out; a node that is a graph of its own is refused.
 *
 * @throws {NetworkError} for a file that is no NIR graph, naming the node
 */
export async function readNir(path: string): Promise<NirGraph> {
  ensure(existsSync(path), () => `${path} is not there: give a NIR file (.nir)`);
  const h5 = await loadH5();
  const file = opened(h5, path, 'r');
  try {
    const root = file.get('node');
    ensure(isGroup(h5, root), () => `${path} has no group "node": give a file written by nir.write`);
    const nodes = root.get('nodes');
    ensure(isGroup(h5, nodes), () => `${path} has no nodes: give a graph`);
    const found = nodes.keys().map((name): [string, NirNode] => {
      const node = nodes.get(name);
      ensure(isGroup(h5, node), () => `${path}: node "${name}" is no group: write it again`);
      return [name, nodeOf(h5, node, `${path}: node "${name}"`)];
    });
    const edges = root.get('edges');
    const names = isDataset(h5, edges) ? (edges.value as string[]).flat() : [];
    const pairs = Array.from({ length: names.length / 2 }, (_, i): [string, string] => [
      names[2 * i] as string,
      names[2 * i + 1] as string,
    ]);
    return { nodes: Object.fromEntries(found), edges: pairs };
  } finally {
    file.close();
  }
}

/** Writes a graph, over a file that is there. */
export async function writeNir(path: string, { nodes, edges }: NirGraph): Promise<void> {
  const h5 = await loadH5();
  const file = opened(h5, path, 'w');
  try {
    file.create_dataset({ name: 'version', data: NIR_VERSION, shape: [], dtype: 'S' });
    const root = file.create_group('node');
    root.create_dataset({ name: 'type', data: 'NIRGraph', shape: [], dtype: 'S' });
    root.create_dataset({ name: 'edges', data: edges.flat(), shape: [edges.length, 2], dtype: 'S' });
    const group = root.create_group('nodes');
    for (const [name, { type, parameters }] of Object.entries(nodes)) {
      const node = group.create_group(name);
      node.create_dataset({ name: 'type', data: type, shape: [], dtype: 'S' });
      for (const [parameter, array] of Object.entries(parameters)) writeArray(node, parameter, array);
    }
  } finally {
    file.close();
  }
}

function writeArray(node: Group, name: string, { shape, values }: NirArray): void {
  // Shapes of inputs and outputs are whole numbers.
  const data = name === 'shape' ? BigInt64Array.from(values, (value) => BigInt(value)) : values;
  const packed = values.length >= COMPRESS_FROM;
  node.create_dataset({
    name,
    data,
    shape: [...shape],
    dtype: name === 'shape' ? '<q' : '<d',
    ...(packed ? { chunks: [...shape], compression: 'gzip', compression_opts: [GZIP_LEVEL] } : {}),
  });
}

function nodeOf(h5: H5, group: Group, place: string): NirNode {
  const typeEntry = group.get('type');
  ensure(isDataset(h5, typeEntry), () => `${place} has no type: write it again`);
  const type = String(typeEntry.value);
  ensure(type !== 'NIRGraph', () => `${place} is a graph of its own: flatten the graph before writing it`);
  const parameters = group.keys().flatMap((name): [string, NirArray][] => {
    const entry = group.get(name);
    if (name === 'type' || name === 'metadata' || !isDataset(h5, entry)) return [];
    return [[name, arrayOf(entry, `${place}: ${name}`)]];
  });
  return { type, parameters: Object.fromEntries(parameters) };
}

function arrayOf({ value, shape }: Dataset, place: string): NirArray {
  const list = typeof value === 'number' || typeof value === 'bigint' ? [value] : value;
  ensure(
    Array.isArray(list) || ArrayBuffer.isView(list),
    () => `${place} is ${typeof value}: only numbers can be read`,
  );
  return { shape: shape ?? [], values: Float64Array.from(list as ArrayLike<number | bigint>, Number) };
}

function isGroup(h5: H5, entry: unknown): entry is Group {
  return entry instanceof h5.Group;
}

function isDataset(h5: H5, entry: unknown): entry is Dataset {
  return entry instanceof h5.Dataset;
}

/** Loaded when it is first needed: 4 MB of WebAssembly. */
async function loadH5(): Promise<H5> {
  const h5 = await import('h5wasm/node');
  await h5.ready;
  return h5;
}

/** By its signature: the library itself would write pages of messages. */
function isHdf5(path: string): boolean {
  return readFileSync(path).subarray(0, 8).toString('latin1') === '\x89HDF\r\n\x1a\n';
}

function opened(h5: H5, path: string, mode: 'r' | 'w') {
  try {
    if (mode === 'r' && !isHdf5(path)) throw new Error('no HDF5 file');
    return new h5.File(path, mode);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NetworkError(`${path} can't be opened (${reason}): give a NIR file (.nir)`, { cause });
  }
}
