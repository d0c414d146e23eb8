/**
 * A coordinator and a worker that share nothing but a PostgreSQL database, both in this program; in earnest they are
 * programs on machines of their own. The first argument is the database's address.
 */
import {
  coordinate,
  expandDevices,
  findDevices,
  openPostgres,
  openPostgresStore,
  recipeOf,
  SearchSpace,
  serveStudies,
} from 'tacet';

const [, , address = 'postgres://me@localhost/searches'] = process.argv;
const recipe = recipeOf('mnist-stdp');
const space = SearchSpace.from({
  ...recipe.space,
  map_size: { type: 'integer', low: 20, high: 40 },
}).fix({ decoder: 'vote', epochs: 1 });

await using store = await openPostgresStore(address);
const over = new AbortController();

async function work(): Promise<void> {
  await using database = await openPostgres(address);
  const devices = expandDevices(process.env.TACET_DEVICES ?? 'auto', await findDevices());
  await serveStudies(database, { devices, slots: 4, stop: over.signal });
}

const coordination = coordinate(
  {
    name: 'shared',
    recipe: recipe.name,
    space: JSON.parse(JSON.stringify(space)),
    settings: recipe.settings.parse({ trainSamples: 24, holdOutSamples: 8, steps: 50 }),
    optimizer: { name: 'sobol' },
    seed: 1,
    trials: 8,
  },
  store,
).finally(() => over.abort());
const [finished] = await Promise.all([coordination, work()]);
console.log(JSON.stringify({ finished, counts: (await store.study('shared')).counts }));
