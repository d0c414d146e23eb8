/**
 * Continuous trial batching on one device: every launch advances every slot by a chunk of samples, and a slot whose
 * trial is done or silent takes the next trial at the next chunk boundary; none waits for another.
 *
 * While the device runs a chunk, this thread reads the spikes of the chunk before it.
 */
import type { DeviceInfo } from '../device/device.ts';
import type { BatchItem, BatchItemResult } from '../kernels/diehl-cook.ts';
import { keyOf } from '../random/philox.ts';
import { DiehlCookTrial, type TrialData } from './diehl-cook-trial.ts';
import type { FromWorker, TrialOrder } from './messages.ts';
import type { MnistStdpSettings } from './recipes.ts';
import type { TrialOutcome } from './trial.ts';

/** What runs the chunks: `DiehlCookBatch`, or something like it in tests. */
export interface SlotRunner {
  place(slot: number, network: Readonly<Record<string, number>>): void;
  run(items: readonly BatchItem[]): Promise<BatchItemResult[]>;
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
  readonly settings: MnistStdpSettings;
  readonly data: TrialData;
  readonly deviceName: string;
  /** Samples an item in one launch; measured and adapted when absent. */
  readonly chunk?: number;
  /** Samples an item in one launch at the most: the records that the runner has room for. */
  readonly maxChunk: number;
  /** How long a launch should take, ms, where `chunk` does not say how much there is to do; 60 when absent. */
  readonly launchMs?: number;
}

interface Running {
  readonly order: TrialOrder;
  readonly trial: DiehlCookTrial;
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

/** A network's work per sample grows with its neurons, from about this many for its inputs and its steps. */
export const NEURONS_OF_OVERHEAD = 150;

/** Serves trials until the source ends; reports to `tell`. */
export async function serveSlots(
  plan: SlotPlan,
  runner: SlotRunner,
  source: TrialSource,
  tell: (message: FromWorker) => void,
): Promise<void> {
  const running: (Running | undefined)[] = Array.from({ length: plan.slots }, () => undefined);
  const chunks = new ChunkSizes(plan);
  /** Reads of the last chunk's spikes, and trials that are over once those are done. */
  let reads: (() => void)[] = [];
  let over: Running[] = [];
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
    await refill(plan, running, runner, source, settle, tell);
    const active = running.flatMap((entry, slot) => (entry ? [{ ...entry, slot }] : []));
    if (active.length === 0) break;
    const counts = chunks.of(active.map(({ trial }) => trial.neurons));
    const items = active.map(({ trial, slot }, index) => trial.nextItem(slot, counts[index] as number));
    const started = performance.now();
    const launched = runner.run(items);
    // A rejection while the spikes are read must not count as unhandled; it is thrown by the await below.
    launched.catch(() => {});
    // Trials that end with this chunk whatever it brings: those that follow them are asked for now, to be here then.
    const expected = active.map(({ trial }, index) => trial.samplesLeft <= (items[index] as BatchItem).count);
    const ahead = expected.filter(Boolean).length;
    if (ahead > 0) tell({ kind: 'want', count: ahead });
    settle();
    const results = await launched;
    const milliseconds = performance.now() - started;
    chunks.adapt(milliseconds);
    let freed = 0;
    active.forEach((entry, index) => {
      reads.push(entry.trial.advance(items[index] as BatchItem, results[index] as BatchItemResult));
      if (!entry.trial.finished) return;
      over.push(entry);
      running[entry.slot] = undefined;
      if (!expected[index]) freed += 1;
    });
    if (freed > 0) tell({ kind: 'want', count: freed });
    tell({
      kind: 'chunk',
      samples: results.reduce((sum, result) => sum + result.processed, 0),
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
async function refill(
  plan: SlotPlan,
  running: (Running | undefined)[],
  runner: SlotRunner,
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
        const trial = new DiehlCookTrial(order.values, keyOf(order.seed), plan.settings, plan.data);
        runner.place(slot, trial.slot);
        running[slot] = { order, trial };
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

/** Chooses how many samples each item gets, so that all items of a launch take about as long. */
class ChunkSizes {
  readonly #plan: SlotPlan;
  /** Work given to each item, in neurons x samples. */
  #work: number;

  constructor(plan: SlotPlan) {
    this.#plan = plan;
    this.#work = 8 * 1000;
  }

  of(neurons: readonly number[]): number[] {
    const { chunk, maxChunk } = this.#plan;
    return neurons.map((count) => {
      const samples = chunk ?? Math.round(this.#work / (count + NEURONS_OF_OVERHEAD));
      return Math.max(1, Math.min(samples, maxChunk));
    });
  }

  adapt(milliseconds: number): void {
    const change = Math.min(2, Math.max(0.5, (this.#plan.launchMs ?? CARD_LAUNCH_MS) / milliseconds));
    const most = this.#plan.maxChunk * (2048 + NEURONS_OF_OVERHEAD);
    this.#work = Math.min(most, Math.max(NEURONS_OF_OVERHEAD, this.#work * change));
  }
}
