/** Reads the pages of documentation: their blocks of code and their links. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export function pages(): string[] {
  return ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: ROOT }).sort()];
}

export function textOf(page: string): string {
  return readFileSync(`${ROOT}/${page}`, 'utf8');
}

/** Blocks of code in some languages. */
export function blocks(text: string, languages: readonly string[]): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, language = '']) => languages.includes(language))
    .map(([, , code = '']) => code);
}

const PROGRAMS =
  /^(npx|npm|tacet \w|node|node_modules\/|scripts\/|bench\/|sqlite3|python|venv\/|git|optuna-dashboard)/;

/** The commands in a page's blocks, in order; comments and output left out. */
export function commands(text: string): string[] {
  return blocks(text, ['', 'sh', 'bash'])
    .flatMap((code) => code.replaceAll(/\\\n\s*/g, ' ').split('\n'))
    .flatMap((line) => line.split(' && '))
    .map((line) => line.replace(/\s+# .*$/, '').trim())
    .filter((line) => PROGRAMS.test(line));
}
