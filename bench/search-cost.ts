/**
 * What a search of a training recipe costs until its incumbent has some accuracy: `casbo`, which weighs gains against what
 * trials cost, against `scbo`, which does not, with the same seeds and the same first trials.
 *
 *     node bench/search-cost.ts --path recordings.tar.gz [--trials 60] [--seeds 0,1] [--device native] [--out FILE]
 *     node bench/search-cost.ts --recipe randman --trials 20
 *
 * One search after another, a JSON line each to `--out`, which is read again: searches that it has are not repeated, and the
 * one under way, which is kept beside it, goes on after its last trial that ended. The last thing printed is the table of
 * `docs/training.md`. Costs are the processor's time of this process, all of its threads and the optimizer's own time
 * included, so they hardly depend on what else the machine does.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SearchSpace } from '../src/search/index.ts';
import { recipeOf } from '../src/study/recipes.ts';
import { runSearch } from '../src/study/search.ts';
import { openSqliteStore } from '../src/study/sqlite-store.ts';
import type { JsonObject } from '../src/study/trial.ts';

const OPTIMIZERS = ['scbo', 'casbo'] as const;

/** Accuracies on the hold-out of the table's rows. */
const ACCURACIES = [0.8, 0.9, 0.93, 0.95, 0.96] as const;

/** A trial that ended: what the search had cost by then. */
interface TrialEnd {
  readonly number: number;
  readonly state: string;
  readonly objective: number | null;
  readonly test: number | null;
  readonly processorSeconds: number;
}

interface Searched {
  readonly recipe: string;
  readonly optimizer: (typeof OPTIMIZERS)[number];
  readonly seed: number;
  readonly trials: number;
  readonly device: string;
  readonly processorSeconds: number;
  readonly ends: readonly TrialEnd[];
}

async function searched(
  work: Pick<Searched, 'recipe' | 'optimizer' | 'seed' | 'trials'>,
  settings: JsonObject,
  device: string,
  place: string,
): Promise<Searched> {
  const recipe = recipeOf(work.recipe);
  using store = openSqliteStore(place);
  const endsPath = `${place}.ends`;
  const ends: TrialEnd[] = existsSync(endsPath)
    ? (JSON.parse(readFileSync(endsPath, 'utf8')) as TrialEnd[])
    : [];
  const earlier = ends.at(-1)?.processorSeconds ?? 0;
  const before = process.cpuUsage();
  const spent = (): number => {
    const { user, system } = process.cpuUsage(before);
    return earlier + (user + system) / 1e6;
  };
  let name = device;
  const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;
  const spec = {
    name: 'comparison',
    recipe: recipe.name,
    space: json(SearchSpace.from(recipe.space)),
    settings: json(recipe.settings.parse(settings)),
    optimizer: { name: work.optimizer },
    seed: work.seed,
    trials: work.trials,
  };
  await runSearch(spec, store, {
    devices: device,
    onEvent: (event) => {
      if (event.kind !== 'outcome') return;
      const { number, state, outcome } = event.trial;
      name = outcome?.device ?? name;
      ends.push({
        number,
        state,
        objective: outcome?.objective ?? null,
        test: outcome?.accuracies.test ?? null,
        processorSeconds: spent(),
      });
      writeFileSync(endsPath, JSON.stringify(ends));
    },
  });
  return { ...work, device: name, processorSeconds: spent(), ends };
}

/** When the incumbent first had the accuracy; undefined where it never had. */
function reached({ ends }: Searched, accuracy: number): TrialEnd | undefined {
  return ends.find(({ state, objective }) => state === 'complete' && (objective ?? 0) >= accuracy);
}

function best({ ends }: Searched): TrialEnd | undefined {
  return ends
    .filter(({ state, objective }) => state === 'complete' && objective !== null)
    .toSorted((a, b) => (b.objective as number) - (a.objective as number))[0];
}

function tableOf(searches: readonly Searched[]): string {
  const columns = searches.toSorted((a, b) => a.seed - b.seed);
  const row = (title: string, cell: (search: Searched) => string) =>
    `| ${[title, ...columns.map(cell)].join(' | ')} |`;
  const [first] = columns;
  return [
    row(`${first?.recipe}, ${first?.trials} trials`, ({ optimizer, seed }) => `${optimizer}, seed ${seed}`),
    row('---', () => '---'),
    ...ACCURACIES.map((accuracy) =>
      row(`processor seconds until ${accuracy} (trials)`, (search) => {
        const end = reached(search, accuracy);
        if (end === undefined) return 'never';
        return `${end.processorSeconds.toFixed(0)} (${search.ends.indexOf(end) + 1})`;
      }),
    ),
    row('best on the hold-out, and its test', (search) => {
      const end = best(search);
      return end === undefined ? 'none' : `${end.objective?.toFixed(4)}, ${end.test?.toFixed(4)}`;
    }),
    row('complete, silent, failed', ({ ends }) =>
      ['complete', 'silent', 'failed']
        .map((wanted) => ends.filter(({ state }) => state === wanted).length)
        .join(', '),
    ),
    row('processor seconds in all', ({ processorSeconds }) => processorSeconds.toFixed(0)),
    '',
    `On ${[...new Set(columns.map(({ device }) => device))].join(', ')}.`,
  ].join('\n');
}

const { values } = parseArgs({
  options: {
    recipe: { type: 'string', default: 'spoken-digits' },
    path: { type: 'string' },
    trials: { type: 'string', default: '60' },
    seeds: { type: 'string', default: '0' },
    device: { type: 'string', default: 'native' },
    out: { type: 'string', default: 'search-cost.jsonl' },
  },
});
const trials = Number(values.trials);
const done: Searched[] = existsSync(values.out)
  ? readFileSync(values.out, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Searched)
      .filter((one) => one.recipe === values.recipe && one.trials === trials)
  : [];
for (const seed of values.seeds.split(',').map(Number)) {
  for (const optimizer of OPTIMIZERS) {
    if (done.some((one) => one.optimizer === optimizer && one.seed === seed)) continue;
    const work = { recipe: values.recipe, optimizer, seed, trials };
    const settings = values.path === undefined ? {} : { path: values.path };
    const place = `${values.out}.${values.recipe}-${optimizer}-${seed}-${trials}.db`;
    const search = await searched(work, settings, values.device, place);
    appendFileSync(values.out, `${JSON.stringify(search)}\n`);
    for (const end of ['', '-wal', '-shm', '.ends']) rmSync(`${place}${end}`, { force: true });
    done.push(search);
    console.error(`${optimizer}, seed ${seed}: ${search.processorSeconds.toFixed(0)} s of processor time`);
  }
}
console.log(tableOf(done));
