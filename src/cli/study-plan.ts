/** From a study document to a study: overrides laid over the recipe, defaults filled in, everything checked. */
import { z } from 'zod';
import {
  createOptimizer,
  OPTIMIZERS,
  type OptimizerName,
  type Parameter,
  SearchSpace,
  type SpaceInput,
  settingsSchema,
} from '../search/index.ts';
import type { Recipe } from '../study/recipe.ts';
import { recipeOf } from '../study/recipes.ts';
import type { StudySpec } from '../study/store.ts';
import type { Hyperparameters, JsonObject } from '../study/trial.ts';
import { check, nearestFirst, type PlaceOf, placeAfter, shown } from './check.ts';
import { UsageError } from './errors.ts';
import { defaultName, type ParameterOverride, type StudyDocument } from './study-document.ts';

/** The optimizer of a study that names none. */
const DEFAULT_OPTIMIZER: OptimizerName = 'scbo';

/** How many proposals of a deterministic study run at once, at the most, unless it says so. */
export const DEFAULT_LAG = 16;

/** What the options of the command line say; they go before the document. */
export interface StudyOptions {
  readonly name?: string;
  readonly trials?: number;
  readonly seed?: number;
  readonly optimizer?: string;
  /** The lag, or that it shall be the usual one. */
  readonly deterministic?: number | true;
}

/** What a study is made from besides its document. */
export interface StudySurroundings {
  /** What the recipe changes so that a search on the device at hand ends within minutes. */
  readonly quick: ReturnType<Recipe['quick']>;
  /** The study that the store has under this name. */
  readonly stored: StudySpec | undefined;
}

export interface StudyPlan {
  readonly spec: StudySpec;
  readonly recipe: Recipe;
  /** The settings that were cut down so that a search without a study file ends within minutes; empty otherwise. */
  readonly shortened: JsonObject;
}

/** The optimizer's settings that a study may state; the others follow from the study. */
const optimizerSettings = settingsSchema.omit({ seed: true, constraints: true }).extend({
  /** The lag of a deterministic study: a proposal waits for the outcomes of all proposals but so many before it. */
  deterministic: z.int().min(1).optional(),
});

/** What a command line asks for, before it is known what the store has under that name. */
export interface WantedStudy {
  readonly name: string;
  readonly recipe: string;
  /** @throws {UsageError} as {@link planStudy} */
  plan(surroundings: StudySurroundings): StudyPlan;
}

/**
 * The study of a document.
 *
 * @throws {UsageError} as {@link checkStudy}
 */
export function wantedStudy(document: StudyDocument, options: StudyOptions): WantedStudy {
  checkStudy(document, options);
  return {
    name: studyName(document, options),
    recipe: document.recipe,
    plan: (surroundings) => planStudy(document, options, surroundings),
  };
}

/** A study that is stored, to go on with as it is, or with another number of trials. */
export function resumedStudy(spec: StudySpec, trials = spec.trials): WantedStudy {
  const recipe = recipeOf(spec.recipe);
  return {
    name: spec.name,
    recipe: recipe.name,
    plan: () => ({ spec: { ...spec, trials }, recipe, shortened: {} }),
  };
}

/** The name that a study will have. */
function studyName(document: StudyDocument, options: StudyOptions): string {
  return options.name ?? document.name ?? defaultName(document);
}

/**
 * Refuses a document that makes no study on any device.
 *
 * @throws {UsageError} for anything unknown, of the wrong type, or out of bounds
 */
export function checkStudy(document: StudyDocument, options: StudyOptions): void {
  planStudy(document, options, { quick: { settings: {}, trials: 1 }, stored: undefined });
}

/**
 * Makes the study.
 *
 * A recipe by its name alone gets the recipe's quick settings for the device, or, when the store has this study, the
 * stored settings and budget, so that the same command resumes on any device. A study file gets the recipe's defaults.
 *
 * @throws {UsageError} for anything unknown, of the wrong type, or out of bounds
 */
export function planStudy(
  document: StudyDocument,
  options: StudyOptions,
  { quick, stored }: StudySurroundings,
): StudyPlan {
  const recipe = recipeOf(document.recipe);
  const byName = document.file === undefined;
  const earlier = byName && stored?.recipe === recipe.name ? stored : undefined;
  const base: JsonObject = earlier?.settings ?? (byName ? { ...quick.settings } : {});
  const place =
    (part: string): PlaceOf =>
    (path) =>
      document.placeOf([part, ...path]);

  const settings = check(recipe.settings, { ...base, ...document.settings }, place('settings'));
  const space = planSpace(recipe, document);
  const seed = options.seed ?? document.seed ?? 0;
  const optimizer = planOptimizer(document, options, space);
  const shortened = Object.entries(base).filter(([key]) => !Object.hasOwn(document.settings, key));
  return {
    spec: {
      name: studyName(document, options),
      recipe: recipe.name,
      // JSON has no undefined; a space, settings and optimizer settings are plain data otherwise.
      space: JSON.parse(JSON.stringify(space)) as JsonObject,
      settings: JSON.parse(JSON.stringify(settings)) as JsonObject,
      optimizer,
      seed,
      trials: options.trials ?? document.trials ?? stored?.trials ?? quick.trials,
    },
    recipe,
    shortened: earlier === undefined ? Object.fromEntries(shortened) : {},
  };
}

/** The recipe's space with the document's overrides and fixed values. */
export function planSpace(
  recipe: Recipe,
  { space, placeOf }: Pick<StudyDocument, 'space' | 'placeOf'>,
): SearchSpace {
  const names = Object.keys(recipe.space);
  const parameters: SpaceInput = { ...recipe.space };
  const fixed: Record<string, number | string> = {};
  for (const [name, given] of Object.entries(space)) {
    const place = placeOf(['space', name]);
    const parameter = recipe.space[name];
    if (parameter === undefined) {
      throw new UsageError(`${place} is not known: ${recipe.name} has ${nearestFirst(name, names)}`);
    }
    if (typeof given === 'object') parameters[name] = laidOver(parameter as Parameter, given);
    else fixed[name] = given;
    // One at a time, so that what is wrong is where it was written.
    located(place, () => {
      const alone = SearchSpace.from({ [name]: parameters[name] });
      return typeof given === 'object' ? alone : alone.fix({ [name]: given });
    });
  }
  return SearchSpace.from(parameters).fix(fixed);
}

/** Override's keys go before the parameter's, unless they make it another type. */
function laidOver(parameter: Parameter, override: ParameterOverride): SpaceInput[string] {
  const sameType = override.type === undefined || override.type === parameter.type;
  // An incomplete or contradictory result is refused by SearchSpace.from.
  return { ...(sameType ? parameter : {}), ...override } as SpaceInput[string];
}

function planOptimizer(document: StudyDocument, options: StudyOptions, space: SearchSpace): JsonObject {
  const name = options.optimizer ?? document.optimizer.name ?? DEFAULT_OPTIMIZER;
  if (!isOptimizer(name)) {
    throw new UsageError(`there is no optimizer ${shown(name)}: give ${nearestFirst(name, OPTIMIZERS)}`);
  }
  const place: PlaceOf = (path) => document.placeOf(['optimizer', ...path]);
  const { deterministic: stated, ...settings } = check(optimizerSettings, document.optimizer.settings, place);
  // Made once here, so that what it refuses is refused before a study is stored.
  createOptimizer(name, space, settings);
  const deterministic = options.deterministic === true ? DEFAULT_LAG : (options.deterministic ?? stated);
  if (deterministic !== undefined && name === 'casbo') {
    throw new UsageError(
      'a study of casbo depends on measured times and is never deterministic: leave --deterministic out, or give another optimizer, such as scbo',
    );
  }
  return {
    name,
    ...(JSON.parse(JSON.stringify(settings)) as JsonObject),
    ...(deterministic === undefined ? {} : { deterministic }),
  };
}

function isOptimizer(name: string): name is OptimizerName {
  return (OPTIMIZERS as readonly string[]).includes(name);
}

function located<Result>(place: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${place}: ${message}`, { cause });
  }
}

/**
 * Checks hyperparameters given for an evaluation: every one that the recipe has, each of its type. Bounds are the
 * model's affair: outside the search space a network may still make sense.
 *
 * @param where names the entry, such as `params.json entry 3`
 * @throws {UsageError}
 */
export function checkHyperparameters(recipe: Recipe, given: unknown, where: string): Hyperparameters {
  const place = placeAfter('');
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new UsageError(`${where} is ${shown(given)}: give an object of hyperparameters by name`);
  }
  const entry = given as Record<string, unknown>;
  const names = Object.keys(recipe.space);
  const unknown = Object.keys(entry).find((name) => !Object.hasOwn(recipe.space, name));
  if (unknown !== undefined) {
    const missing = names.filter((name) => !Object.hasOwn(entry, name));
    const remedy = `${recipe.name} has ${nearestFirst(unknown, missing.length > 0 ? missing : names)}`;
    throw new UsageError(`${where}: ${place([unknown])} is not known: ${remedy}`);
  }
  const values: Record<string, number | string> = {};
  for (const [name, parameter] of Object.entries(recipe.space)) {
    const value = entry[name];
    const expected = expectationOf(parameter as Parameter);
    if (value === undefined) throw new UsageError(`${where}: ${name} is missing: give ${expected}`);
    if (!fits(parameter as Parameter, value)) {
      throw new UsageError(`${where}: ${name} is ${shown(value)}: give ${expected}`);
    }
    values[name] = value as number | string;
  }
  return values;
}

function fits(parameter: Parameter, value: unknown): boolean {
  if (parameter.type === 'categorical') return (parameter.choices as unknown[]).includes(value);
  return parameter.type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
}

function expectationOf(parameter: Parameter): string {
  if (parameter.type === 'categorical') return `one of ${parameter.choices.join(', ')}`;
  return parameter.type === 'integer' ? 'a whole number' : 'a number';
}
