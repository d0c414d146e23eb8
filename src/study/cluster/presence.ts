/** The workers that there are: each says so every few seconds; one that has not for a while is gone. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Postgres } from '../postgres.ts';
import { outcomesChannel } from './trial-queue.ts';

/** How often a worker says that it is there, and how long it counts as there after that, ms. */
const SAY_MS = 5_000;
const GONE_MS = 20_000;

/** What the coordinator is told when slots come or go. */
export const WORKERS_CHANGED = 'workers';

export interface WorkerPresence {
  readonly id: string;
  readonly host: string;
  readonly process: number;
  /** Names of its devices, with commas between. */
  readonly devices: string;
  readonly slots: number;
}

/** The workers that serve a study now, the longest known first. */
export async function presentWorkers(database: Postgres, study: number): Promise<readonly WorkerPresence[]> {
  const { rows } = await database.query<WorkerPresence>(
    `select id, host, process, devices, slots from tacet.worker
     where study = $1 and seen_at > clock_timestamp() - $2 * interval '1 ms' order by host, process`,
    [study, GONE_MS],
  );
  return rows;
}

/** This process as a worker of a study; it is taken off the list when it is disposed of. */
export class Presence implements AsyncDisposable {
  readonly #database: Postgres;
  readonly #study: number;
  readonly #id = randomUUID();
  readonly #timer: NodeJS.Timeout;
  readonly #devices = new Map<number, { readonly name: string; readonly slots: number }>();
  #saying: Promise<void> = Promise.resolve();

  constructor(database: Postgres, study: number) {
    this.#database = database;
    this.#study = study;
    this.#timer = setInterval(() => this.#say(), SAY_MS);
  }

  /** A device is ready with so many slots; with none it is given up. */
  device(worker: number, name: string, slots: number): void {
    if (slots === 0) this.#devices.delete(worker);
    else this.#devices.set(worker, { name, slots });
    this.#say(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#saying;
    await this.#database.query('delete from tacet.worker where id = $1', [this.#id]).catch(() => {});
  }

  #say(isNew = false): void {
    const devices = [...this.#devices.values()];
    const slots = devices.reduce((sum, device) => sum + device.slots, 0);
    const names = devices.map(({ name }) => name).join(', ');
    this.#saying = this.#saying
      .then(() =>
        this.#database.query(
          `insert into tacet.worker (id, study, host, process, devices, slots, seen_at)
           values ($1, $2, $3, $4, $5, $6, clock_timestamp())
           on conflict (id) do update set devices = $5, slots = $6, seen_at = clock_timestamp()`,
          [this.#id, this.#study, hostname(), process.pid, names, slots],
        ),
      )
      .then(async () => {
        if (!isNew) return;
        const told = [outcomesChannel(this.#study), WORKERS_CHANGED];
        await this.#database.query('select pg_notify($1, $2)', told);
      })
      // It says it again in a few seconds.
      .then(
        () => {},
        () => {},
      );
  }
}
