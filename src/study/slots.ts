/**
 * Continuous trial batching on one device: every launch advances every slot by a chunk of samples, and a slot whose
 * trial is done or silent takes the next trial at the next chunk boundary; none waits for another.
 *
 * While the device runs a chunk, this thread reads what the chunk before it brought.
 */
import type { DeviceInfo } from '../device/device.ts';
import type { FromWorker, TrialOrder } from './messages.ts';
import type { TrialOutcome } from './trial.ts';

/** A trial whose network is in a slot. */
export interface SlotTrial {
  /** True once there is nothing left to run. */
  readonly finished: boolean;
  /** Samples left to run if it does not fall silent. */
  readonly samplesLeft: number;
  /** What became of it; to be asked once it is finished and everything was read. */
  outcome(device: string): TrialOutcome;
}

/** A trial under way and its slot. */
export interface Seated<Trial extends SlotTrial> {
  readonly slot: number;
  readonly trial: Trial;
}

/**
 * The networks in the slots of a device, of one recipe: what a recipe brings besides its search space. Which samples a
 * trial's network sees, and what it comes to, must not depend on its slot, its neighbours or the length of launches.
 */
export interface SlotEngine<Trial extends SlotTrial> {
  /** Puts a trial's network into a slot. @throws for a trial that can't be run: it fails */
  begin(slot: number, order: TrialOrder): Trial;
  /** Begins a launch that advances all these trials. */
  launch(active: readonly Seated<Trial>[]): SlotLaunch;
}

export interface SlotLaunch {
  /** By trial: whether it ends with this launch whatever that brings, so that the next one may be asked for now. */
  readonly ends: readonly boolean[];
  /** Resolves when the device is done and the trials know where they stand. */
  readonly done: Promise<LaunchResult>;
}

export interface LaunchResult {
  /** Samples that all trials ran together. */
  readonly samples: number;
  /** What is left to read; done while the device is busy with the next launch. */
  readonly reads: readonly (() => void)[];
}

/** Where trials come from: `next` resolves with undefined when there will be no more. */
export interface TrialSource {
  /** A trial that is here already. */
  poll(): TrialOrder | undefined;
  /** Waits for a trial, but no longer than so many ms. */
  soon(milliseconds: number): Promise<void>;
  /** Waits for a trial, or for the end of all trials. */
  next(): Promise<TrialOrder | undefined>;
  /** True when everything under way should be dropped. */
  readonly abandoned: boolean;
}

export interface SlotPlan {
  readonly slots: number;
  readonly deviceName: string;
}

interface Running<Trial> {
  readonly order: TrialOrder;
  readonly trial: Trial;
}

/** A launch on a graphics card takes about this long: well under its driver's watchdog, long against its overhead. */
const CARD_LAUNCH_MS = 60;
/**
 * No watchdog looks at a processor, and each launch fetches every network's weights from memory again: with launches of
 * 240 ms the native engine gets a sixth more done than with 60 (docs/devices.md).
 */
const PROCESSOR_LAUNCH_MS = 240;

/** How long a launch on this device should take, ms. */
export function launchMsOf({ kind, software }: Pick<DeviceInfo, 'kind' | 'software'>): number {
  return kind === 'native' || software ? PROCESSOR_LAUNCH_MS : CARD_LAUNCH_MS;
}

/**
 * A trial that falls silent leaves its slot at a moment that nobody foresaw. Waiting this share of a launch for the next
 * trial is less than the slot would lose in a whole launch without one.
 */
const REFILL_WAIT_SHARE = 0.02;

/** Serves trials until the source ends; reports to `tell`. */
export async function serveSlots<Trial extends SlotTrial>(
  plan: SlotPlan,
  engine: SlotEngine<Trial>,
  source: TrialSource,
  tell: (message: FromWorker) => void,
): Promise<void> {
  const running: (Running<Trial> | undefined)[] = Array.from({ length: plan.slots }, () => undefined);
  /** Reads of the last launch, and trials that are over once those are done. */
  let reads: readonly (() => void)[] = [];
  let over: Running<Trial>[] = [];
  const settle = (): void => {
    for (const read of reads) read();
    reads = [];
    const ended = over.map(({ order, trial }) => {
      return { number: order.number, outcome: trial.outcome(plan.deviceName) };
    });
    over = [];
    if (ended.length > 0) tell({ kind: 'outcomes', ended });
  };

  tell({ kind: 'want', count: plan.slots });
  for (;;) {
    // What has ended is told all the same.
    if (source.abandoned) break;
    await refill(plan, running, engine, source, settle, tell);
    const active = running.flatMap((entry, slot) => (entry ? [{ ...entry, slot }] : []));
    if (active.length === 0) break;
    const started = performance.now();
    const { ends, done } = engine.launch(active);
    // A rejection while the spikes are read must not count as unhandled; it is thrown by the await below.
    done.catch(() => {});
    // Trials that end with this launch whatever it brings: those that follow them are asked for now, to be here then.
    const ahead = ends.filter(Boolean).length;
    if (ahead > 0) tell({ kind: 'want', count: ahead });
    settle();
    const result = await done;
    const milliseconds = performance.now() - started;
    reads = result.reads;
    let freed = 0;
    active.forEach((entry, index) => {
      if (!entry.trial.finished) return;
      over.push(entry);
      running[entry.slot] = undefined;
      if (!ends[index]) freed += 1;
    });
    if (freed > 0) tell({ kind: 'want', count: freed });
    tell({
      kind: 'chunk',
      samples: result.samples,
      seconds: milliseconds / 1000,
      active: active.length,
      running: running.flatMap((entry) =>
        entry ? [{ number: entry.order.number, samplesLeft: entry.trial.samplesLeft }] : [],
      ),
    });
    if (freed > 0) await source.soon(REFILL_WAIT_SHARE * milliseconds);
  }
  settle();
}

/** Gives free slots what has come; waits for a trial only when nothing is running. */
async function refill<Trial extends SlotTrial>(
  plan: SlotPlan,
  running: (Running<Trial> | undefined)[],
  engine: SlotEngine<Trial>,
  source: TrialSource,
  settle: () => void,
  tell: (message: FromWorker) => void,
): Promise<void> {
  for (let slot = 0; slot < running.length; slot++) {
    while (running[slot] === undefined) {
      let order = source.poll();
      if (!order) {
        if (running.some((entry) => entry !== undefined)) break;
        settle();
        order = await source.next();
        if (!order) return;
      }
      try {
        running[slot] = { order, trial: engine.begin(slot, order) };
      } catch (error) {
        const outcome = failedOutcome(error, plan.deviceName);
        tell({ kind: 'outcomes', ended: [{ number: order.number, outcome }] });
        tell({ kind: 'want', count: 1 });
      }
    }
  }
}

/** The outcome of a trial that could not be run to its end. */
export function failedOutcome(error: unknown, device: string): TrialOutcome {
  return {
    state: 'failed',
    reason: error instanceof Error ? error.message : String(error),
    constraints: [],
    plainConstraints: [],
    accuracies: {},
    phases: [],
    history: [],
    seconds: 0,
    device,
  };
}
