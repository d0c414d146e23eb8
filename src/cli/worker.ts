/** `tacet worker`: serves the trials of studies in a database on this machine's devices. */
import { Command } from 'commander';
import { type ServiceEvent, serveStudies } from '../study/cluster/serve.ts';
import { type DeviceLoad, loadAfter, startLoad } from '../study/device-load.ts';
import { isPostgresUrl, openPostgres } from '../study/postgres.ts';
import { findRunDevices } from '../study/run-devices.ts';
import { EXIT, UsageError } from './errors.ts';
import { formatDuration, plural } from './format.ts';
import { listenForInterrupt } from './interrupt.ts';
import { deviceJson, downJson, printJson } from './json-lines.ts';
import { batchOptions, devicesOption, jsonOption, storeOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { downText, loadText, readyText } from './search-progress.ts';

const EXAMPLES = `
Examples:
  tacet worker --db postgres://worker@db.example.org/searches
  tacet worker --db postgres://worker@db.example.org/searches --devices all --study full
  tacet worker --db postgres://worker@db.example.org/searches --exit-when-idle 300 --json

Start one on each machine; tacet search with the same --db coordinates. The address may stand in TACET_DB instead, and the
password in PGPASSWORD or a password file. Ctrl-C delivers what has ended and gives the rest back; a second one stops at
once, and the rest is handed to others after some seconds.`;

interface WorkerOptions {
  readonly db: string;
  readonly devices: string;
  readonly study?: string;
  readonly slots?: number;
  readonly chunk?: number;
  readonly exitWhenIdle?: number;
  readonly json?: boolean;
}

/** How often `--json` says what the devices do, ms. */
const STATUS_INTERVAL_MS = 5_000;

export function workerCommand(): Command {
  const command = new Command('worker')
    .description("serve the trials of a database's studies on this machine's devices")
    .addOption(storeOption())
    .option('--study <name>', 'serve this study only (default: any that has trials)')
    .addOption(devicesOption())
    .addHelpText('after', EXAMPLES)
    .action(work);
  for (const option of batchOptions()) command.addOption(option);
  return command
    .option('--exit-when-idle <seconds>', 'end when there was nothing to do for so long', wholeNumber(0))
    .addOption(jsonOption());
}

async function work(options: WorkerOptions): Promise<void> {
  const { db, study, slots, chunk, exitWhenIdle, json = false } = options;
  if (!isPostgresUrl(db)) {
    throw new UsageError(
      '--db is no address of a PostgreSQL database, which workers on several machines need: give --db postgres://user@host/database; for one machine tacet search alone does it all',
    );
  }
  const devices = await findRunDevices(options.devices);
  await using database = await openPostgres(db);
  const view = new WorkerView(devices.map(({ spec }) => spec));
  using display = new ProgressDisplay({ live: () => view.text(), line: () => view.text() }, { quiet: json });
  using interruption = listenForInterrupt({
    first: () =>
      display.note(
        'Stopping: what has ended is delivered, the rest is given back; Ctrl-C again stops at once.',
      ),
    second: () => display[Symbol.dispose](),
  });
  const status = setInterval(() => {
    if (json)
      printJson({ kind: 'status', devices: view.loads.map((load) => deviceJson(load, performance.now())) });
  }, STATUS_INTERVAL_MS);
  if (!json) display.note(`Serving ${study ?? 'any study'} of ${database.location}`);
  try {
    await serveStudies(database, {
      devices,
      ...(study === undefined ? {} : { study }),
      ...(slots === undefined ? {} : { slots }),
      ...(chunk === undefined ? {} : { chunk }),
      ...(exitWhenIdle === undefined ? {} : { exitAfterIdleMs: 1000 * exitWhenIdle }),
      stop: interruption.stop,
      onEvent: (event) => {
        view.take(event);
        if (json) printEvent(event);
        else {
          const text = textOf(event);
          if (text !== undefined) display.note(text);
        }
      },
    });
  } finally {
    clearInterval(status);
  }
  if (interruption.stop.aborted) process.exitCode = EXIT.interrupted;
}

/** What the devices of this worker do. */
class WorkerView {
  loads: readonly DeviceLoad[];
  readonly #specs: readonly string[];
  #study: string | undefined;
  #trials = 0;
  #since = performance.now();

  constructor(specs: readonly string[]) {
    this.#specs = specs;
    this.loads = specs.map(startLoad);
  }

  take(event: ServiceEvent): void {
    if (event.kind === 'serving') {
      this.#study = event.study;
      this.#trials = 0;
      this.#since = performance.now();
      this.loads = this.#specs.map(startLoad);
    } else if (event.kind === 'left') this.#study = undefined;
    else if (event.kind === 'outcome') this.#trials += 1;
    if ('worker' in event) {
      this.loads = this.loads.map((load, worker) => {
        return worker === event.worker ? loadAfter(load, event, performance.now()) : load;
      });
    }
  }

  text(): string {
    if (this.#study === undefined) return 'No study has trials; waiting.';
    const now = performance.now();
    const duration = formatDuration((now - this.#since) / 1000);
    const devices = this.loads.map((load) => loadText(load, now)).join('; ');
    return `${this.#study}: ${plural(this.#trials, 'trial')} in ${duration}; ${devices}`;
  }
}

function textOf(event: ServiceEvent): string | undefined {
  switch (event.kind) {
    case 'serving':
      return `Study ${event.study}`;
    case 'left':
      return `Left study ${event.study} after ${plural(event.trials, 'trial')}.`;
    case 'idle':
      return 'No study has trials; waiting.';
    case 'unfit':
      return `Not fit: ${event.reason}`;
    case 'offline':
      return `Waiting for the database, and keeping what ends meanwhile: ${event.reason}`;
    case 'online':
      return 'The database is back.';
    case 'refused':
      return `${plural(event.trials.length, 'outcome')} not taken: this worker was not heard of for too long, and others have run these trials.`;
    case 'ready':
      return readyText(event);
    case 'down':
      return downText(event);
    default:
      return undefined;
  }
}

function printEvent(event: ServiceEvent): void {
  if (event.kind === 'down') printJson(downJson(event));
  else if (event.kind === 'outcome') {
    const { number, state, outcome } = event.trial;
    printJson({ kind: 'trial', worker: event.worker, number, state, objective: outcome?.objective ?? null });
  } else if (event.kind === 'ready') {
    const { worker, device, slots, slotsAre, setupSeconds } = event;
    printJson({ kind: 'device', worker, device, slots, slotsAre, setupSeconds });
  } else if (event.kind !== 'chunk' && event.kind !== 'begun') printJson(event);
}
