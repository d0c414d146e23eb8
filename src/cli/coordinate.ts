/** `tacet search` with a database: coordinates a study whose trials run on workers elsewhere. */
import type { CoordinationEvent } from '../study/cluster/coordinator.ts';
import { coordinate } from '../study/cluster/coordinator.ts';
import { startLoad } from '../study/device-load.ts';
import { openPostgresStore, type PostgresStore } from '../study/postgres-store.ts';
import { recipeOf } from '../study/recipes.ts';
import type { RunEvent } from '../study/run-events.ts';
import { EXIT } from './errors.ts';
import { formatDuration, plural } from './format.ts';
import { listenForInterrupt } from './interrupt.ts';
import { printJson, statusJson, studyJson, trialJson } from './json-lines.ts';
import type { ListenAddress } from './listen.ts';
import { serveMetrics } from './metrics.ts';
import { ProgressDisplay } from './progress-display.ts';
import {
  liveView,
  progressAfter,
  progressLine,
  type SearchProgress,
  startProgress,
} from './search-progress.ts';
import type { StudyOptions, StudyPlan, WantedStudy } from './study-plan.ts';
import { bestTable, sharesLine } from './study-report.ts';

export interface CoordinateOptions extends StudyOptions {
  /** The address of the database. */
  readonly db: string;
  readonly metrics?: ListenAddress;
  readonly json?: boolean;
}

/** How often `--json` says where the search stands, ms. */
const STATUS_INTERVAL_MS = 5_000;

/** Coordinates a study; @returns the exit code */
export async function coordinateSearch(wanted: WantedStudy, options: CoordinateOptions): Promise<number> {
  await using store = await openPostgresStore(options.db);
  const { name } = wanted;
  const stored = (await store.studies()).find((study) => study.spec.name === name)?.spec;
  // Which devices there will be is not known; nobody starts a cluster for the shortest of searches.
  const quick = recipeOf(wanted.recipe).quick(false);
  const plan = wanted.plan({ quick, stored });
  const { resumed } = await store.openStudy(plan.spec);
  const progress = startProgress(await store.study(name), [], performance.now());
  return await new CoordinatedSearch(plan, store, resumed, options, progress).run();
}

class CoordinatedSearch {
  readonly #plan: StudyPlan;
  readonly #store: PostgresStore;
  readonly #resumed: boolean;
  readonly #options: CoordinateOptions;
  readonly #began = performance.now();
  #progress: SearchProgress;

  constructor(
    plan: StudyPlan,
    store: PostgresStore,
    resumed: boolean,
    options: CoordinateOptions,
    progress: SearchProgress,
  ) {
    this.#plan = plan;
    this.#store = store;
    this.#resumed = resumed;
    this.#options = options;
    this.#progress = progress;
  }

  async run(): Promise<number> {
    const { json = false, metrics } = this.#options;
    const { spec } = this.#plan;
    await using server = metrics && (await serveMetrics(metrics, () => this.#now()));
    if (json) printJson(studyJson(await this.#store.study(spec.name), this.#store.location));
    else {
      const verb = this.#resumed ? 'Resuming' : 'Study';
      process.stderr.write(
        `${verb} ${spec.name}: ${spec.trials} trials of ${spec.recipe}, optimizer ${String(spec.optimizer.name)}, in ${this.#store.location}\nWorkers run its trials: start tacet worker with the same --db on each machine.\n`,
      );
    }
    if (server) process.stderr.write(`Metrics: ${server.url}\n`);
    const finished = await this.#whileShown(json);
    await this.#conclude(json, finished);
    return finished ? EXIT.ok : EXIT.interrupted;
  }

  async #whileShown(json: boolean): Promise<boolean> {
    using display = new ProgressDisplay(
      { live: (columns) => liveView(this.#now(), columns), line: () => progressLine(this.#now()) },
      { quiet: json },
    );
    using interruption = listenForInterrupt({
      first: () =>
        display.note('Stopping: workers finish what they hold, and their results wait in the database.'),
      second: () => display[Symbol.dispose](),
    });
    const status = setInterval(() => {
      if (json) printJson(statusJson(this.#now()));
    }, STATUS_INTERVAL_MS);
    try {
      return await coordinate(this.#plan.spec, this.#store, {
        stop: interruption.stop,
        onEvent: (event) => this.#take(event, json, display),
      });
    } finally {
      clearInterval(status);
    }
  }

  #take(event: CoordinationEvent, json: boolean, display: ProgressDisplay): void {
    if (event.kind === 'begun') this.#advance({ ...event, worker: 0 });
    if (event.kind === 'outcome') {
      // How far running trials are, workers don't tell: their samples count when they have ended.
      const samples = (event.trial.outcome?.phases ?? []).reduce((sum, phase) => sum + phase.samples, 0);
      this.#advance({ kind: 'chunk', worker: 0, samples, seconds: 0, active: 0, running: [] });
      this.#advance({ ...event, worker: 0 });
      if (json) printJson(trialJson(event.trial));
      return;
    }
    if (event.kind === 'workers') {
      const devices = event.workers.map(({ host, process: number, devices: names, slots }) => {
        return { ...startLoad(`${names} on ${host} (${number})`), slots, state: 'serving' as const };
      });
      const readyAt = this.#progress.readyAt ?? (devices.length > 0 ? performance.now() : undefined);
      this.#progress = { ...this.#progress, devices, readyAt };
      const slots = event.workers.reduce((sum, worker) => sum + worker.slots, 0);
      if (!json) display.note(`${plural(event.workers.length, 'worker')} with ${plural(slots, 'slot')}`);
    }
    if (json && event.kind !== 'begun') printJson(event);
    if (json) return;
    if (event.kind === 'waiting') {
      display.note(`Waiting for some seconds: ${event.who} runs this study, or did until it was killed.`);
    }
    if (event.kind === 'offline') display.note(`Waiting for the database: ${event.reason}`);
    if (event.kind === 'online') display.note('The database is back.');
  }

  #advance(event: RunEvent): void {
    this.#progress = progressAfter(this.#progress, event, performance.now());
  }

  #now(): SearchProgress {
    return { ...this.#progress, now: performance.now() };
  }

  async #conclude(json: boolean, finished: boolean): Promise<void> {
    const { spec, recipe } = this.#plan;
    const study = await this.#store.study(spec.name);
    const seconds = (performance.now() - this.#began) / 1000;
    const { samples, ended } = this.#progress;
    if (json) {
      printJson({ ...studyJson(study, this.#store.location, 'end'), finished, samples, seconds });
      return;
    }
    const lines = [
      bestTable(await this.#store.trials(spec.name), recipe.constraints) ?? 'No trial has an objective yet.',
      sharesLine(study),
      `${plural(ended, 'trial')} ended in this run, ${formatDuration(seconds)}.`,
      `Saved in ${this.#store.location}. ${finished ? 'Look at it with tacet show.' : 'The same command goes on.'}`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
}
