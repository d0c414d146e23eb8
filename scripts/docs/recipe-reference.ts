/** The recipes' search spaces and settings, and the optimizers' settings, from their schemas. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { OPTIMIZERS, settingsSchema } from '../../src/search/settings.ts';
import type { Parameter } from '../../src/search/space.ts';
import { RECIPES } from '../../src/study/recipes.ts';

interface Property {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

export function recipeReference(): string {
  const recipes = RECIPES.map(({ name, summary, space, settings, constraints }) => {
    const rows = Object.entries(space).map(
      ([parameter, one]) => `| \`${parameter}\` | ${rangeOf(one as Parameter)} |`,
    );
    return `## \`${name}\`

${summary}. Constraints: ${constraints.map((one) => `\`${one}\``).join(', ')}, met at or below 0.

Hyperparameters (\`space.<name>\`):

| name | range |
|---|---|
${rows.join('\n')}

Settings (\`settings.<name>\`):

${settingsTable(settings, sourcesOf(name))}`;
  });
  return `# Reference: recipes and settings

Written by \`npm run docs\` from the schemas in \`src/study/recipes.ts\`, \`src/study/training/\` and \`src/search/settings.ts\`; do not edit by hand.

${recipes.join('\n\n')}

## Optimizers

${OPTIMIZERS.map((name) => `\`${name}\``).join(', ')}; \`scbo\` unless a study says otherwise. Their settings (\`optimizer.<name>\` in a study
file); \`seed\` and \`constraints\` follow from the study:

${settingsTable(settingsSchema, ['src/search/settings.ts'])}
`;
}

/** Where a recipe's settings are described. */
function sourcesOf(recipe: string): string[] {
  const training = ['spoken-words', 'params', 'common'].map((file) => `src/study/training/${file}.ts`);
  const own = `src/study/training/${recipe}.ts`;
  return existsSync(new URL(`../../${own}`, import.meta.url)) ? [own, ...training] : ['src/study/recipes.ts'];
}

function rangeOf(parameter: Parameter): string {
  if (parameter.type === 'categorical') return `one of ${parameter.choices.join(', ')}`;
  const { low, high, type, scale } = parameter;
  const words = { uniform: '', log: ', logarithmic', 'reversed-log': ', logarithmic from the upper bound' };
  return `${type === 'integer' ? 'whole number' : 'number'}, ${low} to ${high}${words[scale ?? 'uniform']}`;
}

function settingsTable(schema: z.ZodType, sources: readonly string[]): string {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input' }) as {
    readonly properties?: Readonly<Record<string, Property>>;
  };
  const texts = sources.map((source) => readFileSync(new URL(`../../${source}`, import.meta.url), 'utf8'));
  const rows = Object.entries(properties).map(([name, property]) => {
    const comment = texts.map((text) => commentOf(text, name)).find((one) => one !== '') ?? '';
    const standard = property.default === undefined ? 'depends' : JSON.stringify(property.default);
    return `| \`${name}\` | ${valuesOf(property)} | ${standard} | ${comment} |`;
  });
  return `| name | values | default | what |\n|---|---|---|---|\n${rows.join('\n')}`;
}

function valuesOf({ type, enum: choices, minimum, exclusiveMinimum, maximum }: Property): string {
  if (choices !== undefined) return choices.join(', ');
  if (type === 'boolean') return 'true, false';
  if (type === 'string') return 'text';
  const safe = (bound: number | undefined) =>
    bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER ? undefined : bound;
  const bounds = [
    ...(safe(minimum) === undefined ? [] : [`from ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(safe(maximum) === undefined ? [] : [`to ${maximum}`]),
  ];
  return [type === 'integer' ? 'whole number' : 'number', ...bounds].join(' ');
}

/** The comment that stands before a property in the source. */
function commentOf(source: string, name: string): string {
  const [before = '', after] = source.split(new RegExp(`\n {2,4}${name}: `));
  if (after === undefined) return '';
  const lines = before.trimEnd();
  if (!lines.endsWith('*/') && !/\/\*\*[^\n]*\*\/\n[^\n]*$/.test(lines)) return '';
  const comment = lines.slice(lines.lastIndexOf('/**') + 3, lines.lastIndexOf('*/'));
  return comment
    .replaceAll(/\s*\n\s*\*?\s*/g, ' ')
    .trim()
    .replaceAll('|', '\\|');
}
