import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAssignment, readStudyDocument } from '../../src/cli/study-document.ts';
import { checkHyperparameters, planStudy, type StudyOptions, wantedStudy } from '../../src/cli/study-plan.ts';
import { recipeOf } from '../../src/study/recipes.ts';
import type { StudySpec } from '../../src/study/store.ts';
import { studySpace } from '../../src/study/study-space.ts';
import { temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const QUICK = { settings: { trainSamples: 600, holdOutSamples: 300 }, trials: 60 };

function planned(
  argument: string,
  {
    set = [],
    options = {},
    stored,
  }: { set?: readonly string[]; options?: StudyOptions; stored?: StudySpec } = {},
) {
  return planStudy(readStudyDocument(argument, set.map(parseAssignment)), options, { quick: QUICK, stored });
}

function file(name: string, text: string): string {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
}

describe('a study from a recipe', () => {
  it('is short, and says so', () => {
    const { spec, shortened } = planned('mnist-stdp');
    expect(spec).toMatchObject({ name: 'mnist-stdp', recipe: 'mnist-stdp', seed: 0, trials: 60 });
    expect(spec.settings).toMatchObject({ trainSamples: 600, holdOutSamples: 300, steps: 100, beta: 0.1 });
    expect(shortened).toEqual({ trainSamples: 600, holdOutSamples: 300 });
    expect(studySpace(spec).dimensions).toBe(18);
  });

  it('takes options and assignments before the quick settings', () => {
    const set = ['settings.trainSamples=48000', 'settings.holdOutSamples=12000', 'optimizer.name=random'];
    const options = { name: 'full', trials: 868, seed: 5 };
    const { spec, shortened } = planned('mnist-stdp', { set, options });
    expect(spec).toMatchObject({ name: 'full', trials: 868, seed: 5, optimizer: { name: 'random' } });
    expect(spec.settings).toMatchObject({ trainSamples: 48_000, holdOutSamples: 12_000 });
    expect(shortened).toEqual({});
  });

  it('is deterministic when it is asked for, with a lag of 16 unless another is given', () => {
    const lagOf = (given: Parameters<typeof planned>[1]) => planned('mnist-stdp', given).spec.optimizer;
    expect(lagOf({})).not.toHaveProperty('deterministic');
    expect(lagOf({ options: { deterministic: true } })).toMatchObject({ name: 'scbo', deterministic: 16 });
    expect(lagOf({ options: { deterministic: 3 } })).toMatchObject({ deterministic: 3 });
    expect(lagOf({ set: ['optimizer.deterministic=4'] })).toMatchObject({ deterministic: 4 });
  });

  it('changes bounds and fixes values by assignments', () => {
    const set = [
      'space.map_size.high=400',
      'space.nu_pre.scale=uniform',
      'space.decoder=vote',
      'space.epochs=2',
    ];
    const space = studySpace(planned('mnist-stdp', { set }).spec);
    expect(space.spec.map_size).toEqual({ type: 'integer', low: 20, high: 400, scale: 'uniform' });
    expect(space.spec.nu_pre).toMatchObject({ low: 1e-4, high: 1e-2, scale: 'uniform' });
    expect(space.fixed).toEqual({ decoder: 'vote', epochs: 2 });
    expect(space.dimensions).toBe(16);
  });

  it('narrows choices', () => {
    const space = studySpace(planned('mnist-stdp', { set: ['space.decoder.choices=[all, vote]'] }).spec);
    expect(space.spec.decoder).toEqual({ type: 'categorical', choices: ['all', 'vote'] });
  });

  it('goes on with the settings and the budget of the stored study, whatever suits this device', () => {
    const earlier = planned('mnist-stdp', { options: { trials: 200 } }).spec;
    const stored = { ...earlier, settings: { ...earlier.settings, trainSamples: 12_000 } };
    const { spec, shortened } = planned('mnist-stdp', { stored });
    expect(spec).toEqual(stored);
    expect(shortened).toEqual({});
    expect(planned('mnist-stdp', { stored, set: ['settings.beta=0.2'] }).spec.settings).toMatchObject({
      trainSamples: 12_000,
      beta: 0.2,
    });
  });
});

describe('a study file', () => {
  const TEXT = `
recipe: mnist-stdp
trials: 40
seed: 3
optimizer: { name: random, initial: 20 }
settings:
  beta: 0.05
space:
  map_size: { low: 50, high: 100 }
  decoder: vote
`;

  it("gets the recipe's own settings where it says nothing", () => {
    const { spec, shortened } = planned(file('maps.yaml', TEXT));
    expect(spec).toMatchObject({
      name: 'maps',
      seed: 3,
      trials: 40,
      optimizer: { name: 'random', initial: 20 },
    });
    expect(spec.settings).toMatchObject({ trainSamples: 48_000, holdOutSamples: 12_000, beta: 0.05 });
    expect(shortened).toEqual({});
  });

  it('says the same in JSON', () => {
    const json = {
      recipe: 'mnist-stdp',
      trials: 40,
      seed: 3,
      optimizer: { name: 'random', initial: 20 },
      settings: { beta: 0.05 },
      space: { map_size: { low: 50, high: 100 }, decoder: 'vote' },
    };
    expect(planned(file('maps.json', JSON.stringify(json))).spec).toEqual(
      planned(file('maps.yaml', TEXT)).spec,
    );
  });

  it('gives way to assignments, which give way to options', () => {
    const path = file('maps.yaml', TEXT);
    const set = ['seed=4', 'trials=50', 'optimizer=sobol', 'space.map_size.high=90', 'name=other'];
    const { spec } = planned(path, { set, options: { trials: 60 } });
    expect(spec).toMatchObject({ name: 'other', seed: 4, trials: 60, optimizer: { name: 'sobol' } });
    expect(studySpace(spec).spec.map_size).toMatchObject({ low: 50, high: 90 });
    expect(wantedStudy(readStudyDocument(path, []), { name: 'mine' }).name).toBe('mine');
  });
});

describe('an assignment', () => {
  it.each([
    ['a.b=3', ['a', 'b'], 3],
    ['a=1e-3', ['a'], 0.001],
    ['a=true', ['a'], true],
    ['a=2gram', ['a'], '2gram'],
    ['a="3"', ['a'], '3'],
    ['a=x=y', ['a'], 'x=y'],
    ['a=[1, b]', ['a'], [1, 'b']],
  ])('%s', (text, path, value) => {
    expect(parseAssignment(text)).toEqual({ path, value });
  });
});

describe('hyperparameters of an evaluation', () => {
  const recipe = recipeOf('mnist-stdp');
  const entry = Object.fromEntries(
    Object.entries(recipe.space).map(([name, parameter]) => {
      return [name, parameter.type === 'categorical' ? (parameter.choices[0] ?? '') : parameter.low];
    }),
  );

  it('may lie outside the search space', () => {
    expect(checkHyperparameters(recipe, { ...entry, map_size: 10 }, 'entry')).toMatchObject({ map_size: 10 });
  });

  it('are in the order of the recipe', () => {
    const reversed = Object.fromEntries(Object.entries(entry).reverse());
    expect(Object.keys(checkHyperparameters(recipe, reversed, 'entry'))).toEqual(Object.keys(recipe.space));
  });
});
