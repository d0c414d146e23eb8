/** Trains one network by a recipe, epoch by epoch, or evaluates one that was saved. */
import type { SampleSource } from '../../data/samples.ts';
import { permutation } from '../../data/split.ts';
import type { Device } from '../../device/device.ts';
import { SurrogateTrainer } from '../../learning/surrogate/trainer.ts';
import type { SlotReport, TrainedNetwork } from '../../learning/surrogate/training.ts';
import type { CommonParams, TrainingData, TrainingParams, TrainingRecipe } from './recipe.ts';

export type TrainingEvent =
  | {
      readonly kind: 'batch';
      readonly epoch: number;
      readonly batch: number;
      readonly batches: number;
      /** Over the batches of this epoch so far. */
      readonly loss: number;
      readonly accuracy: number;
      readonly samplesPerSecond: number;
    }
  | {
      readonly kind: 'epoch';
      readonly epoch: number;
      readonly train: SlotReport;
      readonly test: SlotReport;
      readonly seconds: number;
    };

export interface TrainingOutcome {
  readonly network: TrainedNetwork;
  readonly test: SlotReport;
  readonly epochs: number;
  readonly seconds: number;
}

/** Loss or gradients were not finite. */
export class TrainingFailure extends Error {
  override readonly name = 'TrainingFailure';
  readonly code = 'not-finite';
}

/**
 * Trains from initial weights of the seed. Each epoch sees the samples in an order of its own, drawn from the seed.
 *
 * @throws {TrainingFailure} when numbers are no longer finite
 */
export async function runTraining(
  device: Device,
  recipe: TrainingRecipe,
  params: TrainingParams & CommonParams,
  data: TrainingData,
  { onEvent, signal }: { onEvent?: (event: TrainingEvent) => void; signal?: AbortSignal } = {},
): Promise<TrainingOutcome> {
  const description = recipe.describe(params);
  const [train, test] = [recipe.view(data.train, params), recipe.view(data.test, params)];
  const learned = Math.max(1, Math.round(train.samples * params.trainShare));
  using trainer = await SurrogateTrainer.create(device, {
    batchSize: params.batchSize,
    input: train,
    networks: [description],
  });
  trainer.load(0, description);
  const started = performance.now();
  let outcome: SlotReport | undefined;
  for (let epoch = 0; epoch < params.epochs; epoch++) {
    const began = performance.now();
    const sum = { samples: 0, loss: 0, correct: 0 };
    const [trained] = await trainer.epoch(train, {
      order: permutation(learned, params.seed * 65_537 + epoch),
      pass: epoch,
      epoch,
      ...(signal ? { signal } : {}),
      onBatch: ({ batch, batches, slots }) => {
        const [report] = slots;
        if (!report) return;
        if (!report.finite) {
          const lower = 'lower learningRate, or give another seed';
          throw new TrainingFailure(`epoch ${epoch + 1}, batch ${batch}: the loss is not finite; ${lower}`);
        }
        sum.samples += report.samples;
        sum.loss += report.loss * report.samples;
        sum.correct += report.accuracy * report.samples;
        onEvent?.({
          kind: 'batch',
          epoch,
          batch,
          batches,
          loss: sum.loss / sum.samples,
          accuracy: sum.correct / sum.samples,
          samplesPerSecond: sum.samples / ((performance.now() - began) / 1000),
        });
      },
    });
    const seconds = (performance.now() - began) / 1000;
    [outcome] = await trainer.evaluate(test, signal ? { signal } : {});
    if (trained && outcome) onEvent?.({ kind: 'epoch', epoch, train: trained, test: outcome, seconds });
  }
  return {
    network: await trainer.save(0),
    test: outcome as SlotReport,
    epochs: params.epochs,
    seconds: (performance.now() - started) / 1000,
  };
}

/** A saved network's loss and accuracy on data. */
export async function evaluateNetwork(
  device: Device,
  network: TrainedNetwork,
  test: SampleSource,
  batchSize = 64,
): Promise<SlotReport> {
  using trainer = await SurrogateTrainer.create(device, {
    batchSize,
    input: test,
    networks: [network.description],
  });
  trainer.load(0, network);
  const [report] = await trainer.evaluate(test);
  return report as SlotReport;
}
