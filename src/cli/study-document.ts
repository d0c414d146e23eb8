/**
 * Study documents: what a study file, or a recipe's name, and the options of the command line say together.
 *
 * A document says less than a study: names, overrides, choices. `study-plan.ts` fills in the rest.
 */
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { isMap, isNode, isScalar, isSeq, LineCounter, parse, parseDocument } from 'yaml';
import { z } from 'zod';
import { OPTIMIZERS } from '../search/index.ts';
import { RECIPES } from '../study/recipes.ts';
import { check, nearestFirst, type PlaceOf, placeAfter, shown } from './check.ts';
import { UsageError } from './errors.ts';

const scalar = z.union([z.number(), z.string()]);

/** Part of a parameter, to be laid over the recipe's. */
const overrideSchema = z.strictObject({
  type: z.enum(['real', 'integer', 'categorical']).optional(),
  low: z.number().optional(),
  high: z.number().optional(),
  scale: z.enum(['uniform', 'log', 'reversed-log']).optional(),
  choices: z.array(scalar).optional(),
});

export type ParameterOverride = z.output<typeof overrideSchema>;

/** Anything by name, to be checked where more is known. */
const named = z.record(z.string(), z.unknown());

const documentSchema = z.strictObject({
  recipe: z.enum(RECIPES.map((recipe) => recipe.name)),
  name: z.string().min(1).max(200).optional(),
  seed: z.int().min(0).optional(),
  trials: z.int().min(1).optional(),
  optimizer: named.optional(),
  settings: named.optional(),
  space: named.optional(),
});

type Named = Readonly<Record<string, unknown>>;

/** A study as the user states it. */
export interface StudyDocument {
  readonly recipe: string;
  readonly name: string | undefined;
  readonly seed: number | undefined;
  readonly trials: number | undefined;
  readonly optimizer: {
    readonly name: string | undefined;
    readonly settings: Named;
  };
  readonly settings: Named;
  /** A number or a text fixes a parameter; an object changes it. */
  readonly space: Readonly<Record<string, number | string | ParameterOverride>>;
  /** Undefined when a recipe was named instead of a file. */
  readonly file: string | undefined;
  /** Says where a part of the document was written: line of the file, or option. */
  readonly placeOf: PlaceOf;
}

/** An assignment given by `--set`. */
export interface Assignment {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Reads `path=value`; the value as YAML does, so `3`, `true`, `vote` and `[all, vote]` are what they look like. */
export function parseAssignment(text: string): Assignment {
  const split = text.indexOf('=');
  const path = text.slice(0, Math.max(0, split)).trim().split('.');
  if (split < 0 || path.includes('')) {
    throw new UsageError(`--set ${text} assigns nothing: give path=value, such as space.map_size.high=400`);
  }
  const given = text.slice(split + 1).trim();
  if (given === '') throw new UsageError(`--set ${text} has no value: give path=value`);
  try {
    return { path, value: parse(given, { schema: 'core' }) as unknown };
  } catch {
    throw new UsageError(
      `--set ${text} has a value that can't be read: quote it, as in ${path.join('.')}='"..."'`,
    );
  }
}

/** Whether an argument means a file rather than a recipe. */
export function meansFile(argument: string): boolean {
  return /\.(ya?ml|json)$/i.test(argument) || argument.includes('/') || argument.includes('\\');
}

/**
 * Reads the study that an argument names, a recipe or a file, with assignments laid over it.
 *
 * @throws {UsageError} for a file that can't be read, and anything in it that is not known or of the wrong type
 */
export function readStudyDocument(argument: string, assignments: readonly Assignment[]): StudyDocument {
  const source = meansFile(argument)
    ? readDocument(argument, `recipe: ${RECIPES[0]?.name}`)
    : namedRecipe(argument);
  const { content: whole, placeOf } = laidOver(source, assignments);
  // `optimizer: scbo` is short for `optimizer: { name: scbo }`.
  const short = whole as { readonly optimizer?: unknown } | null;
  const content =
    typeof short?.optimizer === 'string' ? assigned(whole, ['optimizer'], { name: short.optimizer }) : whole;
  const parsed = check(documentSchema, content, placeOf);
  return {
    recipe: parsed.recipe,
    name: parsed.name,
    seed: parsed.seed,
    trials: parsed.trials,
    optimizer: checkOptimizer(parsed.optimizer ?? {}, placeOf),
    settings: parsed.settings ?? {},
    space: checkSpace(parsed.space ?? {}, placeOf),
    file: source.file,
    placeOf,
  };
}

/** A document with assignments laid over it; places in it that one has set are named after it. */
export function laidOver(source: DocumentSource, assignments: readonly Assignment[]): DocumentSource {
  let { content } = source;
  for (const { path, value } of assignments) content = assigned(content, path, value);
  const placeOf: PlaceOf = (path) => {
    const set = assignments.find((given) => path.length > 0 && isOnTheWay(given.path, path));
    if (set === undefined) return source.placeOf(path);
    return `--set ${(path.length > set.path.length ? path : set.path).map(String).join('.')}`;
  };
  return { ...source, content, placeOf };
}

/** Whether one of two paths leads through the other's end. */
export function isOnTheWay(a: readonly PropertyKey[], b: readonly PropertyKey[]): boolean {
  return a.slice(0, b.length).every((key, i) => String(key) === String(b[i]));
}

/** The name of a study that gives none: the recipe's, or its file's without folder and ending. */
export function defaultName({ file, recipe }: Pick<StudyDocument, 'file' | 'recipe'>): string {
  return file === undefined ? recipe : basename(file, extname(file));
}

/** What a file, or a name, says, and where. */
export interface DocumentSource {
  readonly content: unknown;
  readonly file: string | undefined;
  readonly placeOf: PlaceOf;
}

function namedRecipe(name: string): DocumentSource {
  const known = RECIPES.map((recipe) => recipe.name);
  if (!known.includes(name)) {
    throw new UsageError(
      `there is no recipe ${shown(name)}: give ${nearestFirst(name, known)}, a study file that ends in .yaml or .json, or the name of a study in the store (see tacet studies)`,
    );
  }
  return { content: { recipe: name }, file: undefined, placeOf: placeAfter('') };
}

/**
 * Reads a YAML or JSON file.
 *
 * @param least the least that such a file says, for one that is empty
 * @throws {UsageError} when it can't be read, naming the line
 */
export function readDocument(file: string, least: string): DocumentSource {
  const text = readText(file);
  const lines = new LineCounter();
  // JSON is YAML.
  const document = parseDocument(text, { lineCounter: lines, schema: 'core' });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = lines.linePos(error.pos[0]).line;
    const [reason = ''] = error.message.split(' at line ');
    throw new UsageError(`${file} line ${line} can't be read: ${reason}; mend it there`);
  }
  const placeOf: PlaceOf = (path) => {
    const offset = offsetOf(document, path);
    const where = offset === undefined ? file : `${file} line ${lines.linePos(offset).line}`;
    return path.length === 0 ? where : `${where}: ${path.map(String).join('.')}`;
  };
  const content: unknown = document.toJS({ maxAliasCount: 100 });
  if (content === null) throw new UsageError(`${file} is empty: give at least "${least}"`);
  return { content, file, placeOf };
}

/** Reads a text file. @throws {UsageError} when it can't be read */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason = READ_FAILURES[code ?? ''] ?? `can't be read (${code})`;
    throw new UsageError(`${file} ${reason}: give another file`, { cause });
  }
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EISDIR: 'is a directory',
  EACCES: "can't be read, its permissions forbid it",
};

/** Where in the text the key at the end of a path stands, or the last one before it that is there. */
function offsetOf(
  document: ReturnType<typeof parseDocument>,
  path: readonly PropertyKey[],
): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    let at: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      [at, node] = [pair?.key, pair?.value];
    } else if (isSeq(node)) {
      at = node = node.items[Number(key)];
    }
    if (!isNode(at) || !at.range) break;
    offset = at.range[0];
  }
  return offset;
}

/** A copy of a tree with one value set; objects on the way are made, and replace what is no object. */
export function assigned(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const object = typeof tree === 'object' && tree !== null && !Array.isArray(tree) ? tree : {};
  const before = (object as Record<string, unknown>)[key] ?? {};
  return { ...object, [key]: assigned(before, rest, value) };
}

function checkOptimizer(optimizer: Named, placeOf: PlaceOf): StudyDocument['optimizer'] {
  const { name, ...settings } = optimizer;
  const place: PlaceOf = () => placeOf(['optimizer', 'name']);
  return { name: name === undefined ? undefined : check(z.enum(OPTIMIZERS), name, place), settings };
}

function checkSpace(space: Named, placeOf: PlaceOf): StudyDocument['space'] {
  const entries = Object.entries(space).map(([name, given]) => {
    if (typeof given === 'number' || typeof given === 'string') return [name, given] as const;
    return [name, check(overrideSchema, given, (path) => placeOf(['space', name, ...path]))] as const;
  });
  return Object.fromEntries(entries);
}
