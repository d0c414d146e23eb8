/** Writes the pages of documentation that follow from the code: `npm run docs`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cliReference } from './docs/cli-reference.ts';
import { indexPage } from './docs/index-page.ts';
import { kernelReference } from './docs/kernel-reference.ts';
import { recipeReference } from './docs/recipe-reference.ts';

const DOCS = new URL('../docs/', import.meta.url);

/** Generated pages; the index last, since it reads the others. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  'reference/cli.md': cliReference,
  'reference/recipes.md': recipeReference,
  'reference/kernels.md': kernelReference,
  'README.md': indexPage,
};

if (import.meta.main) {
  mkdirSync(new URL('reference/', DOCS), { recursive: true });
  for (const [name, generate] of Object.entries(GENERATED)) {
    writeFileSync(new URL(name, DOCS), generate());
    console.log(`docs/${name}`);
  }
}
