/** Checking input by a zod schema, with one line that says where it is wrong, what was given and what to give. */
import type { z } from 'zod';
import { UsageError } from './errors.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Names the place of a path for the user, such as `study.yaml line 4: space.norm.low`. */
export type PlaceOf = (path: Path) => string;

/** What a place is called when nothing more is known of it: the path, joined by dots, after a prefix. */
export function placeAfter(prefix: string): PlaceOf {
  return (path) => [prefix, ...path.map(String)].filter((part) => part !== '').join('.');
}

/**
 * Checks a value.
 *
 * @throws {UsageError} for the first thing that is wrong
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  placeOf: PlaceOf,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // A failed parse has an issue; the fallback is for the type checker.
  if (issue === undefined) throw new UsageError(parsed.error.message);
  throw new UsageError(explain(issue, value, schema, placeOf), { cause: parsed.error });
}

function explain(issue: Issue, value: unknown, schema: z.ZodType, placeOf: PlaceOf): string {
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const known = keysAt(schema, issue.path);
    const remedy = known.length === 0 ? 'remove it' : `use ${nearestFirst(key, known)}`;
    return `${placeOf([...issue.path, key])} is not known: ${remedy}`;
  }
  const given = valueAt(value, issue.path);
  const place = placeOf(issue.path);
  if (issue.code === 'custom') {
    return `${place} is ${given === undefined ? 'missing' : shown(given)}: ${issue.message}`;
  }
  const what = expectation(issue);
  return given === undefined
    ? `${place} is missing: give ${what}`
    : `${place} is ${shown(given)}: give ${what}`;
}

/** What would have been right, to follow the word "give". */
function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? `a value of type ${issue.expected}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? String(issue.values[0])
        : `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `${amount(issue.origin, issue.minimum)}${issue.inclusive === false ? ' or more, but not that itself' : ' or more'}`;
    case 'too_big':
      return `${amount(issue.origin, issue.maximum)}${issue.inclusive === false ? ' or less, but not that itself' : ' or less'}`;
    default:
      return `something else (${issue.message})`;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with named values',
  record: 'an object with named values',
};

function amount(origin: string, bound: number | bigint): string {
  if (origin === 'string') return `text of ${bound} characters`;
  if (origin === 'array') return `a list of ${bound}`;
  return String(bound);
}

/** A value as the user wrote it, cut to a length that fits a line. */
export function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Names as a list, the one most like `wanted` first. */
export function nearestFirst(wanted: string, names: readonly string[]): string {
  const ranked = names.map((name) => ({ name, distance: editDistance(wanted, name) }));
  const closest = ranked.reduce((a, b) => (b.distance < a.distance ? b : a));
  if (closest.distance > Math.max(2, wanted.length / 3)) return names.join(', ');
  const others = names.filter((name) => name !== closest.name);
  return [closest.name, ...others].join(', ');
}

/** Levenshtein's distance: insertions, deletions and replacements between two words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const key of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return at;
}

/** The keys that an object schema knows at a path; none where it can't be told. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let at: unknown = schema;
  for (const key of path) at = shapeOf(at)?.[String(key)];
  return Object.keys(shapeOf(at) ?? {});
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  let at = schema as { shape?: Record<string, unknown>; unwrap?: () => unknown } | undefined;
  while (at !== undefined && at.shape === undefined && typeof at.unwrap === 'function') {
    at = at.unwrap() as typeof at;
  }
  return at?.shape;
}
