/** Runs the `tacet` command in a child process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/tacet.js', import.meta.url));

/** Where Node keeps compiled modules between the children: it halves their start. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/node-compile', import.meta.url));

/** The device that tests run on; the best one present unless told. */
export const DEVICE = process.env.TACET_TEST_DEVICE ?? 'auto';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** Without the warnings that the WebGPU implementation itself writes. */
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** What it has written on stdout so far. */
  stdout(): string;
  stderr(): string;
}

/** Starts `tacet` with these arguments in a folder. */
export function startTacet(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { ...process.env, TACET_DEBUG: '0', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const stderr = () => err.replaceAll(/^Warning: max\w+ artificially reduced .*\n/gm, '');
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout: out, stderr: stderr() }));
  });
  return { child, finished, stdout: () => out, stderr };
}

/** Runs `tacet` to its end. */
export function tacet(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return startTacet(args, cwd, env).finished;
}

/** A new folder and how to remove it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tacet-cli-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Assignments that make trials small: some ten milliseconds of two cores each. None is ever silent. */
const SMALL = [
  'settings.trainSamples=24',
  'settings.holdOutSamples=8',
  'settings.steps=50',
  'settings.excitatoryAlpha=0',
  'settings.inhibitoryAlpha=0',
  'space.map_size.high=40',
  'space.epochs=1',
];

/**
 * Arguments of a search over small networks and a few images. Sobol points do not depend on the order in which trials
 * end, so two such searches come to the same.
 */
export const SMALL_SEARCH = [
  ...[
    'search',
    'mnist-stdp',
    '--db',
    'study.db',
    '--slots',
    '4',
    '--devices',
    DEVICE,
    '--optimizer',
    'sobol',
  ],
  ...SMALL.flatMap((assignment) => ['--set', assignment]),
];

/** The JSON lines of a text; throws where a line is none. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
