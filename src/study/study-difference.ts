/** Whether a study is the one that is stored under its name, and if not, in what it differs. */
import type { StudySpec } from './store.ts';
import type { JsonValue } from './trial.ts';

/** One place where two specifications differ. */
export interface Difference {
  /** Such as `space.map_size.high`. */
  readonly place: string;
  /** JSON text, or `nothing`. */
  readonly stored: string;
  readonly given: string;
}

/** In what a study differs from the stored one. The budget may differ; the order of the parameters may not. */
export function studyDifferences(stored: StudySpec, given: StudySpec): Difference[] {
  const differences: Difference[] = [];
  for (const part of ['recipe', 'seed', 'space', 'settings', 'optimizer'] as const) {
    compare(part, stored[part], given[part], differences);
  }
  const order = (spec: StudySpec) => JSON.stringify(spec.space);
  if (differences.length === 0 && order(stored) !== order(given)) {
    differences.push({
      place: 'the order of the parameters of space',
      stored: order(stored),
      given: order(given),
    });
  }
  return differences;
}

function compare(
  place: string,
  stored: JsonValue | undefined,
  given: JsonValue | undefined,
  found: Difference[],
): void {
  if (isTree(stored) && isTree(given) && Array.isArray(stored) === Array.isArray(given)) {
    const left = new Map<string, JsonValue>(Object.entries(stored));
    const right = new Map<string, JsonValue>(Object.entries(given));
    for (const key of new Set([...left.keys(), ...right.keys()])) {
      compare(`${place}.${key}`, left.get(key), right.get(key), found);
    }
  } else if (JSON.stringify(stored) !== JSON.stringify(given)) {
    found.push({ place, stored: text(stored), given: text(given) });
  }
}

function isTree(value: JsonValue | undefined): value is object & JsonValue {
  return typeof value === 'object' && value !== null;
}

function text(value: JsonValue | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
