/** One trial of `mnist-slayer`. Depends on its values, its seed and the data alone. */
import { z } from 'zod';
import { splitIndices } from '../../data/split.ts';
import type { SlayerEngine } from '../../learning/slayer/network.ts';
import {
  type SlayerOutcome,
  type SlayerPass,
  type SlayerStep,
  type SlayerTrainingParameters,
  slayerTest,
  slayerTraining,
} from '../../learning/slayer/train.ts';
import { checkedHyperparameters } from '../checked-hyperparameters.ts';
import type { TrialOrder } from '../messages.ts';
import type { SlotTrial } from '../slots.ts';
import type { ChunkReport, PhaseReport, TrialOutcome } from '../trial.ts';
import type { SlayerSettings, SlayerStudyData } from './mnist-slayer.ts';

const REPORTS = 20;
const real = z.number();
const count = z.int().min(1);
const share = z.number().min(0).max(1);

const hyperparameters = z.strictObject({
  train_size: z.number().positive().max(1),
  frames: count.max(1000),
  epochs: count,
  batch_size: count,
  rate_true: share,
  rate_false: share,
  c1_filters: count.max(512),
  c2_filters: count.max(512),
  c1_k: count.max(13),
  c2_k: count.max(13),
  learning_rate: real.positive(),
  mu: share,
  gamma: share,
  tau_grad: real.positive(),
  scale_grad: real.positive(),
  threshold: real.positive(),
  threshold_step: real,
  current_decay: share,
  voltage_decay: share,
  threshold_decay: share,
  refractory_decay: share,
  dropout: z.number().min(0).max(0.99),
});

export class SlayerTrial implements SlotTrial {
  readonly #settings: SlayerSettings;
  readonly #engine: SlayerEngine;
  readonly #data: SlayerStudyData;
  readonly #values: SlayerTrainingParameters;
  readonly #seed: number;
  readonly #learned: number;
  readonly #training: AsyncGenerator<SlayerStep, SlayerOutcome>;
  readonly #history: ChunkReport[] = [];
  readonly #startedAt = performance.now();
  #test: AsyncGenerator<SlayerStep, SlayerPass> | undefined;
  #trained: SlayerOutcome | undefined;
  #tested: SlayerPass | undefined;
  #done = 0;
  #finished = false;

  /** @throws {StudyError} for hyperparameters that make no network */
  constructor(
    { values, seed }: Pick<TrialOrder, 'values' | 'seed'>,
    engine: SlayerEngine,
    settings: SlayerSettings,
    data: SlayerStudyData,
  ) {
    this.#values = checkedHyperparameters('mnist-slayer', hyperparameters, values);
    this.#settings = settings;
    this.#engine = engine;
    this.#data = data;
    // Seeds are multiplied by passes.
    this.#seed = seed % 2 ** 32;
    const { trainSamples, holdOutSamples, dataSeed, outputAlpha: alpha, beta } = settings;
    const [train = [], test = []] = splitIndices(
      data.train.labels.length,
      [trainSamples, holdOutSamples],
      dataSeed,
    );
    const { train_size } = this.#values;
    this.#learned = train_size < 0.99 ? Math.max(1, Math.floor(trainSamples * train_size)) : trainSamples;
    this.#training = slayerTraining(
      engine,
      { images: data.train, labels: data.train.labels, train, test },
      this.#values,
      { seed: this.#seed, alpha, beta, testEveryEpoch: false, testStopped: false },
    );
  }

  get finished(): boolean {
    return this.#finished;
  }

  get samplesLeft(): number {
    const { holdOutSamples, testSamples } = this.#settings;
    const all = this.#learned * this.#values.epochs + holdOutSamples + testSamples;
    return this.#finished ? 0 : Math.max(0, all - this.#done);
  }

  /** Runs a batch. @returns its images */
  async step(): Promise<number> {
    const { value, done } = await (this.#test ?? this.#training).next();
    if (!done) {
      this.#done += value.images;
      if (value.part === 'train') this.#note(value);
      return value.images;
    }
    if ('parameters' in value) this.#afterTraining(value);
    else this.#tested = value;
    this.#finished = this.#trained?.stopped === true || this.#tested !== undefined;
    return 0;
  }

  #afterTraining(trained: SlayerOutcome): void {
    this.#trained = trained;
    if (trained.stopped) return;
    const { test } = this.#data;
    const numbers = Array.from({ length: this.#settings.testSamples }, (_, index) => index);
    const data = { images: test, labels: test.labels, train: [], test: numbers };
    const { outputAlpha: alpha } = this.#settings;
    const { epochs } = this.#values;
    this.#test = slayerTest(this.#engine, data, this.#values, trained.parameters, {
      seed: this.#seed,
      alpha,
      pass: epochs,
    });
  }

  /** Adds a report to the history at each twentieth of the training. */
  #note({ pass }: SlayerStep): void {
    const reports = Math.floor((REPORTS * this.#done) / (this.#learned * this.#values.epochs));
    if (reports <= this.#history.length) return;
    const silentShares = [pass.silent / this.#learned];
    this.#history.push({ phase: 'train', samples: this.#done, silentShares, accuracy: pass.accuracy });
  }

  outcome(device: string): TrialOutcome {
    const trained = this.#trained as SlayerOutcome;
    const last = trained.train.at(-1) as SlayerPass;
    const holdOut = trained.test.at(-1);
    const finite = Number.isFinite(last.loss);
    const judged = !trained.stopped && finite && holdOut !== undefined;
    const state = trained.stopped ? 'silent' : finite ? 'complete' : 'failed';
    const reason = trained.stopped ? 'output layer silent' : 'the loss is not finite';
    const phases = [sum('train', trained.train), ...(holdOut ? [sum('hold-out', [holdOut])] : [])];
    return {
      state,
      ...(state === 'complete' ? {} : { reason }),
      ...(judged ? { objective: holdOut.accuracy } : {}),
      constraints: [trained.constraint],
      plainConstraints: [last.silent / this.#learned - this.#settings.beta],
      accuracies: judged ? { hold_out: holdOut.accuracy, test: this.#tested?.accuracy ?? Number.NaN } : {},
      phases,
      history: this.#history,
      seconds: (performance.now() - this.#startedAt) / 1000,
      device,
    };
  }
}

/** Passes together; only of the output is known which images were silent. */
function sum(phase: PhaseReport['phase'], passes: readonly SlayerPass[]): PhaseReport {
  let [samples, inputSpikes, spikes, silentSamples] = [0, 0, 0, 0];
  for (const pass of passes) {
    samples += pass.images;
    inputSpikes += Math.round(pass.images * (pass.spikes[0] ?? 0));
    spikes += Math.round(pass.images * (pass.spikes.at(-1) ?? 0));
    silentSamples += pass.silent;
  }
  return { phase, samples, layers: [{ layer: 'output', spikes, silentSamples }], inputSpikes, seconds: 0 };
}
