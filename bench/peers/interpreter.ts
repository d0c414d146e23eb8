/** A Python with packages from PyPI in it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/**
 * The given interpreter, or that of the virtual environment `.venv`, which is made, and gets the packages, where it can't
 * import `module` yet.
 *
 * @param packages as pip takes them
 */
export function interpreterWith(module: string, packages: readonly string[], given?: string): string {
  if (given) return given;
  const python = '.venv/bin/python';
  if (existsSync(python) && spawnSync(python, ['-c', `import ${module}`]).status === 0) return python;
  const make = (command: string, args: readonly string[]) => {
    const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
  };
  if (!existsSync(python)) make('python3', ['-m', 'venv', '.venv']);
  make('.venv/bin/pip', ['install', ...packages]);
  return python;
}
