/** A trial of a training recipe, run again: spikes of its layers, predictions, loss and accuracy epoch by epoch. */
import { openDevice } from '../../device/index.ts';
import { readBits } from '../../learning/surrogate/raster.ts';
import type { SurrogateTrainer } from '../../learning/surrogate/trainer.ts';
import type { SlotReport } from '../../learning/surrogate/training.ts';
import {
  type HoldOutSample,
  type LossAndAccuracy,
  RateCounter,
  type Rerun,
  type RerunEpoch,
  SAMPLES_WITH_SPIKES,
} from '../rerun.ts';
import { extremesOf, studySpace } from '../study-space.ts';
import { createStudyTrainer } from './open.ts';
import { paramsOfTrial, settingsSchemaOf } from './params.ts';
import type { TrainingRecipe } from './recipe.ts';
import { silentLayersOf, spikingLayersOf, TrainingTrial } from './trial.ts';

/**
 * The rerun of a recipe. The device has one slot, with the room that it had in the search, so that sums have the same
 * order. After each epoch the hold-out is looked at, which changes nothing that is learned.
 */
export function rerunOf(recipe: TrainingRecipe): Rerun {
  return async (study, order, device, onProgress) => {
    const settings = settingsSchemaOf(recipe).parse(study.settings);
    const data = await recipe.load(paramsOfTrial(recipe, settings, {}));
    await using opened = await openDevice(device);
    const setup = { networks: extremesOf(studySpace(study)), slots: 1 };
    const { trainer } = await createStudyTrainer(opened, setup, recipe, settings, data);
    using _trainer = trainer;
    const trial = new TrainingTrial({ values: order.values, seed: order.seed }, recipe, settings, data);
    trainer.load(0, trial.description);
    const shown = silentLayersOf(recipe, trial.description).at(-1) ?? { index: 0, name: '' };
    const sight = new HoldOutSight(trainer, trial, shown.index);
    const epochs: RerunEpoch[] = [];
    const all = trial.samplesLeft;
    let learned = new Mean();
    while (!trial.finished) {
      const { part } = trial;
      const batch = trial.nextBatch(0, trainer.batchSize);
      const [report] = await trainer.round([batch]);
      if (report === undefined) break;
      if (part === 'train') learned.add(report);
      if (part === 'hold-out') await sight.add(report, batch.indices);
      trial.advance(report);
      if (part === 'train' && trial.atEpochsEnd) {
        epochs.push({ train: learned.value, holdOut: await lookedAt(trainer, trial) });
        learned = new Mean();
      }
      onProgress(all - trial.samplesLeft, all);
    }
    return {
      outcome: trial.outcome(opened.info.name),
      layer: shown.name,
      neurons: trainer.spikesOf(0, shown.index).neurons,
      alpha: settings.silenceAlpha,
      steps: trial.steps,
      timeUnit: 'steps',
      samples: sight.samples,
      rates: sight.rates(),
      epochs,
    };
  };
}

/** Loss and accuracy on the hold-out as the network is now. */
async function lookedAt(trainer: SurrogateTrainer, trial: TrainingTrial): Promise<LossAndAccuracy> {
  const mean = new Mean();
  for (const batch of trial.holdOutBatches(0, trainer.batchSize)) {
    const [report] = await trainer.round([batch]);
    if (report) mean.add(report);
  }
  return mean.value;
}

/** Loss and accuracy over batches. */
class Mean {
  #samples = 0;
  #loss = 0;
  #correct = 0;

  add({ samples, loss, accuracy }: SlotReport): void {
    this.#samples += samples;
    this.#loss += loss * samples;
    this.#correct += accuracy * samples;
  }

  get value(): LossAndAccuracy {
    return { loss: this.#loss / this.#samples, accuracy: this.#correct / this.#samples };
  }
}

/** Spikes and predictions on the hold-out. */
class HoldOutSight {
  readonly samples: HoldOutSample[] = [];
  readonly #trainer: SurrogateTrainer;
  readonly #trial: TrainingTrial;
  readonly #shown: number;
  readonly #layers: readonly {
    readonly index: number;
    readonly neurons: number;
    readonly rates: RateCounter;
  }[];

  /** @param shown the layer whose spikes are kept */
  constructor(trainer: SurrogateTrainer, trial: TrainingTrial, shown: number) {
    this.#trainer = trainer;
    this.#trial = trial;
    this.#shown = shown;
    this.#layers = spikingLayersOf(trial.description).map(({ index, name }) => {
      const { neurons } = trainer.spikesOf(0, index);
      return { index, neurons, rates: new RateCounter(name, neurons) };
    });
  }

  /** Takes in the batch that has just been run. */
  async add(report: SlotReport, indices: Uint32Array): Promise<void> {
    const first = this.samples.length;
    for (const [b, sample] of indices.entries()) {
      const label = this.#trial.labelOf(sample);
      const predicted = report.predicted?.[b];
      this.samples.push({ label, ...(predicted === undefined ? {} : { predicted }), count: 0, spikes: [] });
    }
    for (const { index, neurons, rates } of this.#layers) {
      const raster = await this.#trainer.readSpikes(index);
      const { words, steps } = this.#trainer.spikesOf(0, index);
      for (const b of indices.keys()) {
        rates.addSample();
        const spikes: { step: number; neuron: number }[] = [];
        let count = 0;
        for (let step = 0; step < this.#trial.steps; step++) {
          const row = (b * steps + step) * words;
          readBits(raster, row, neurons, (neuron) => {
            rates.addSpike(neuron);
            count += 1;
            if (first + b < SAMPLES_WITH_SPIKES) spikes.push({ step, neuron });
          });
        }
        const sample = this.samples[first + b];
        if (index === this.#shown && sample) this.samples[first + b] = { ...sample, count, spikes };
      }
    }
  }

  rates() {
    return this.#layers.map(({ rates }) => rates.rates());
  }
}
