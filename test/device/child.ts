/** Runs a fixture in a process of its own, where a crash or a stray word on standard output can be seen. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What the fixture sent with `process.send`. */
  readonly messages: unknown[];
}

export interface ChildOptions {
  readonly execArgv?: string[];
  /** Added to the environment; undefined takes a variable away. */
  readonly env?: Record<string, string | undefined>;
}

/** Runs `fixtures/<name>.ts` with arguments until it ends. */
export function runFixture(name: string, args: string[], options: ChildOptions = {}): Promise<ChildResult> {
  const path = fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url));
  const child = fork(path, args, {
    execArgv: options.execArgv ?? [],
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const messages: unknown[] = [];
  let stdout = '';
  let stderr = '';
  child.on('message', (message) => messages.push(message));
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, messages }));
  });
}
