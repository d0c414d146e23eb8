/** Figures that a command writes to a file of the user's. */
import { writeFileSync } from 'node:fs';
import { UsageError } from './errors.ts';

/** @throws {UsageError} for a name of another kind of file; before anything is computed */
export function checkFigureName(output: string | undefined): void {
  if (output === undefined || /\.svg$/i.test(output)) return;
  throw new UsageError(`--output ${output} is no figure that can be written: give a name that ends in .svg`);
}

/** @throws {UsageError} when the place can't be written to */
export function writeFigure(file: string, figure: string): void {
  try {
    writeFileSync(file, figure);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new UsageError(`${file} can't be written (${code}): give --output another place`, { cause });
  }
}
