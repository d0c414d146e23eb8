/** Slots with networks that are trained by surrogate gradients: each has a batch of its own in every launch. */
import { batchCosts } from '../../learning/surrogate/batch-costs.ts';
import type { SurrogateTrainer } from '../../learning/surrogate/trainer.ts';
import type { SlotBatch, SlotReport } from '../../learning/surrogate/training.ts';
import type { TrialOrder } from '../messages.ts';
import type { NoteCosts } from '../recipe.ts';
import type { LaunchResult, Seated, SlotEngine, SlotLaunch } from '../slots.ts';
import type { TrainingStudySettings } from './params.ts';
import type { TrainingData, TrainingRecipe } from './recipe.ts';
import { TrainingTrial } from './trial.ts';

export interface TrainingSlotsPlan {
  readonly recipe: TrainingRecipe;
  readonly settings: TrainingStudySettings;
  readonly data: TrainingData;
  /** Batches of a slot follow one another within a launch until so much time has passed, ms. */
  readonly launchMs: number;
  readonly noteCosts?: NoteCosts;
}

export class TrainingSlots implements SlotEngine<TrainingTrial> {
  readonly #plan: TrainingSlotsPlan;
  readonly #trainer: SurrogateTrainer;

  constructor(plan: TrainingSlotsPlan, trainer: SurrogateTrainer) {
    this.#plan = plan;
    this.#trainer = trainer;
  }

  begin(slot: number, order: TrialOrder): TrainingTrial {
    const { recipe, settings, data } = this.#plan;
    const trial = new TrainingTrial(order, recipe, settings, data);
    this.#trainer.load(slot, trial.description);
    return trial;
  }

  launch(active: readonly Seated<TrainingTrial>[]): SlotLaunch {
    const batches = this.#batches(active);
    return {
      ends: active.map(({ trial }, index) => trial.samplesLeft <= (batches[index]?.indices.length ?? 0)),
      done: this.#run(active, batches),
    };
  }

  #note({ description }: TrainingTrial, { source, learn }: SlotBatch, report: SlotReport): void {
    this.#plan.noteCosts?.(batchCosts(description, source, [report], learn));
  }

  #batches(active: readonly Seated<TrainingTrial>[]): SlotBatch[] {
    return active.map(({ slot, trial }) => trial.nextBatch(slot, this.#trainer.batchSize));
  }

  /** Round after round until time is up or a slot is free. */
  async #run(active: readonly Seated<TrainingTrial>[], first: readonly SlotBatch[]): Promise<LaunchResult> {
    const started = performance.now();
    let samples = 0;
    for (let batches = first; ; batches = this.#batches(active)) {
      const reports = await this.#trainer.round(batches);
      active.forEach(({ trial }, index) => {
        const report = reports[index] as SlotReport;
        samples += report.samples;
        this.#note(trial, batches[index] as SlotBatch, report);
        trial.advance(report);
      });
      const over = performance.now() - started >= this.#plan.launchMs;
      if (over || active.some(({ trial }) => trial.finished)) return { samples, reads: [] };
    }
  }
}
