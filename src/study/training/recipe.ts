/** Recipes of surrogate-gradient training: which data, which network, which hyperparameters. */
import type { z } from 'zod';
import type { SampleSource } from '../../data/samples.ts';
import type { TrainingDescription } from '../../learning/surrogate/description.ts';
import { StudyError } from '../store.ts';
import { mnistDense } from './mnist-dense.ts';
import { randman } from './randman.ts';
import { shdRecurrent } from './shd-recurrent.ts';
import { spokenDigits } from './spoken-digits.ts';

/** Samples to learn from and to be judged by. */
export interface TrainingData {
  readonly train: SampleSource;
  readonly test: SampleSource;
}

/** Values that a user may give by `--params`, checked and completed. */
export type TrainingParams = Readonly<Record<string, number | string | boolean>>;

export interface TrainingRecipe {
  readonly name: string;
  readonly summary: string;
  /** Hyperparameters with their defaults; `epochs`, `batchSize` and `seed` are among them. */
  readonly params: z.ZodType<TrainingParams & { epochs: number; batchSize: number; seed: number }>;
  load(params: TrainingParams): Promise<TrainingData>;
  describe(params: TrainingParams): TrainingDescription;
}

export const TRAINING_RECIPES: readonly TrainingRecipe[] = [mnistDense, randman, shdRecurrent, spokenDigits];

/** @throws {StudyError} `bad-input` listing the recipes there are */
export function trainingRecipeOf(name: string): TrainingRecipe {
  const recipe = TRAINING_RECIPES.find((candidate) => candidate.name === name);
  if (recipe) return recipe;
  const known = TRAINING_RECIPES.map((candidate) => candidate.name).join(', ');
  throw new StudyError('bad-input', `there is no training recipe "${name}"; there is ${known}`);
}
