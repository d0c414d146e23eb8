/**
 * What a worker must have to serve a study: nothing that is run comes from the database, so what a machine has of its own
 * must be what the coordinator has.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { packageVersion } from '../../version.ts';
import type { Postgres } from '../postgres.ts';
import { recipeOf } from '../recipes.ts';
import { StudyError, type StudySpec } from '../store.ts';

export interface Fingerprint {
  /** Of Tacet. */
  readonly version: string;
  /** SHA-256 of the recipe: its space, constraints and settings as this version defines them. */
  readonly recipe: string;
  /** SHA-256 of the data set's bytes. */
  readonly data: string;
  /** SHA-256 of the study: its recipe's name, space, settings and seed. */
  readonly spec: string;
}

/**
 * What this machine has for a study.
 *
 * @throws {StudyError} `bad-input` when there is no such recipe
 * @throws {DataError} when the data set is missing or malformed
 */
export function fingerprintOf(spec: StudySpec): Fingerprint {
  const recipe = recipeOf(spec.recipe);
  const { name, space, constraints, settings } = recipe;
  return {
    version: packageVersion(),
    recipe: sha256(JSON.stringify({ name, space, constraints, settings: z.toJSONSchema(settings) })),
    data: recipe.checksum(recipe.settings.parse(spec.settings)),
    spec: sha256(JSON.stringify([spec.recipe, spec.space, spec.settings, spec.seed])),
  };
}

/**
 * Records what a study is run with, for its workers.
 *
 * @throws {StudyError} `mismatch` when it was begun with other data: its trials could not be compared
 */
export async function publishFingerprint(
  database: Postgres,
  study: number,
  name: string,
  { version, recipe, data, spec }: Fingerprint,
): Promise<void> {
  const known = await readFingerprint(database, study);
  if (known && known.data !== data) throw mismatch(name, 'data', 'data set', known.data, data);
  await database.query(
    `insert into tacet.fingerprint (study, version, recipe, data, spec) values ($1, $2, $3, $4, $5)
     on conflict (study) do update set version = $2, recipe = $3, spec = $5`,
    [study, version, recipe, data, spec],
  );
}

/** What a study is run with; undefined when nobody has coordinated it yet. */
export async function readFingerprint(database: Postgres, study: number): Promise<Fingerprint | undefined> {
  const { rows } = await database.query<Fingerprint>(
    'select version, recipe, data, spec from tacet.fingerprint where study = $1',
    [study],
  );
  return rows[0];
}

/**
 * @param theirs what the study is run with
 * @param ours what this machine has
 * @throws {StudyError} `mismatch`, naming what differs and what to do
 */
export function checkFingerprint(name: string, theirs: Fingerprint, ours: Fingerprint): void {
  const parts = { version: 'version of Tacet', data: 'data set', recipe: 'recipe', spec: 'study' } as const;
  for (const part of ['version', 'data', 'recipe', 'spec'] as const) {
    if (theirs[part] !== ours[part]) throw mismatch(name, part, parts[part], theirs[part], ours[part]);
  }
}

const REMEDIES: Readonly<Record<keyof Fingerprint, string>> = {
  version: 'install the same version on all machines',
  data: 'run npm ci where the files were changed',
  recipe: 'install the same sources on all machines',
  spec: 'its row was changed in the database; restore it, or start a study of another name',
};

function mismatch(name: string, part: keyof Fingerprint, what: string, theirs: string, ours: string) {
  const shown = (text: string) => (part === 'version' ? text : text.slice(0, 12));
  return new StudyError(
    'mismatch',
    `study ${name} is run with the ${what} ${shown(theirs)}, this machine has ${shown(ours)}: ${REMEDIES[part]}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
