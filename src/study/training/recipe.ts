/** Recipes of surrogate-gradient training: which data, which network, which hyperparameters. */
import type { z } from 'zod';
import type { LabelledImages } from '../../data/mnist.ts';
import type { SampleSource, SpikeSamples } from '../../data/samples.ts';
import type { TrainingDescription } from '../../learning/surrogate/description.ts';
import type { SpaceInput } from '../../search/index.ts';
import { StudyError } from '../store.ts';
import { dvsSlayer } from './dvs-slayer.ts';
import { mnistDense } from './mnist-dense.ts';
import { randman } from './randman.ts';
import { shdRecurrent } from './shd-recurrent.ts';
import { spokenDigits } from './spoken-digits.ts';

/** Samples as they are kept and as they pass between threads; {@link TrainingRecipe.view} is what a network sees. */
export type SampleSet = SpikeSamples | LabelledImages;

/** Samples to learn from and to be judged by. */
export interface TrainingData {
  readonly train: SampleSet;
  readonly test: SampleSet;
}

/** Values that a user may give by `--params`, or a search proposes, checked and completed. */
export type TrainingParams = Readonly<Record<string, number | string | boolean>>;

/** What every recipe's values have. */
export interface CommonParams {
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Share of the training samples that is learned from. */
  readonly trainShare: number;
}

/** A study's own settings that a recipe may have other defaults for: those of `params.ts`. */
export interface StudyDefaults {
  readonly holdOutShare: number;
  readonly beta: number;
  readonly silenceAlpha: number;
}

export interface TrainingRecipe {
  readonly name: string;
  readonly summary: string;
  /** Hyperparameters with their defaults. */
  readonly params: z.ZodType<TrainingParams & CommonParams> & {
    readonly shape: Readonly<Record<string, z.ZodType>>;
  };
  /** Hyperparameters that a search moves, with their bounds; the others are settings of a study. */
  readonly space: SpaceInput;
  /** Trials of a short search, and what makes it short besides. */
  readonly trials: number;
  readonly quick?: TrainingParams;
  /** Defaults of a study's own settings. */
  readonly study?: Partial<StudyDefaults>;
  /** Layers whose silence ends a trial; all that spike when absent. */
  readonly silentLayers?: readonly string[];
  /** Refuses values whose data are not there. @throws {StudyError} */
  checkData?(params: TrainingParams): void;
  /** Of the data set's content. */
  checksum(params: TrainingParams): string;
  /** The data set. Depends on no hyperparameter of the space. */
  load(params: TrainingParams): Promise<TrainingData>;
  /** A part of the data set as a network with these hyperparameters sees it. */
  view(set: SampleSet, params: TrainingParams): SampleSource;
  describe(params: TrainingParams): TrainingDescription;
  /** Networks whose layers have room for all of those that lie between the given ones; those themselves when absent. */
  rooms?(params: readonly (TrainingParams & CommonParams)[]): (TrainingParams & CommonParams)[];
  /** Activity that a slot may keep, bytes. */
  slotMemory?(params: TrainingParams): number;
}

export const TRAINING_RECIPES: readonly TrainingRecipe[] = [
  mnistDense,
  dvsSlayer,
  randman,
  shdRecurrent,
  spokenDigits,
];

/** @throws {StudyError} `bad-input` listing the recipes there are */
export function trainingRecipeOf(name: string): TrainingRecipe {
  const recipe = TRAINING_RECIPES.find((candidate) => candidate.name === name);
  if (recipe) return recipe;
  const known = TRAINING_RECIPES.map((candidate) => candidate.name).join(', ');
  throw new StudyError('bad-input', `there is no training recipe "${name}"; there is ${known}`);
}
