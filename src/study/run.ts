/** The loop of a run: trials from their source to the workers, outcomes from the workers to the source. */
import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { debugLevel } from '../device/debug.ts';
import { type Choice, DeviceError, type DeviceErrorCode } from '../device/index.ts';
import { type DeviceLoad, loadAfter, startLoad } from './device-load.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventQueue } from './event-queue.ts';
import type { EndedTrial, WorkerFailure, WorkerSetup } from './messages.ts';
import { phaseLine } from './phase-line.ts';
import { PATIENCE, type Place, type PoolEvent, WorkerPool } from './pool.ts';
import { recipeOf } from './recipes.ts';
import { findRunDevices } from './run-devices.ts';
import type { RunEvent, RunOptions, RunReport } from './run-events.ts';
import { startSession } from './session.ts';
import { failedOutcome } from './slots.ts';
import { StudyError, type TrialRecord } from './store.ts';

/** Where the trials of a run come from and where their outcomes go. */
export interface TrialSupply {
  /** Trials that were under way when an earlier run ended: they go first. */
  readonly interrupted: readonly TrialRecord[];
  /** Trials that have not ended, those included that nobody has proposed yet. */
  readonly left: number;
  /** Trials that nobody has proposed yet. */
  readonly unproposed: number;
  /** At most `count` new trials; fewer, or none, when there are none now. */
  propose(count: number): Promise<readonly TrialRecord[]>;
  /** Takes trials that ended; they are safe when it returns, and come back as they are recorded. */
  settle(ended: readonly EndedTrial[]): Promise<readonly TrialRecord[]>;
  /** What goes with an outcome's event. */
  about(): Pick<Extract<RunEvent, { kind: 'outcome' }>, 'optimizer'>;
  /** Has `wake` called whenever there may be trials, or an end, where there were none before; once for each run. */
  listen?(wake: () => void): void;
}

/** What the workers of a run are to be able to do. */
export type RunSetup = Pick<WorkerSetup, 'recipe' | 'settings' | 'networks'>;

/**
 * Runs all trials of a supply on the devices of the options, or until it is stopped.
 *
 * @throws {DeviceError} when no device is left; everything that was settled before stays settled
 */
export async function run(setup: RunSetup, supply: TrialSupply, options: RunOptions): Promise<RunReport> {
  const { devices } = options;
  const choices = typeof devices === 'string' ? await findRunDevices(devices) : devices;
  await using loop = new RunLoop(setup, supply, choices, options);
  return await loop.run();
}

class RunLoop implements AsyncDisposable {
  readonly #supply: TrialSupply;
  readonly #options: RunOptions;
  readonly #places: readonly Place[];
  readonly #pool: WorkerPool;
  readonly #events = new EventQueue<PoolEvent>();
  readonly #dispatcher = new Dispatcher<TrialRecord>();
  readonly #loads: DeviceLoad[];
  readonly #stop = () => this.#pool.abandon();
  #idleSince: number | undefined;

  constructor(
    { recipe, settings, networks }: RunSetup,
    supply: TrialSupply,
    devices: readonly Choice[],
    options: RunOptions,
  ) {
    this.#supply = supply;
    this.#options = options;
    this.#places = placesOf(devices);
    this.#loads = devices.map(({ spec }) => startLoad(spec));
    this.#dispatcher.add(supply.interrupted);
    const { slots, chunk, patience, stop } = options;
    const workers: Omit<WorkerSetup, 'device' | 'threads'> = {
      recipe,
      settings,
      networks,
      ...(slots === undefined ? {} : { slots }),
      ...(chunk === undefined ? {} : { chunk }),
    };
    const plan = {
      places: this.#places,
      setup: workers,
      data: recipeOf(recipe).load(settings),
      start: options.startSession ?? startSession,
      patience: { ...PATIENCE, ...patience },
    };
    this.#pool = new WorkerPool(plan, this.#events);
    supply.listen?.(() => this.#events.put({ kind: 'news' }));
    stop?.addEventListener('abort', this.#stop);
    if (stop?.aborted) this.#stop();
  }

  async run(): Promise<RunReport> {
    for (;;) {
      const events = await this.#events.take();
      await this.#settle(events);
      for (const event of events) {
        if (event.kind === 'unfit') throw event.error;
        if (event.kind === 'end') return this.#report();
        if (event.kind === 'down') await this.#handleDown(event);
        else if (event.kind === 'message') this.#handle(event);
      }
      if (this.#supply.left === 0) this.#pool.close();
      else if (!this.#options.stop?.aborted) await this.#supplyWorkers();
      // Events come by the thousand in one turn of the event loop; signals and timers need turns too.
      await nextTurn();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.stop?.removeEventListener('abort', this.#stop);
    await this.#pool[Symbol.asyncDispose]();
  }

  /** Records all outcomes that have come in one go: the wait for the disk is the same for one and for many. */
  async #settle(events: readonly PoolEvent[]): Promise<void> {
    const ended = events.flatMap((event) => {
      if (event.kind !== 'message' || event.message.kind !== 'outcomes') return [];
      return event.message.ended.map((trial) => ({ worker: event.worker, trial }));
    });
    if (ended.length === 0) return;
    for (const { worker, trial } of ended) {
      if (this.#dispatcher.ended(worker, trial.number) === undefined) {
        throw new StudyError('not-running', `trial ${trial.number} was reported, but is not running`);
      }
    }
    await this.#record(ended);
  }

  async #record(ended: readonly { readonly worker: number; readonly trial: EndedTrial }[]): Promise<void> {
    const records = await this.#supply.settle(ended.map(({ trial }) => trial));
    for (const [index, trial] of records.entries()) {
      const worker = ended[index]?.worker ?? 0;
      this.#tell({ kind: 'outcome', worker, trial, ...this.#supply.about() });
    }
  }

  #handle({ worker, message }: Extract<PoolEvent, { kind: 'message' }>): void {
    switch (message.kind) {
      case 'opened':
        this.#loads[worker] = { ...(this.#loads[worker] as DeviceLoad), device: message.device };
        return;
      case 'ready': {
        const device = this.#loads[worker]?.device;
        if (device) this.#tell({ ...message, worker, device });
        return;
      }
      case 'want':
        this.#dispatcher.want(worker, message.count);
        return;
      case 'chunk':
        this.#dispatcher.chunk(worker, message.running);
        this.#tell({ ...message, worker });
        return;
    }
  }

  async #handleDown({ worker, failure, replaced }: Extract<PoolEvent, { kind: 'down' }>): Promise<void> {
    const device = this.#loads[worker]?.device?.name ?? this.#places[worker]?.device.spec ?? '';
    const { again, culprits } = this.#dispatcher.down(worker);
    const numbers = again.map(({ number }) => number);
    this.#tell({ kind: 'down', worker, device, reason: failure.message, replaced, again: numbers });
    const reason = new Error(
      `it brought down its worker again and again while nothing else ran there: ${failure.message}`,
    );
    const failed = culprits.map(({ number }) => ({ number, outcome: failedOutcome(reason, device) }));
    if (failed.length > 0) await this.#record(failed.map((trial) => ({ worker, trial })));
    if (replaced) {
      this.#pool.replace(worker);
      return;
    }
    const heir = this.#pool.anyAlive();
    this.#dispatcher.giveUp(worker, heir);
    if (heir === undefined && this.#supply.left > 0) throw noDeviceLeft(device, failure, this.#loads);
  }

  async #supplyWorkers(): Promise<void> {
    const demand = Math.min(this.#dispatcher.demand(), this.#supply.unproposed);
    if (demand > 0) this.#dispatcher.add(await this.#supply.propose(demand));
    for (const [worker, trials] of this.#dispatcher.handOut()) {
      this.#pool.send(worker, trials);
      this.#tell({ kind: 'begun', worker, trials });
    }
    if (this.#supply.unproposed === 0 && this.#dispatcher.hasIdleSlots) this.#idleSince ??= performance.now();
  }

  #tell(event: RunEvent): void {
    const load = this.#loads[event.worker];
    if (load) this.#loads[event.worker] = loadAfter(load, event, performance.now());
    if (debugLevel() >= 1) process.stderr.write(`${phaseLine(event)}\n`);
    this.#options.onEvent?.(event);
  }

  #report(): RunReport {
    const endedAt = performance.now();
    const tailSeconds = this.#idleSince === undefined ? 0 : (endedAt - this.#idleSince) / 1000;
    return { finished: this.#supply.left === 0, tailSeconds, devices: this.#loads, endedAt };
  }
}

/** Native engines share the processors among them. */
function placesOf(devices: readonly Choice[]): Place[] {
  if (devices.length === 0) throw new DeviceError('no-device', 'no device is given to run on');
  const engines = devices.filter(({ kind }) => kind === 'native').length;
  const threads = Math.max(1, Math.floor(availableParallelism() / engines));
  return devices.map((device) =>
    device.kind === 'native' && engines > 1 ? { device, threads } : { device },
  );
}

function noDeviceLeft(
  device: string,
  failure: WorkerFailure,
  loads: readonly DeviceLoad[],
): DeviceError | Error {
  const neverRan = loads.every(({ readyAt }) => readyAt === undefined);
  // What a device refuses at the start is the user's to mend: the error goes on as it came.
  if (neverRan && failure.name === 'DeviceError') {
    return new DeviceError(failure.code as DeviceErrorCode, failure.message);
  }
  return new DeviceError(
    'lost',
    `no device is left to run on; the last was ${device}: ${failure.message}. What has ended is saved; the same command goes on`,
  );
}
