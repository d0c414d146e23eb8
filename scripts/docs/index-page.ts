/** The index of the documentation: every page by its title and its first sentence. */
import { readdirSync, readFileSync } from 'node:fs';

const DOCS = new URL('../../docs/', import.meta.url);

/** Sections by page, in a newcomer's order; what stands nowhere comes under the last. */
const SECTIONS: readonly (readonly [title: string, pages: readonly string[]])[] = [
  ['Begin', ['tutorial.md']],
  [
    'How to',
    [
      'how-to.md',
      'reports.md',
      'networks.md',
      'training.md',
      'data.md',
      'devices.md',
      'cluster.md',
      'benchmarks.md',
    ],
  ],
  [
    'Why it works',
    ['silence.md', 'optimizer.md', 'scheduler.md', 'native-engine.md', 'lyapunov.md', 'pruning.md'],
  ],
  ['What was measured', ['validation.md', 'slayer.md', 'physics.md', 'performance.md', 'comparison.md']],
  ['Reference', ['reference/cli.md', 'reference/recipes.md', 'reference/kernels.md']],
];

export function indexPage(): string {
  const all = [
    ...readdirSync(DOCS).filter((name) => name.endsWith('.md') && name !== 'README.md'),
    ...readdirSync(new URL('reference/', DOCS)).map((name) => `reference/${name}`),
  ].sort();
  const placed = new Set(SECTIONS.flatMap(([, pages]) => pages));
  const sections = [...SECTIONS, ['More', all.filter((page) => !placed.has(page))] as const];
  const parts = sections.flatMap(([title, pages]) => {
    const lines = pages.filter((page) => all.includes(page)).map(lineOf);
    return lines.length === 0 ? [] : [`## ${title}\n\n${lines.join('\n')}`];
  });
  return `# Documentation\n\nWritten by \`npm run docs\` from the pages; do not edit by hand.\n\n${parts.join('\n\n')}\n`;
}

function lineOf(page: string): string {
  const text = readFileSync(new URL(page, DOCS), 'utf8');
  const title = /^# (.+)$/m.exec(text)?.[1] ?? page;
  const paragraph = text
    .split('\n\n')
    .find((part) => /^[A-Z_`"]/.test(part) && !part.startsWith('Written by') && !part.startsWith('```'))
    ?.replaceAll('\n', ' ');
  const sentence = /^.*?[.:](?=\s|$)/.exec(paragraph ?? '')?.[0].replace(/:$/, '.') ?? '';
  return `- [${title}](${page})${sentence === '' ? '' : `: ${sentence}`}`;
}
