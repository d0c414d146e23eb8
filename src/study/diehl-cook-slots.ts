/** Slots with the networks of `mnist-stdp`: which samples go into a launch, so that all slots take about as long. */
import type { BatchItem, BatchItemResult } from '../kernels/diehl-cook.ts';
import { keyOf } from '../random/philox.ts';
import { DiehlCookTrial, type TrialData } from './diehl-cook-trial.ts';
import type { TrialOrder } from './messages.ts';
import type { MnistStdpSettings } from './recipes.ts';
import type { LaunchResult, Seated, SlotEngine, SlotLaunch } from './slots.ts';

/** What runs the chunks: `DiehlCookBatch`, or something like it in tests. */
export interface SlotRunner {
  place(slot: number, network: Readonly<Record<string, number>>): void;
  run(items: readonly BatchItem[]): Promise<BatchItemResult[]>;
}

export interface DiehlCookPlan {
  readonly settings: MnistStdpSettings;
  readonly data: TrialData;
  /** Samples an item in one launch; measured and adapted when absent. */
  readonly chunk?: number;
  /** Samples an item in one launch at the most: the records that the runner has room for. */
  readonly maxChunk: number;
  /** How long a launch should take, ms, where `chunk` does not say how much there is to do; 60 when absent. */
  readonly launchMs?: number;
}

/** How long a launch should take unless the plan says so, ms. */
const LAUNCH_MS = 60;

/** A network's work per sample grows with its neurons, from about this many for its inputs and its steps. */
export const NEURONS_OF_OVERHEAD = 150;

export class DiehlCookSlots implements SlotEngine<DiehlCookTrial> {
  readonly #plan: DiehlCookPlan;
  readonly #runner: SlotRunner;
  readonly #chunks: ChunkSizes;

  constructor(plan: DiehlCookPlan, runner: SlotRunner) {
    this.#plan = plan;
    this.#runner = runner;
    this.#chunks = new ChunkSizes(plan);
  }

  begin(slot: number, { values, seed }: TrialOrder): DiehlCookTrial {
    const trial = new DiehlCookTrial(values, keyOf(seed), this.#plan.settings, this.#plan.data);
    this.#runner.place(slot, trial.slot);
    return trial;
  }

  launch(active: readonly Seated<DiehlCookTrial>[]): SlotLaunch {
    const counts = this.#chunks.of(active.map(({ trial }) => trial.neurons));
    const items = active.map(({ trial, slot }, index) => trial.nextItem(slot, counts[index] as number));
    return {
      ends: active.map(({ trial }, index) => trial.samplesLeft <= (items[index] as BatchItem).count),
      done: this.#run(active, items),
    };
  }

  async #run(active: readonly Seated<DiehlCookTrial>[], items: readonly BatchItem[]): Promise<LaunchResult> {
    const started = performance.now();
    const results = await this.#runner.run(items);
    this.#chunks.adapt(performance.now() - started);
    return {
      samples: results.reduce((sum, result) => sum + result.processed, 0),
      reads: active.map(({ trial }, index) =>
        trial.advance(items[index] as BatchItem, results[index] as BatchItemResult),
      ),
    };
  }
}

/** Chooses how many samples each item gets, so that all items of a launch take about as long. */
class ChunkSizes {
  readonly #plan: DiehlCookPlan;
  /** Work given to each item, in neurons x samples. */
  #work: number;

  constructor(plan: DiehlCookPlan) {
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
    const change = Math.min(2, Math.max(0.5, (this.#plan.launchMs ?? LAUNCH_MS) / milliseconds));
    const most = this.#plan.maxChunk * (2048 + NEURONS_OF_OVERHEAD);
    this.#work = Math.min(most, Math.max(NEURONS_OF_OVERHEAD, this.#work * change));
  }
}
