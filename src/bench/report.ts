/** The file of a benchmark's results, and where and how it was made. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { DeviceInfo } from '../device/device.ts';
import { packageVersion } from '../version.ts';
import { BenchError } from './errors.ts';

const spread = z.object({
  median: z.number(),
  low: z.number(),
  high: z.number(),
  deviation: z.number(),
  repetitions: z.int().min(1),
});

const bound = z.object({
  milliseconds: z.number(),
  by: z.enum(['memory', 'cache', 'scattered access', 'arithmetic', 'launches']),
});

const cost = z.object({
  operations: z.number(),
  traffic: z.array(z.object({ bytes: z.number(), within: z.number() })).readonly(),
  scattered: z.array(z.object({ count: z.number(), within: z.number() })).readonly(),
});

const kernel = z.object({
  kernel: z.string(),
  launches: z.number(),
  milliseconds: spread,
  cost: cost.optional(),
  bound: bound.optional(),
  share: z.number().optional(),
});

const benchCase = z.object({
  suite: z.string(),
  name: z.string(),
  /** Absent in reports from before cases had kinds. */
  kind: z.string().optional(),
  work: z.string(),
  unit: z.string(),
  msPerUnit: spread,
  kernels: z.array(kernel).readonly(),
});

const roofs = z.object({
  copyBytesPerSecond: z.number(),
  reads: z.array(z.object({ withinBytes: z.number(), bytesPerSecond: z.number() })).readonly(),
  gathers: z.array(z.object({ withinBytes: z.number(), perSecond: z.number() })).readonly(),
  flopsPerSecond: z.number(),
  launchMs: z.number(),
  dispatchMs: z.number(),
  roundTripMs: z.number(),
  spread: z.number(),
});

/** What `tacet bench --json` prints, and `--output` and `--baseline` name. */
export const benchReport = z.object({
  schema: z.literal('tacet-bench/1'),
  madeAt: z.string(),
  versions: z.object({ tacet: z.string(), node: z.string(), webgpu: z.string(), commit: z.string() }),
  machine: z.object({
    processor: z.string(),
    processors: z.int(),
    memoryBytes: z.number(),
    /** The load of the machine when it began: on a processor that others use, no figure is worth much. */
    loadAtStart: z.number(),
  }),
  device: z.looseObject({
    kind: z.enum(['webgpu', 'native']),
    name: z.string(),
    driver: z.string(),
    backend: z.string(),
  }),
  settings: z.object({
    repetitions: z.int(),
    warmUp: z.int(),
    suites: z.array(z.string()).readonly(),
    only: z.string().optional(),
  }),
  roofs: roofs.optional(),
  cases: z.array(benchCase).readonly(),
});

export type BenchReport = z.output<typeof benchReport>;

export interface Surroundings {
  readonly versions: BenchReport['versions'];
  readonly machine: BenchReport['machine'];
}

/** @param load of the machine at the start, as `os.loadavg` gives it */
export function surroundings(load: number): Surroundings {
  return {
    versions: {
      tacet: packageVersion(),
      node: process.versions.node,
      webgpu: versionOf('webgpu'),
      commit: commit(),
    },
    machine: {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      processors: cpus().length,
      memoryBytes: totalmem(),
      loadAtStart: load,
    },
  };
}

/** Version of an installed package. */
function versionOf(name: string): string {
  try {
    const entry = fileURLToPath(import.meta.resolve(name));
    const folder = entry.slice(0, entry.lastIndexOf(name) + name.length);
    return (JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}

/** The commit of the clone that this runs from, with `+` where files differ from it; `none` in an installed package. */
function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: fileURLToPath(new URL('.', import.meta.url)), stdio: 'pipe' })
      .toString()
      .trim();
  try {
    const dirty = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${dirty ? '+' : ''}`;
  } catch {
    return 'none';
  }
}

/** @throws {BenchError} `bad-input` for a file that is not there or not a report */
export function readReport(path: string): BenchReport {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new BenchError(
      'bad-input',
      `${path} can't be read (${code}): give a file that tacet bench --output has written`,
      { cause },
    );
  }
  return parseReport(text, path);
}

/** @throws {BenchError} `bad-input` naming the first thing that is wrong */
export function parseReport(text: string, path: string): BenchReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BenchError(
      'bad-input',
      `${path} is not JSON: give a file that tacet bench --output has written`,
      { cause },
    );
  }
  const parsed = benchReport.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  throw new BenchError(
    'bad-input',
    `${path}: ${place === '' ? 'it' : place} is not as in a report of tacet bench (${issue?.message})`,
  );
}

export function isSameDevice(
  a: Pick<DeviceInfo, 'name' | 'kind'>,
  b: Pick<DeviceInfo, 'name' | 'kind'>,
): boolean {
  return a.kind === b.kind && a.name === b.name;
}
