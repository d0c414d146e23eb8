/** A trained network as a file: JSON, with parameters as base64 of little-endian f32. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { TrainingDescription } from './description.ts';
import { TrainingError } from './errors.ts';
import type { Parameter } from './parameters.ts';
import type { TrainedNetwork } from './training.ts';

const FORMAT = 'tacet-network';

/** Where a network comes from: what is needed to load its data again. */
export interface NetworkOrigin {
  readonly recipe: string;
  readonly params: Readonly<Record<string, number | string | boolean>>;
  /** What it reached when it was saved. */
  readonly accuracy: number;
}

export async function saveNetwork(
  file: string,
  network: TrainedNetwork,
  origin: NetworkOrigin,
): Promise<void> {
  const { description, input, steps, parameters } = network;
  const encoded = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, values }]) => [
      name,
      { shape, f32: Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64') },
    ]),
  );
  const document = { format: FORMAT, version: 1, origin, input, steps, description, parameters: encoded };
  await writeFile(file, `${JSON.stringify(document)}\n`);
}

/** @throws {TrainingError} naming the file and what it lacks */
export function loadNetwork(file: string): {
  readonly network: TrainedNetwork;
  readonly origin: NetworkOrigin;
} {
  const fail = (what: string, cause?: unknown): never => {
    throw new TrainingError(`${file} ${what}; give a file that tacet train has saved`, { cause });
  };
  let document: Record<string, unknown>;
  try {
    document = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    return fail("can't be read as JSON", cause);
  }
  if (document?.format !== FORMAT || document.version !== 1) fail(`is no ${FORMAT} of version 1`);
  const parameters: Record<string, Parameter> = {};
  const stored = (document.parameters ?? {}) as Record<string, { shape: number[]; f32: string }>;
  for (const [name, { shape, f32 }] of Object.entries(stored)) {
    const bytes = Uint8Array.from(Buffer.from(f32, 'base64'));
    const expected = 4 * shape.reduce((product, side) => product * side, 1);
    if (bytes.byteLength !== expected)
      fail(`holds ${bytes.byteLength} bytes of ${name} instead of ${expected}`);
    parameters[name] = { shape, values: new Float32Array(bytes.buffer) };
  }
  const { description, input, steps, origin } = document as unknown as TrainedNetwork & {
    readonly origin: NetworkOrigin;
  };
  if (!description || !input || !origin) fail('lacks a description, input or origin');
  return { network: { description: description as TrainingDescription, input, steps, parameters }, origin };
}

/** Whether an argument names a saved network rather than a recipe. */
export function meansNetwork(argument: string): boolean {
  if (!argument.endsWith('.json')) return false;
  try {
    return readFileSync(argument, 'utf8').slice(0, 200).includes(`"format":"${FORMAT}"`);
  } catch {
    return false;
  }
}
