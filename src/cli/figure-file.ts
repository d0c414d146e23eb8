/** Figures that a command writes to a file of the user's: as SVG, or as a PNG made of it. */
import { writeFileSync } from 'node:fs';
import { pngWriter } from '../report/png.ts';
import { UsageError } from './errors.ts';

/** @throws {UsageError} for a name of another kind of file; before anything is computed */
export function checkFigureName(output: string | undefined): void {
  if (output === undefined || /\.(svg|png)$/i.test(output)) return;
  throw new UsageError(
    `--output ${output} is no figure that can be written: give a name that ends in .svg or .png`,
  );
}

/** @throws {UsageError} when the place can't be written to, or this machine makes no PNG */
export async function writeFigure(file: string, svg: string): Promise<void> {
  const figure = /\.png$/i.test(file) ? await pictureOf(file, svg) : svg;
  try {
    writeFileSync(file, figure);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new UsageError(`${file} can't be written (${code}): give --output another place`, { cause });
  }
}

async function pictureOf(file: string, svg: string): Promise<Uint8Array> {
  const png = await pngWriter();
  if (typeof png !== 'string') return png(svg);
  throw new UsageError(`${file} can't be made: ${png}; or give a name that ends in .svg`);
}
