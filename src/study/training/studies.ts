/** Recipes of training as studies: the same data and networks, searched as `mnist-stdp` is. */
import type { Recipe } from '../recipe.ts';
import { openTrainingSlots } from './open.ts';
import { paramsOfTrial, settingsSchemaOf } from './params.ts';
import { TRAINING_RECIPES, type TrainingData, type TrainingRecipe } from './recipe.ts';
import { rerunOf } from './rerun.ts';
import { silentLayersOf } from './trial.ts';

export function trainingStudies(): Recipe[] {
  return TRAINING_RECIPES.map(studyOf);
}

function studyOf(recipe: TrainingRecipe): Recipe {
  const settings = settingsSchemaOf(recipe);
  const names = silentLayersOf(recipe, recipe.describe(recipe.params.parse({}))).map(({ name }) => name);
  return {
    name: recipe.name,
    summary: recipe.summary,
    settings,
    space: recipe.space,
    constraints: names.map((name) => `silence_${name}`),
    quick: () => ({ settings: recipe.quick ?? {}, trials: recipe.trials }),
    checkData: (given) => recipe.checkData?.(paramsOfTrial(recipe, settings.parse(given), {})),
    checksum: (given) => recipe.checksum(paramsOfTrial(recipe, settings.parse(given), {})),
    load: (given) => recipe.load(paramsOfTrial(recipe, settings.parse(given), {})),
    openSlots: (device, setup, data, _wrap, noteCosts) => {
      const own = settings.parse(setup.settings);
      return openTrainingSlots(device, setup, recipe, own, data as TrainingData, noteCosts);
    },
    rerun: rerunOf(recipe),
  };
}
