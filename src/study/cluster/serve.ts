/** A worker of a cluster: serves the studies of a database on this machine's devices, one study at a time. */
import type { Choice } from '../../device/index.ts';
import { isMissingTable, isOffline, type Postgres } from '../postgres.ts';
import { recipeOf } from '../recipes.ts';
import { run } from '../run.ts';
import type { RunEvent, RunOptions } from '../run-events.ts';
import { StudyError, type StudySpec } from '../store.ts';
import { extremesOf, studySpace } from '../study-space.ts';
import type { JsonObject } from '../trial.ts';
import { Bell } from './bell.ts';
import { checkFingerprint, fingerprintOf, readFingerprint } from './fingerprint.ts';
import { Presence } from './presence.ts';
import { type RemoteEvent, RemoteTrials } from './remote-trials.ts';
import { TrialQueue } from './trial-queue.ts';

export type ServiceEvent =
  /** A study is served from now on. */
  | { readonly kind: 'serving'; readonly study: string }
  /** It is not served any more; `trials` were run here. */
  | { readonly kind: 'left'; readonly study: string; readonly trials: number }
  /** There is no study with trials that this worker can run; said once each time. */
  | { readonly kind: 'idle' }
  /** A study that this machine is not fit for; said once. */
  | { readonly kind: 'unfit'; readonly study: string; readonly reason: string }
  | RemoteEvent
  | RunEvent;

export interface ServiceOptions extends Pick<RunOptions, 'slots' | 'chunk' | 'startSession' | 'patience'> {
  readonly devices: readonly Choice[];
  /** The only study to serve; any that has trials when absent. */
  readonly study?: string;
  /** Ends when there was nothing to do for so long, ms; never when absent. */
  readonly exitAfterIdleMs?: number;
  /** Ends at the next chunk boundary: what has ended is delivered, and what has not is given back. */
  readonly stop?: AbortSignal;
  readonly onEvent?: (event: ServiceEvent) => void;
}

/** How often a worker without a study looks for one, ms. */
const LOOK_MS = 1_000;
/** A worker that found no trial for so long looks whether its study is over, or another one has trials, ms. */
const DRY_MS = 3_000;

/**
 * Serves studies until it is stopped, or was idle for as long as the options allow.
 *
 * @throws {StudyError} `mismatch` when the one study to serve is run with something that this machine has not;
 *   `bad-store` when the database refuses something
 * @throws {DeviceError} when no device is left
 */
export async function serveStudies(database: Postgres, options: ServiceOptions): Promise<void> {
  const { stop, onEvent, study: only, exitAfterIdleMs } = options;
  const bell = new Bell();
  stop?.addEventListener('abort', () => bell.ring(), { once: true });
  const unfit = new Set<string>();
  let idleSince: number | undefined;
  let last: string | undefined;
  while (!stop?.aborted) {
    const study = await findStudy(database, { only, unfit, last });
    if (study !== undefined) {
      try {
        await serveStudy(database, study, options);
        last = study.spec.name;
        idleSince = undefined;
        continue;
      } catch (error) {
        // Other data or another version; or a recipe that this version does not know.
        const isUnfit = error instanceof StudyError && ['mismatch', 'bad-input'].includes(error.code);
        if (!isUnfit || only !== undefined) throw error;
        unfit.add(study.spec.name);
        onEvent?.({ kind: 'unfit', study: study.spec.name, reason: error.message });
      }
    }
    if (idleSince === undefined) onEvent?.({ kind: 'idle' });
    idleSince ??= performance.now();
    if (exitAfterIdleMs !== undefined && performance.now() - idleSince >= exitAfterIdleMs) return;
    await bell.wait(LOOK_MS);
  }
}

interface ServedStudy {
  readonly id: number;
  readonly spec: StudySpec;
}

async function serveStudy(
  database: Postgres,
  { id, spec }: ServedStudy,
  options: ServiceOptions,
): Promise<void> {
  const { devices, slots, chunk, startSession, patience, stop, onEvent } = options;
  const fingerprint = await readFingerprint(database, id);
  if (fingerprint === undefined) return;
  checkFingerprint(spec.name, fingerprint, fingerprintOf(spec));
  const recipe = recipeOf(spec.recipe);
  onEvent?.({ kind: 'serving', study: spec.name });
  await using queue = await TrialQueue.open(database, id, { owner: false });
  const failure = new AbortController();
  let trialsRun = 0;
  {
    await using presence = new Presence(database, id);
    await using trials = new RemoteTrials(
      database,
      id,
      queue,
      (event) => onEvent?.(event),
      (error) => failure.abort(error),
    );
    const dry = setInterval(() => void leaveWhenOver(database, id, options, trials), DRY_MS);
    const names = new Map<number, string>();
    try {
      await run(
        {
          recipe: recipe.name,
          settings: recipe.settings.parse(spec.settings),
          networks: extremesOf(studySpace(spec)),
        },
        trials,
        {
          devices,
          ...(slots === undefined ? {} : { slots }),
          ...(chunk === undefined ? {} : { chunk }),
          ...(startSession === undefined ? {} : { startSession }),
          ...(patience === undefined ? {} : { patience }),
          stop: AbortSignal.any([failure.signal, ...(stop === undefined ? [] : [stop])]),
          onEvent: (event) => {
            if (event.kind === 'ready') {
              names.set(event.worker, event.device.name);
              presence.device(event.worker, event.device.name, event.slots);
            }
            if (event.kind === 'down' && !event.replaced) presence.device(event.worker, '', 0);
            if (event.kind === 'outcome') trialsRun += 1;
            onEvent?.(event);
          },
        },
      );
    } finally {
      clearInterval(dry);
    }
  }
  onEvent?.({ kind: 'left', study: spec.name, trials: trialsRun });
  failure.signal.throwIfAborted();
}

/** Leaves a study that has all its trials, or has none for this worker while another study has. */
async function leaveWhenOver(
  database: Postgres,
  id: number,
  { study: only }: ServiceOptions,
  trials: RemoteTrials,
): Promise<void> {
  if (trials.idleMs < DRY_MS) return;
  try {
    const open = await openStudies(database, only);
    const mine = open.find((study) => study.id === id);
    const others = open.filter((study) => study.id !== id && study.waiting > 0);
    if (mine === undefined || (mine.waiting === 0 && others.length > 0)) trials.close();
  } catch {
    // It looks again.
  }
}

/** A study that is not over. */
interface OpenStudy {
  readonly id: number;
  readonly name: string;
  /** Trials without an outcome. */
  readonly waiting: number;
}

/** Studies with trials that have no outcome yet, or whose coordinator is there. */
async function openStudies(database: Postgres, only: string | undefined): Promise<readonly OpenStudy[]> {
  const { rows } = await database.query<OpenStudy>(
    `select * from (
       select study.id, study.name,
         (select count(*) from tacet.trial where trial.study = study.id and state = 'running'
            and not exists (select from tacet.delivery
              where delivery.study = trial.study and delivery.trial = trial.number)) as waiting,
         exists (select from tacet.lease
            where lease.study = study.id and expires_at > clock_timestamp()) as coordinated
       from tacet.study join tacet.fingerprint on fingerprint.study = study.id
       where $1::text is null or study.name = $1
     ) as open where waiting > 0 or coordinated order by id`,
    [only ?? null],
  );
  return rows;
}

async function findStudy(
  database: Postgres,
  {
    only,
    unfit,
    last,
  }: {
    readonly only: string | undefined;
    readonly unfit: ReadonlySet<string>;
    readonly last: string | undefined;
  },
): Promise<ServedStudy | undefined> {
  try {
    const open = (await openStudies(database, only)).filter(({ name }) => !unfit.has(name));
    // The one with most to do; the one that was just left only if there is no other.
    const [first] = open.toSorted(
      (a, b) => Number(a.name === last) - Number(b.name === last) || b.waiting - a.waiting,
    );
    if (first === undefined) return undefined;
    return { id: first.id, spec: await readSpec(database, first.id) };
  } catch (error) {
    // Whoever has just started wants to know that there is no database; one that has served waits.
    if ((isOffline(error) && last !== undefined) || isMissingTable(error)) return undefined;
    throw error;
  }
}

async function readSpec(database: Postgres, id: number): Promise<StudySpec> {
  type Row = Pick<StudySpec, 'name' | 'recipe' | 'seed' | 'trials'> &
    Record<'space' | 'settings' | 'optimizer', string>;
  const { rows } = await database.query<Row>(
    'select name, recipe, space, settings, optimizer, seed, trials from tacet.study where id = $1',
    [id],
  );
  const row = rows[0] as Row;
  const parse = (text: string) => JSON.parse(text) as JsonObject;
  return { ...row, space: parse(row.space), settings: parse(row.settings), optimizer: parse(row.optimizer) };
}
