import { describe, expect, it } from 'vitest';
import { resolveLayers } from '../../../src/learning/surrogate/structure.ts';
import { TRAINING_RECIPES, trainingRecipeOf } from '../../../src/study/training/recipe.ts';

const load = (name: string, given: object) => {
  const recipe = trainingRecipeOf(name);
  const params = recipe.params.parse(given);
  const data = async () => {
    const { train, test } = await recipe.load(params);
    return { train: recipe.view(train, params), test: recipe.view(test, params) };
  };
  return { params, description: recipe.describe(params), data };
};

describe('recipes of training', () => {
  it.each(TRAINING_RECIPES.map(({ name }) => name))('%s describes a network that can be made', (name) => {
    const { description } = load(name, {});
    const input = name === 'dvs-slayer' ? ([32, 32, 2] as const) : ([1, 1, 700] as const);
    expect(resolveLayers(description, input).length).toBe(description.layers.length);
  });

  it('randman: the classes in both parts, no sample in both', async () => {
    const { train, test } = await load('randman', {
      classes: 3,
      samplesPerClass: 10,
      alpha: 3,
      steps: 20,
    }).data();
    expect([train.samples, test.samples]).toEqual([24, 6]);
    expect([...test.labels]).toEqual([0, 0, 1, 1, 2, 2]);
    const all = (source: typeof train) => {
      const batch = source.batch(
        Uint32Array.from({ length: source.samples }, (_, i) => i),
        0,
      );
      if (batch.kind !== 'events') throw new Error('randman gives events');
      return Array.from({ length: source.samples }, (_, sample) => {
        const from = batch.offsets[21 * sample] as number;
        const steps = Array.from(batch.offsets.subarray(21 * sample, 21 * sample + 21), (at) => at - from);
        return `${steps} ${batch.events.subarray(from, from + 20)}`;
      });
    };
    expect(new Set([...all(train), ...all(test)]).size).toBe(30);
  });

  it('shd-recurrent: the files that are given', async () => {
    const path = new URL('../../data/fixtures/heidelberg.h5', import.meta.url).pathname;
    const { train } = await load('shd-recurrent', { trainPath: path, testPath: path, inputs: 70 }).data();
    expect(train).toMatchObject({ samples: 5, inputs: 70, steps: 100 });
  });

  it('spoken-digits: says that it needs the recordings', async () => {
    await expect(load('spoken-digits', {}).data()).rejects.toThrow(
      /needs the recordings.*--params \{ "path"/,
    );
  });
});
