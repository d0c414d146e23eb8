/**
 * SCBO against Sobol points on the real problem: `mnist-stdp`, through the path that `tacet search` takes.
 *
 *     node bench/search-mnist.ts [--trials 200] [--seeds 3] [--train 12000] [--hold-out 4000] [--device native]
 *                                [--results FOLDER]
 *
 * Studies are kept in the results folder (`bench/results/search-mnist` unless given): those that are finished as JSON, the
 * one under way as its store, so a bench that was stopped or killed goes on where it stood. Whatever studies of these
 * settings are finished are then put together in the table of `docs/optimizer.md`. By default one study takes four minutes
 * on two cores that are otherwise idle.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SearchSpace } from '../src/search/index.ts';
import { recipeOf } from '../src/study/recipes.ts';
import { runSearch } from '../src/study/search.ts';
import { openSqliteStore } from '../src/study/sqlite-store.ts';
import type { StudySpec, TrialRecord } from '../src/study/store.ts';
import type { JsonObject } from '../src/study/trial.ts';

const OPTIMIZERS = ['scbo', 'sobol'] as const;
type OptimizerName = (typeof OPTIMIZERS)[number];

/** Accuracies on the hold-out whose first feasible trial is counted. */
const ACCURACIES = [0.7, 0.75, 0.8, 0.85] as const;

interface Scale {
  readonly trials: number;
  readonly trainSamples: number;
  readonly holdOutSamples: number;
}

/** What a study took; after an interruption it goes on from where its last trial ended. */
interface Spent {
  readonly wallSeconds: number;
  /** Of all threads of the process, which does nothing else meanwhile: hardly depends on what else the machine does. */
  readonly processorSeconds: number;
}

/** A study that has all its trials, in the order in which they ended. */
interface FinishedStudy extends Scale, Spent {
  readonly optimizer: OptimizerName;
  readonly seed: number;
  readonly device: string;
  readonly outcomes: readonly TrialEnd[];
}

interface TrialEnd {
  readonly number: number;
  readonly values: TrialRecord['values'];
  readonly state: TrialRecord['state'];
  readonly objective: number | null;
  readonly constraints: readonly number[];
  /** Samples that its network was shown. */
  readonly samples: number;
}

/* ---------- one study ---------- */

/** Runs a study, or goes on with it: its store is at `path`, what it has taken so far beside it. */
async function runStudy(
  optimizer: OptimizerName,
  seed: number,
  scale: Scale,
  device: string,
  path: string,
): Promise<FinishedStudy> {
  const spec = specOf(optimizer, seed, scale);
  using store = openSqliteStore(path);
  const spentPath = `${path}.spent`;
  const before: Spent = existsSync(spentPath)
    ? (JSON.parse(readFileSync(spentPath, 'utf8')) as Spent)
    : { wallSeconds: 0, processorSeconds: 0 };
  const processor = process.cpuUsage();
  const began = performance.now();
  const spent = (): Spent => {
    const { user, system } = process.cpuUsage(processor);
    return {
      wallSeconds: before.wallSeconds + (performance.now() - began) / 1000,
      processorSeconds: before.processorSeconds + (user + system) / 1e6,
    };
  };
  await runSearch(spec, store, {
    devices: device,
    onEvent: ({ kind }) => {
      if (kind === 'outcome') writeFileSync(spentPath, JSON.stringify(spent()));
    },
  });
  const trials = store
    .trials(spec.name)
    .toSorted((a, b) => (a.finishOrder as number) - (b.finishOrder as number));
  return {
    optimizer,
    seed,
    ...scale,
    device: trials[0]?.outcome?.device ?? device,
    ...spent(),
    outcomes: trials.map(endOf),
  };
}

function specOf(optimizer: OptimizerName, seed: number, scale: Scale): StudySpec {
  const recipe = recipeOf('mnist-stdp');
  const { trials, trainSamples, holdOutSamples } = scale;
  const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;
  return {
    name: 'comparison',
    recipe: recipe.name,
    space: json(SearchSpace.from(recipe.space)),
    settings: json(recipe.settings.parse({ trainSamples, holdOutSamples })),
    optimizer: { name: optimizer },
    seed,
    trials,
  };
}

function endOf({ number, values, state, outcome }: TrialRecord): TrialEnd {
  return {
    number,
    values,
    state,
    objective: outcome?.objective ?? null,
    constraints: outcome?.constraints ?? [],
    samples: outcome?.phases.reduce((sum, { samples }) => sum + samples, 0) ?? 0,
  };
}

/* ---------- measures ---------- */

const isFeasible = ({ state, objective, constraints }: TrialEnd): boolean =>
  state === 'complete' && objective !== null && constraints.every((constraint) => constraint <= 0);

const shareOf = (outcomes: readonly TrialEnd[], chosen: (end: TrialEnd) => boolean): number =>
  outcomes.filter(chosen).length / outcomes.length;

/** The highest accuracy of a feasible trial; NaN where none is feasible. */
function bestOf(outcomes: readonly TrialEnd[]): number {
  const feasible = outcomes.filter(isFeasible).map(({ objective }) => objective as number);
  return feasible.length === 0 ? Number.NaN : Math.max(...feasible);
}

/** How many trials had ended when the incumbent first had this accuracy; Infinity where it never had. */
function trialsUntil(outcomes: readonly TrialEnd[], accuracy: number): number {
  const index = outcomes.findIndex((end) => isFeasible(end) && (end.objective as number) >= accuracy);
  return index < 0 ? Number.POSITIVE_INFINITY : index + 1;
}

interface Measure {
  readonly title: string;
  of(study: FinishedStudy): number;
  show(value: number): string;
}

const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
const accuracy = (value: number) => (Number.isNaN(value) ? 'none' : value.toFixed(4));
const count = (value: number) => (Number.isFinite(value) ? String(value) : 'never');
const minutes = (value: number) => `${(value / 60).toFixed(1)} min`;

const MEASURES: readonly Measure[] = [
  {
    title: 'silent trials',
    of: ({ outcomes }) => shareOf(outcomes, ({ state }) => state === 'silent'),
    show: percent,
  },
  {
    title: 'silent trials, second half of the study',
    of: ({ outcomes }) => shareOf(outcomes.slice(outcomes.length >> 1), ({ state }) => state === 'silent'),
    show: percent,
  },
  { title: 'feasible trials', of: ({ outcomes }) => shareOf(outcomes, isFeasible), show: percent },
  { title: 'best feasible accuracy', of: ({ outcomes }) => bestOf(outcomes), show: accuracy },
  {
    title: 'the same after half of the trials',
    of: ({ outcomes }) => bestOf(outcomes.slice(0, outcomes.length >> 1)),
    show: accuracy,
  },
  ...ACCURACIES.map((level) => ({
    title: `trials until a feasible accuracy of ${level}`,
    of: ({ outcomes }: FinishedStudy) => trialsUntil(outcomes, level),
    show: count,
  })),
  {
    title: 'samples shown, millions',
    of: ({ outcomes }) => outcomes.reduce((sum, { samples }) => sum + samples, 0) / 1e6,
    show: (value) => value.toFixed(2),
  },
  { title: 'processor time', of: ({ processorSeconds }) => processorSeconds, show: minutes },
  { title: 'wall time', of: ({ wallSeconds }) => wallSeconds, show: minutes },
];

/** A measure over seeds: all values, in the order of the seeds. */
function cellOf(studies: readonly FinishedStudy[], { of, show }: Measure): string {
  return studies.map((study) => show(of(study))).join(' · ');
}

function tableOf(studies: readonly FinishedStudy[], scale: Scale): string {
  const { trials, trainSamples, holdOutSamples } = scale;
  const columns = OPTIMIZERS.map((name) => studies.filter(({ optimizer }) => optimizer === name));
  const seeds = columns.map((column) => column.map(({ seed }) => seed).join(', '));
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const devices = [...new Set(studies.map(({ device }) => device))].join(', ');
  return [
    row([`${trials} trials, ${trainSamples} + ${holdOutSamples} images`, 'SCBO', 'Sobol']),
    row(['---', '---', '---']),
    row(['seeds', ...seeds]),
    ...MEASURES.map((measure) => row([measure.title, ...columns.map((column) => cellOf(column, measure))])),
    '',
    `On ${devices}.`,
  ].join('\n');
}

/* ---------- the bench ---------- */

function readStudies(folder: string, { trials, trainSamples, holdOutSamples }: Scale): FinishedStudy[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as FinishedStudy)
    .filter(
      (study) =>
        study.trials === trials &&
        study.trainSamples === trainSamples &&
        study.holdOutSamples === holdOutSamples,
    )
    .toSorted((a, b) => a.seed - b.seed);
}

function render(table: string): void {
  const document = fileURLToPath(new URL('../docs/optimizer.md', import.meta.url));
  const text = readFileSync(document, 'utf8');
  const pattern = /(<!-- table: mnist -->\n)[\s\S]*?(<!-- end -->)/;
  writeFileSync(
    document,
    text.replace(pattern, (_, open: string, close: string) => `${open}${table}\n${close}`),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      trials: { type: 'string', default: '200' },
      seeds: { type: 'string', default: '3' },
      train: { type: 'string', default: '12000' },
      'hold-out': { type: 'string', default: '4000' },
      device: { type: 'string', default: 'native' },
      results: {
        type: 'string',
        default: fileURLToPath(new URL('./results/search-mnist', import.meta.url)),
      },
    },
  });
  const scale: Scale = {
    trials: Number(values.trials),
    trainSamples: Number(values.train),
    holdOutSamples: Number(values['hold-out']),
  };
  const folder = values.results;
  mkdirSync(folder, { recursive: true });
  // The optimizers take turns, so that what is there is a fair comparison at any time.
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    for (const optimizer of OPTIMIZERS) {
      const key = `${optimizer}-${scale.trials}-${scale.trainSamples}-${scale.holdOutSamples}-${seed}`;
      const file = join(folder, `${key}.json`);
      if (existsSync(file)) continue;
      const path = join(folder, `${key}.db`);
      const study = await runStudy(optimizer, seed, scale, values.device, path);
      writeFileSync(file, JSON.stringify(study));
      rmSync(path);
      rmSync(`${path}.spent`);
      const best = accuracy(bestOf(study.outcomes));
      console.log(`${key}: best feasible ${best} in ${minutes(study.wallSeconds)}`);
    }
  }
  const table = tableOf(readStudies(folder, scale), scale);
  console.log(`\n${table}`);
  render(table);
}

await main();
