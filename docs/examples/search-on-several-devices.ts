/**
 * A search over several devices: each has a worker of its own. By default all graphics cards; give other devices as the
 * second argument, `native,webgpu:radeon`, say.
 */
import { openSqliteStore, recipeOf, runSearch, SearchSpace } from 'tacet';

const [, , path = 'example.db', devices = 'all'] = process.argv;
const recipe = recipeOf('mnist-stdp');
const space = SearchSpace.from({
  ...recipe.space,
  map_size: { type: 'integer', low: 20, high: 40 },
}).fix({ decoder: 'vote', epochs: 1 });

using store = openSqliteStore(path);
const report = await runSearch(
  {
    name: 'several',
    recipe: recipe.name,
    space: JSON.parse(JSON.stringify(space)),
    settings: recipe.settings.parse({ trainSamples: 24, holdOutSamples: 8, steps: 50 }),
    optimizer: { name: 'sobol' },
    seed: 1,
    trials: 12,
  },
  store,
  { devices, slots: 2, onEvent: () => {} },
);
const ran = store.trials('several').map(({ outcome }) => outcome?.device);
console.log(JSON.stringify({ finished: report.finished, ran }));
