/** `tacet search`: runs a study, or goes on with it. */
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Choice } from '../device/index.ts';
import { OPTIMIZERS } from '../search/index.ts';
import { openStore } from '../study/open-store.ts';
import { isPostgresUrl } from '../study/postgres.ts';
import { RECIPES, recipeOf } from '../study/recipes.ts';
import { findRunDevices } from '../study/run-devices.ts';
import type { RunEvent, RunReport } from '../study/run-events.ts';
import { runSearch } from '../study/search.ts';
import { openSqliteStore } from '../study/sqlite-store.ts';
import type { LocalStore, StudySpec, StudySummary } from '../study/store.ts';
import { coordinateSearch } from './coordinate.ts';
import { EXIT, UsageError } from './errors.ts';
import { formatCount, formatDuration, formatValue } from './format.ts';
import { listenForInterrupt } from './interrupt.ts';
import { deviceJson, downJson, printJson, statusJson, studyJson, trialJson } from './json-lines.ts';
import { type ListenAddress, parseAddress } from './listen.ts';
import { serveMetrics } from './metrics.ts';
import { batchOptions, devicesOption, jsonOption, setOption, storeOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import {
  downText,
  liveView,
  loadText,
  progressAfter,
  progressLine,
  readyText,
  type SearchProgress,
  sampleRate,
  startProgress,
} from './search-progress.ts';
import { type Assignment, meansFile, readStudyDocument } from './study-document.ts';
import {
  DEFAULT_LAG,
  resumedStudy,
  type StudyOptions,
  type StudyPlan,
  type WantedStudy,
  wantedStudy,
} from './study-plan.ts';
import { bestTable, incumbentLine, sharesLine, testLine } from './study-report.ts';

interface SearchOptions extends StudyOptions {
  readonly db: string;
  readonly devices: string;
  readonly set: readonly Assignment[];
  readonly slots?: number;
  readonly chunk?: number;
  readonly metrics?: ListenAddress;
  readonly json?: boolean;
}

/** How often `--json` says where the search stands, ms. */
const STATUS_INTERVAL_MS = 5_000;

const EXAMPLES = `
Examples:
  tacet search mnist-stdp
  tacet search mnist-stdp --name small --trials 40 --set space.map_size.high=400 --set space.decoder=vote
  tacet search mnist-stdp --db full.db --trials 868 --set settings.trainSamples=48000 --set settings.holdOutSamples=12000
  tacet search small --trials 80
  tacet search my-study.yaml --devices native
  tacet search randman --optimizer casbo
  tacet search spoken-digits --set settings.path=recordings.tar.gz
  tacet search dvs-slayer --set settings.path=DvsGesture
  tacet search mnist-stdp --devices all --metrics 9464
  tacet search mnist-stdp --db postgres://me@db.example.org/searches
  tacet search mnist-stdp --name same-everywhere --devices native,native --slots 8 --deterministic 16

With the address of a database it coordinates, and tacet worker runs the trials, on as many machines as you like.
A study that was interrupted goes on by its name (tacet search small) or by the same command again; --trials with a
higher number extends it.
Ctrl-C finishes the chunks in flight and saves; a second one stops at once.

Recipes:
${RECIPES.map(({ name, summary }) => `  ${name.padEnd(16)}${summary}`).join('\n')}`;

export function searchCommand(): Command {
  const command = new Command('search')
    .description('search hyperparameters of a recipe, or the study of a file; resumes a study that is there')
    .argument(
      '<recipe|file|study>',
      'a recipe, such as mnist-stdp, a study file in YAML or JSON, or the name of a study in the store to go on with',
    )
    .addOption(storeOption())
    .option('--name <name>', "name of the study (default: the file's or the recipe's name)")
    .option('--trials <count>', 'how many trials the study shall have', wholeNumber(1))
    .option('--seed <seed>', 'seed of everything random in the study (default: 0)', wholeNumber(0))
    .addOption(setOption('space.map_size.high=400'))
    .addOption(new Option('--optimizer <name>', 'what proposes trials').choices([...OPTIMIZERS]))
    .option(
      '--deterministic [lag]',
      `make the proposals the same on any devices and slots: each waits for the outcomes of all proposals before the last <lag>, so at most as many trials run at once (default lag: ${DEFAULT_LAG})`,
      wholeNumber(1),
    )
    .addOption(devicesOption())
    .addHelpText('after', EXAMPLES)
    .action(search);
  for (const option of batchOptions()) command.addOption(option);
  return command
    .option(
      '--metrics <port|address:port>',
      'serve metrics for Prometheus at /metrics, for this machine only unless an address is given',
      parseAddress('--metrics', 9464),
    )
    .addOption(jsonOption());
}

async function search(argument: string, options: SearchOptions, command: Command): Promise<void> {
  const wanted = await wantedBy(argument, options, command);
  if (isPostgresUrl(options.db)) {
    for (const name of ['devices', 'slots', 'chunk']) {
      if (command.getOptionValueSource(name) !== 'cli') continue;
      throw new UsageError(
        `--${name} says how trials run here, but with a database workers run them: give it to tacet worker`,
      );
    }
    process.exitCode = await coordinateSearch(wanted, options);
    return;
  }
  const devices = await findRunDevices(options.devices);
  const quick = recipeOf(wanted.recipe).quick(devices.every(({ software }) => software));
  using store = openSqliteStore(options.db);
  const stored = store.studies().find(({ spec }) => spec.name === wanted.name)?.spec;
  const plan = wanted.plan({ quick, stored });
  const settings = plan.recipe.settings.parse(plan.spec.settings);
  // Before the study is stored: what is wrong with a data set of one's own is for its owner to mend.
  plan.recipe.checkData(settings);
  const { resumed } = store.openStudy(plan.spec);
  const run = new SearchRun(plan, store, resumed, devices, options);
  process.exitCode = await run.run();
}

/** What the argument names: a recipe, a study file, or, when it is neither, a study of the store to go on with. */
async function wantedBy(argument: string, options: SearchOptions, command: Command): Promise<WantedStudy> {
  const stored = await storedStudy(argument, options.db);
  if (stored === undefined) return wantedStudy(readStudyDocument(argument, options.set), options);
  for (const option of ['name', 'seed', 'optimizer', 'deterministic', 'set']) {
    if (command.getOptionValueSource(option) !== 'cli') continue;
    throw new UsageError(
      `--${option} would make another study of ${argument}, which is in ${options.db} already: leave it out to go on with it, or begin another one: tacet search ${stored.recipe} --name <name> ...`,
    );
  }
  return resumedStudy(stored, options.trials);
}

async function storedStudy(name: string, db: string): Promise<StudySpec | undefined> {
  if (meansFile(name) || RECIPES.some((recipe) => recipe.name === name)) return undefined;
  // A store that is not there must not be made for a name that may be a slip of the pen.
  if (!isPostgresUrl(db) && !existsSync(db)) return undefined;
  await using store = await openStore(db, { create: false });
  return (await store.studies()).find(({ spec }) => spec.name === name)?.spec;
}

/** One run of a study on this terminal. */
class SearchRun {
  readonly #plan: StudyPlan;
  readonly #spec: StudySpec;
  readonly #store: LocalStore;
  readonly #resumed: boolean;
  readonly #devices: readonly Choice[];
  readonly #options: SearchOptions;
  #progress: SearchProgress;

  constructor(
    plan: StudyPlan,
    store: LocalStore,
    resumed: boolean,
    devices: readonly Choice[],
    options: SearchOptions,
  ) {
    this.#plan = plan;
    this.#spec = plan.spec;
    this.#store = store;
    this.#resumed = resumed;
    this.#devices = devices;
    this.#options = options;
    const specs = devices.map(({ spec }) => spec);
    this.#progress = startProgress(store.study(plan.spec.name), specs, performance.now());
  }

  /** @returns the exit code */
  async run(): Promise<number> {
    const { json = false, slots, chunk, metrics } = this.#options;
    const now = () => ({ ...this.#progress, now: performance.now() });
    await using server = metrics && (await serveMetrics(metrics, now));
    this.#announce(json);
    if (server) process.stderr.write(`Metrics: ${server.url}\n`);
    const report = await this.#whileShown(json, (stop, display) =>
      runSearch(this.#spec, this.#store, {
        devices: this.#devices,
        ...(slots === undefined ? {} : { slots }),
        ...(chunk === undefined ? {} : { chunk }),
        stop,
        onEvent: (event) => this.#take(event, json, display),
      }),
    );
    this.#conclude(json, report);
    return report.finished ? EXIT.ok : EXIT.interrupted;
  }

  async #whileShown(
    quiet: boolean,
    work: (stop: AbortSignal, display: ProgressDisplay) => Promise<RunReport>,
  ): Promise<RunReport> {
    const now = () => ({ ...this.#progress, now: performance.now() });
    using display = new ProgressDisplay(
      { live: (columns) => liveView(now(), columns), line: () => progressLine(now()) },
      { quiet },
    );
    using interruption = listenForInterrupt({
      first: () =>
        display.note('Stopping: the chunks in flight are finished and saved; Ctrl-C again stops at once.'),
      second: () => {
        display[Symbol.dispose]();
        process.stderr.write(`Stopped. ${this.#resumeHint()}\n`);
      },
    });
    const status = setInterval(() => {
      if (quiet) printJson(statusJson(now()));
    }, STATUS_INTERVAL_MS);
    try {
      return await work(interruption.stop, display);
    } finally {
      clearInterval(status);
    }
  }

  #take(event: RunEvent, json: boolean, display: ProgressDisplay): void {
    this.#progress = progressAfter(this.#progress, event, performance.now());
    if (event.kind === 'ready') {
      const { worker, device, slots, slotsAre, setupSeconds } = event;
      if (json) printJson({ kind: 'device', worker, device, slots, slotsAre, setupSeconds });
      else display.note(readyText(event));
    }
    if (event.kind === 'down') {
      if (json) printJson(downJson(event));
      else display.note(downText(event));
    }
    if (json && event.kind === 'outcome') printJson(trialJson(event.trial));
  }

  #announce(json: boolean): void {
    const study = this.#store.study(this.#spec.name);
    if (json) {
      printJson(studyJson(study, this.#store.location));
      return;
    }
    const { shortened, recipe } = this.#plan;
    const { name, trials, optimizer } = this.#spec;
    process.stderr.write(
      `${this.#resumed ? 'Resuming' : 'Study'} ${name}: ${trials} trials of ${recipe.name}, optimizer ${String(optimizer.name)}, in ${this.#store.location}\n`,
    );
    const short = Object.entries(shortened).map(([key, value]) => `${key} ${formatValue(Number(value))}`);
    if (short.length > 0) {
      process.stderr.write(
        `A short search, to end within minutes: ${short.join(', ')}. --set settings.<name>=... changes that.\n`,
      );
    }
  }

  #conclude(json: boolean, { finished, tailSeconds, devices, endedAt }: RunReport): void {
    const { name } = this.#spec;
    const study = this.#store.study(name);
    const rate = sampleRate(this.#progress);
    const { samples, readyAt } = this.#progress;
    const seconds = readyAt === undefined ? 0 : (this.#progress.now - readyAt) / 1000;
    if (json) {
      const speed = { samples, seconds, samplesPerSecond: rate ?? null, tailSeconds };
      const loads = devices.map((load) => deviceJson(load, endedAt));
      printJson({ ...studyJson(study, this.#store.location, 'end'), finished, ...speed, devices: loads });
      if (!finished) process.stderr.write(`${this.#resumeHint()}\n`);
      return;
    }
    const trials = this.#store.trials(name);
    const lines = [
      ...incumbentLine(trials),
      bestTable(trials, this.#plan.recipe.constraints) ?? noObjectiveText(study.counts, name),
      ...testLine(trials),
      sharesLine(study),
      ...(rate === undefined
        ? []
        : [
            `${formatCount(rate)} samples x networks per second in this run: ${formatCount(samples)} in ${formatDuration(seconds)}, of which ${formatDuration(tailSeconds)} with slots that found no trial left`,
            ...devices.map((load) => loadText(load, endedAt)),
          ]),
      `Saved in ${this.#store.location}. Look at it: tacet ${this.#waysToLook()}`,
      ...(finished ? [] : [this.#resumeHint()]),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }

  #waysToLook(): string {
    const { db } = this.#options;
    const best = this.#progress.best;
    const store = db === './tacet.db' ? '' : ` --db ${quoted(db)}`;
    const study = `${quoted(this.#spec.name)}${store}`;
    const one = best === undefined ? '' : `, tacet show ${study} --trial ${best.number}`;
    return `show ${study}${one}, or as a page: tacet report ${study}`;
  }

  #resumeHint(): string {
    return `What has ended is saved in ${this.#store.location}; go on with: tacet ${process.argv.slice(2).map(quoted).join(' ')}`;
  }
}

/** Why there is no best trial, and what to do about it. */
function noObjectiveText({ silent, failed }: StudySummary['counts'], name: string): string {
  if (silent + failed === 0) return 'No trial has an objective yet.';
  return silent >= failed
    ? `No trial has an objective yet: ${silent} fell silent, as most of a search's first ones do. More of them: tacet search ${quoted(name)} --trials <number>; see docs/silence.md`
    : `No trial has an objective: ${failed} failed. Why: tacet show ${quoted(name)} --trial <number>`;
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
