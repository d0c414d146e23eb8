/** BoTorch's SCBO on the same problems, in a virtual environment of its own unless one is given. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @param given an interpreter that has BoTorch */
export function runPeers(folder: string, seeds: number, given?: string): void {
  const python = given ?? join(folder, 'venv', 'bin', 'python');
  if (!existsSync(python)) {
    execFileSync('python3', ['-m', 'venv', join(folder, 'venv')], { stdio: 'inherit' });
    execFileSync(python, ['-m', 'pip', 'install', '-q', 'torch==2.9.1', 'botorch==0.18.1'], {
      stdio: 'inherit',
    });
  }
  const script = fileURLToPath(new URL('../peers/botorch_scbo.py', import.meta.url));
  const chosen = Array.from({ length: seeds }, (_, seed) => ['--seed', String(seed)]).flat();
  const { status } = spawnSync(python, [script, '--out', folder, '--threads', '2', ...chosen], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`the BoTorch runs ended with ${status}`);
}
