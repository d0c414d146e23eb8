/** `tacet prune compare`: methods of pruning side by side, over densities and seeds, as a study. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { DENSE } from '../pruning/comparison.ts';
import { methodSettings } from '../pruning/index.ts';
import { TASKS, TASKS_WITH_FILES } from '../pruning/tasks.ts';
import { comparisonFigure } from '../report/comparison-figure.ts';
import { coordinate } from '../study/cluster/coordinator.ts';
import { openStore } from '../study/open-store.ts';
import { isPostgresUrl } from '../study/postgres.ts';
import { openPostgresStore } from '../study/postgres-store.ts';
import { recordOfTrial } from '../study/pruning/outcome.ts';
import { comparisonSettings, MOST_SEEDS, pruneCompare } from '../study/pruning/recipe.ts';
import { findRunDevices } from '../study/run-devices.ts';
import { runSearch } from '../study/search.ts';
import { openSqliteStore } from '../study/sqlite-store.ts';
import type { StudySpec, StudySummary, TrialRecord } from '../study/store.ts';
import type { JsonObject } from '../study/trial.ts';
import { EXIT } from './errors.ts';
import { checkFigureName, writeFigure } from './figure-file.ts';
import { formatDuration } from './format.ts';
import { listenForInterrupt } from './interrupt.ts';
import { printJson } from './json-lines.ts';
import { devicesOption, jsonOption, storeOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { routeOption, share } from './prune-options.ts';
import { type Compared, comparisonPanels, comparisonTables } from './prune-tables.ts';

interface CompareOptions {
  readonly name: string;
  readonly db: string;
  readonly size: number;
  readonly methods: readonly string[];
  readonly densities: readonly number[];
  readonly neurons: number;
  readonly tasks: readonly string[];
  readonly seeds: number;
  readonly route: 'rate' | 'surrogate' | 'saltation';
  readonly exponents: number;
  readonly train: number;
  readonly labelled: number;
  readonly training: 'readout' | 'stdp';
  readonly devices: string;
  readonly slots?: number;
  readonly output?: string;
  readonly markdown?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  tacet prune compare
  tacet prune compare --name densities --methods lnp,random --densities 0.1,0.2,0.4 --seeds 5 -o pruning.svg
  tacet prune compare --name series --tasks lorenz,weather.csv:wind --json
  tacet prune compare --name digits --tasks spoken-digits:recordings.tar.gz,sequential-mnist --training stdp
  tacet prune compare --devices native,webgpu --db postgres://me@db.example.org/searches

A comparison is a study: a trial is a method at a density with a seed, kept in --db when it has ended. The same command
goes on where it stood, and shows what there is when all of it is there; more --seeds add to it. With the address of a
database workers run the trials: start tacet worker with the same --db. tacet show, report and export take its name.`;

export function compareCommand(): Command {
  return new Command('compare')
    .description('prune the same networks by several methods, and compare what all of them make of tasks')
    .option('--name <name>', 'name of the study', pruneCompare.name)
    .addOption(storeOption())
    .option('--size <neurons>', 'neurons of the dense networks', wholeNumber(10), 1000)
    .option(
      '--methods <list>',
      'methods, with commas between; the dense network, and the same with as few neurons read, are always there',
      names,
      names('lnp,noise,weight,resistance,random,half,activity'),
    )
    .option('--densities <list>', 'shares of the synapses that stay', shares, [0.2])
    .option('--neurons <share>', 'share of the neurons that stay', share, 0.5)
    .option('--tasks <list>', `tasks: ${TASKS.join(', ')}; ${TASKS_WITH_FILES}`, names, TASKS.slice(0, 3))
    .option('--seeds <count>', 'networks of each kind', wholeNumber(1), 5)
    .addOption(routeOption())
    .option('--exponents <count>', 'the largest exponents that are computed', wholeNumber(1), 64)
    .option('--train <samples>', 'samples of a series to which readouts are fitted', wholeNumber(200), 2000)
    .option('--labelled <samples>', 'labelled samples to which they are fitted', wholeNumber(10), 500)
    .addOption(
      new Option('--training <what>', 'what learns: readouts, or recurrent synapses by STDP before them')
        .choices(['readout', 'stdp'])
        .default('readout'),
    )
    .addOption(devicesOption())
    .option('--slots <count>', 'variants side by side on a device (default: what suits it)', wholeNumber(1))
    .option('-o, --output <file.svg|file.png>', 'draw errors over densities, and spectra')
    .option('--markdown', 'print tables in Markdown')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .allowExcessArguments(false)
    .action(run);
}

function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.some((name) => name === '')) throw new InvalidArgumentError('Give names with commas between.');
  return list;
}

function shares(text: string): number[] {
  return text.split(',').map(share);
}

async function run(options: CompareOptions): Promise<void> {
  const { output, json = false, markdown = false } = options;
  checkFigureName(output);
  const { spec, compared } = planned(options);
  // Before the study is stored: what is wrong with a file of one's own is for its owner to mend.
  pruneCompare.checkData(spec.settings);
  const finished = await runStudy(spec, options);
  await using store = await openStore(options.db, { create: false });
  const trials = await store.trials(spec.name);
  const records = trials.flatMap((trial) => {
    const record = recordOfTrial(trial, compared.tasks);
    return record && record.seed < options.seeds ? [record] : [];
  });
  if (json) for (const record of records) printJson({ kind: 'pruning', ...record });
  else process.stdout.write(`${comparisonTables(records, compared, markdown)}\n${failures(trials)}`);
  if (output !== undefined) {
    await writeFigure(output, comparisonFigure('Pruning', comparisonPanels(records, compared)));
  }
  if (trials.some(({ state }) => state === 'failed')) process.exitCode = EXIT.failure;
  if (!finished) {
    process.stderr.write(`What has ended is saved in ${options.db}; the same command goes on.\n`);
    process.exitCode = EXIT.interrupted;
  }
}

/** The study that the options mean. */
function planned(options: CompareOptions): { readonly spec: StudySpec; readonly compared: Compared } {
  const { name, densities, tasks, seeds, size, neurons, train, labelled, training, route, exponents } =
    options;
  for (const method of options.methods) if (!DENSE.includes(method)) methodSettings(method);
  const methods = [...new Set([...DENSE, ...options.methods])];
  const given = { size, neurons, tasks, train, labelled, training, route, exponents };
  const parameters = {
    method: { type: 'categorical', choices: methods },
    density: { type: 'categorical', choices: densities },
    seed: { type: 'integer', low: 0, high: MOST_SEEDS - 1, scale: 'uniform' },
  };
  return {
    compared: { methods, densities, tasks, training },
    spec: {
      name,
      recipe: pruneCompare.name,
      space: { parameters, fixed: {} },
      settings: JSON.parse(JSON.stringify(comparisonSettings.parse(given))) as JsonObject,
      optimizer: { name: 'grid' },
      seed: 0,
      trials: methods.length * densities.length * seeds,
    },
  };
}

/** @returns whether all trials have ended */
async function runStudy(spec: StudySpec, { db, devices, slots, json = false }: CompareOptions) {
  const started = performance.now();
  let [done, running] = [0, 0];
  const line = () => {
    const seconds = formatDuration((performance.now() - started) / 1000);
    return `${spec.name}: ${done} of ${spec.trials} trials, ${running} running; ${seconds}`;
  };
  const display = new ProgressDisplay({ live: line, line }, { quiet: json });
  using interruption = listenForInterrupt({
    first: () => display.note('Stopping when the trials under way have ended; Ctrl-C again stops at once.'),
    second: () => display[Symbol.dispose](),
  });
  const { stop } = interruption;
  const count = (kind: string, trials: number) => {
    if (kind === 'begun') running += trials;
    if (kind === 'outcome') [done, running] = [done + 1, running - 1];
  };
  try {
    if (isPostgresUrl(db)) {
      await using store = await openPostgresStore(db);
      display.note('Workers run the trials: start tacet worker with the same --db on each machine.');
      done = endedOf(await store.studies(), spec.name);
      const onEvent = (event: { kind: string; trials?: readonly unknown[] }) =>
        count(event.kind, event.trials?.length ?? 0);
      return await coordinate(spec, store, { stop, onEvent });
    }
    using store = openSqliteStore(db);
    store.openStudy(spec);
    done = endedOf(store.studies(), spec.name);
    if (done >= spec.trials) return true;
    const report = await runSearch(spec, store, {
      devices: await findRunDevices(devices),
      ...(slots === undefined ? {} : { slots }),
      stop,
      onEvent: (event) => count(event.kind, event.kind === 'begun' ? event.trials.length : 0),
    });
    return report.finished;
  } finally {
    display[Symbol.dispose]();
  }
}

/** Trials of a study that have ended; 0 where it is not there yet. */
function endedOf(studies: readonly StudySummary[], name: string): number {
  const counts = studies.find(({ spec }) => spec.name === name)?.counts;
  return counts === undefined ? 0 : counts.complete + counts.silent + counts.failed;
}

function failures(trials: readonly TrialRecord[]): string {
  const failed = trials.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return '';
  const [first] = failed;
  return `${failed.length} trials failed, the first of them (${first?.number}) because: ${first?.outcome?.reason}\n`;
}
