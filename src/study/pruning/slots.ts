/** Slots of `prune-compare`: a launch prunes and evaluates all variants in them, and ends them all. */
import type { Device } from '../../device/index.ts';
import type { LinearAlgebra } from '../../linalg/index.ts';
import type { Comparison, ComparisonRecord } from '../../pruning/comparison.ts';
import type { TrialOrder } from '../messages.ts';
import { failedOutcome, type LaunchResult, type Seated, type SlotEngine, type SlotTrial } from '../slots.ts';
import type { TrialOutcome } from '../trial.ts';
import { outcomeOfRecord } from './outcome.ts';

class VariantTrial implements SlotTrial {
  readonly method: string;
  readonly density: number;
  readonly seed: number;
  readonly #startedAt = performance.now();
  #end: { readonly record: ComparisonRecord } | { readonly error: unknown } | undefined;
  #seconds = 0;

  constructor({ values }: TrialOrder) {
    this.method = String(values.method);
    this.density = Number(values.density);
    this.seed = Number(values.seed);
  }

  get finished(): boolean {
    return this.#end !== undefined;
  }

  get samplesLeft(): number {
    return this.finished ? 0 : 1;
  }

  finish(end: { readonly record: ComparisonRecord } | { readonly error: unknown }): void {
    this.#end = end;
    this.#seconds = (performance.now() - this.#startedAt) / 1000;
  }

  outcome(device: string): TrialOutcome {
    const end = this.#end ?? { error: new Error('the trial has not run') };
    return 'record' in end
      ? outcomeOfRecord(end.record, this.#seconds, device)
      : { ...failedOutcome(end.error, device), seconds: this.#seconds };
  }
}

export class ComparisonSlots implements SlotEngine<VariantTrial> {
  readonly #comparison: Comparison;
  readonly #device: Device;
  readonly #algebra: LinearAlgebra;

  constructor(comparison: Comparison, device: Device, algebra: LinearAlgebra) {
    this.#comparison = comparison;
    this.#device = device;
    this.#algebra = algebra;
  }

  begin(_slot: number, order: TrialOrder): VariantTrial {
    return new VariantTrial(order);
  }

  launch(active: readonly Seated<VariantTrial>[]) {
    const trials = active.map(({ trial }) => trial);
    return { ends: active.map(() => true), done: this.#run(trials) };
  }

  async #run(trials: readonly VariantTrial[]): Promise<LaunchResult> {
    for (const [seed, own] of Map.groupBy(trials, ({ seed }) => seed)) await this.#runSeed(seed, own);
    return { samples: trials.length, reads: [] };
  }

  async #runSeed(seed: number, trials: readonly VariantTrial[]): Promise<void> {
    try {
      const records = await this.#comparison.run(this.#device, this.#algebra, seed, trials);
      for (const [k, trial] of trials.entries()) trial.finish({ record: records[k] as ComparisonRecord });
    } catch (error) {
      // A lost device is not a trial's fault: the worker goes down, and they run again. Nor are neighbours to be blamed.
      if (error instanceof Error && error.name === 'DeviceError') throw error;
      const [only] = trials;
      if (trials.length === 1) only?.finish({ error });
      else for (const trial of trials) await this.#runSeed(seed, [trial]);
    }
  }
}
