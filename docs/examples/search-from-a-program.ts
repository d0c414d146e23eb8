/** A small search from a program: a study, a store, what happens, what came out. */
import { openSqliteStore, recipeOf, runSearch, SearchSpace, type StudySpec } from 'tacet';

const [, , path = 'example.db'] = process.argv;
const recipe = recipeOf('mnist-stdp');
const space = SearchSpace.from({
  ...recipe.space,
  map_size: { type: 'integer', low: 20, high: 60 },
}).fix({ decoder: 'vote', epochs: 1 });
const settings = recipe.settings.parse({ trainSamples: 100, holdOutSamples: 50 });
const study: StudySpec = {
  name: 'example',
  recipe: recipe.name,
  space: JSON.parse(JSON.stringify(space)),
  settings,
  optimizer: { name: 'sobol' },
  seed: 1,
  trials: 8,
};

using store = openSqliteStore(path);
const report = await runSearch(study, store, {
  devices: 'auto',
  onEvent: (event) => {
    if (event.kind === 'outcome') console.error(`trial ${event.trial.number}: ${event.trial.state}`);
  },
});
const { counts, best } = store.study('example');
console.log(JSON.stringify({ finished: report.finished, counts, best: best?.outcome?.objective ?? null }));
