/** The studies that the pool's bench runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SearchSpace } from '../../src/search/index.ts';
import { recipeOf } from '../../src/study/recipes.ts';
import type { StudySpec } from '../../src/study/store.ts';
import type { Hyperparameters, JsonObject } from '../../src/study/trial.ts';

/** Sobol points over `mnist-stdp`, some hyperparameters fixed or bounded; no trial is ever silent unless told. */
export function benchStudy(options: {
  readonly name: string;
  readonly trials: number;
  readonly trainSamples: number;
  readonly holdOutSamples: number;
  readonly mapSize: { readonly low: number; readonly high: number };
  readonly fixed?: Hyperparameters;
  readonly neverSilent?: boolean;
}): StudySpec {
  const { name, trials, trainSamples, holdOutSamples, mapSize, fixed = {}, neverSilent = true } = options;
  const recipe = recipeOf('mnist-stdp');
  const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;
  const space = { ...recipe.space, map_size: { type: 'integer', ...mapSize } } as const;
  const alphas = neverSilent ? { excitatoryAlpha: 0, inhibitoryAlpha: 0 } : {};
  return {
    name,
    recipe: recipe.name,
    space: json(SearchSpace.from(space).fix(fixed)),
    settings: json(recipe.settings.parse({ trainSamples, holdOutSamples, ...alphas })),
    optimizer: { name: 'sobol' },
    seed: 1,
    trials,
  };
}

/** A folder for stores that is gone at the end. */
export class Scratch implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'tacet-pool-'));

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
