/** The kernels' reference, from the heads of the WGSL files. */
import { readdirSync, readFileSync } from 'node:fs';

const SHADERS = new URL('../../shaders/', import.meta.url);

export function kernelReference(): string {
  const parts = readdirSync(SHADERS)
    .filter((name) => name.endsWith('.wgsl'))
    .sort()
    .map((name) => {
      const source = readFileSync(new URL(name, SHADERS), 'utf8');
      const bindings = [...source.matchAll(/@binding\((\d+)\)\s+var(<[^>]+>)?\s+(\w+)\s*:\s*([^;]+);/g)].map(
        ([, binding, access = '', variable, type]) =>
          `| ${binding} | \`${variable}\` | \`${type}\` | ${accessOf(access)} |`,
      );
      const overrides = [...source.matchAll(/^override\s+(\w+)\s*(?::\s*(\w+))?\s*(?:=\s*([^;]+))?;/gm)].map(
        ([, constant, type = '', value = 'given by the host']) => `\`${constant}\` (${type}, ${value})`,
      );
      const table =
        bindings.length === 0
          ? 'Included by others; it has no bindings of its own.'
          : `| binding | name | type | access |\n|---|---|---|---|\n${bindings.join('\n')}`;
      return [
        `## ${name.replace('.wgsl', '')}`,
        `\`\`\`text\n${headOf(source)}\n\`\`\``,
        table,
        ...(overrides.length === 0 ? [] : [`Constants: ${overrides.join(', ')}.`]),
      ].join('\n\n');
    });
  return `# Reference: kernels\n\nWritten by \`npm run docs\` from the files in \`shaders/\`; do not edit by hand. Each has a twin of the same name and interface in
the native engine.\n\n${parts.join('\n\n')}\n`;
}

/** The comment at the top of a file. */
function headOf(source: string): string {
  const lines = source.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^\/\/ ?/, '').trimEnd())
    .join('\n')
    .trim();
}

function accessOf(access: string): string {
  return access.includes('uniform') ? 'uniform' : access.includes('read_write') ? 'read and write' : 'read';
}
