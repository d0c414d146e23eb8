/** From a study's settings and a trial's values to the hyperparameters of a recipe. */
import { z } from 'zod';
import { checkedHyperparameters } from '../checked-hyperparameters.ts';
import type { Hyperparameters, JsonObject } from '../trial.ts';
import { share } from './common.ts';
import type { CommonParams, StudyDefaults, TrainingParams, TrainingRecipe } from './recipe.ts';

/** What a study of training sets besides what its recipe has. */
const studySettings = ({ holdOutShare = 0.15, beta = 0.1, silenceAlpha = 1 }: Partial<StudyDefaults>) => ({
  /** Share of the training samples that is held out for the objective: the test set plays no part in a search. */
  holdOutShare: z.number().positive().max(0.9).default(holdOutShare),
  /** Share of the training samples that may be silent in an epoch before a trial is stopped. */
  beta: share.default(beta),
  /** A sample is silent for a layer with fewer spikes than this. */
  silenceAlpha: z.int().min(0).default(silenceAlpha),
  /** Seed of what is held out: the same for all trials of a study. */
  splitSeed: z.int().min(0).default(0),
});

export type TrainingStudySettings = JsonObject &
  Readonly<z.output<z.ZodObject<ReturnType<typeof studySettings>>>>;

/** What is no hyperparameter of a search: its own settings, and those of the recipe that the space does not move. */
export function settingsSchemaOf({
  params,
  space,
  study = {},
}: TrainingRecipe): z.ZodType<TrainingStudySettings> {
  const held = Object.entries(params.shape).filter(
    ([name]) => !Object.hasOwn(space, name) && name !== 'seed',
  );
  return z.strictObject({
    ...Object.fromEntries(held),
    ...studySettings(study),
  }) as unknown as z.ZodType<TrainingStudySettings>;
}

/**
 * A trial's hyperparameters. The same object is what `tacet train --params` takes.
 *
 * @throws {StudyError} `bad-input` naming the hyperparameter
 */
export function paramsOfTrial(
  { name, params }: TrainingRecipe,
  settings: TrainingStudySettings,
  values: Hyperparameters,
  seed = 0,
): TrainingParams & CommonParams {
  const own = Object.fromEntries(
    Object.entries(settings).filter(([key]) => Object.hasOwn(params.shape, key)),
  );
  // Of a trial's seed of 53 bits so many that it can be multiplied by epochs.
  return checkedHyperparameters(name, params, { ...own, ...values, seed: seed % 2 ** 32 });
}
