/**
 * One trial of `mnist-stdp`: which samples its network sees next, when it is silent, and what it scores.
 *
 * All decisions depend on sample counts alone, never on how the samples were cut into chunks or on what ran beside
 * it, so a trial's outcome is the same on any number of slots.
 */
import type { BatchItem, BatchItemResult } from '../kernels/diehl-cook.ts';
import { recordWords } from '../kernels/diehl-cook.ts';
import { DECODERS, DecoderBank, type DecoderName } from '../learning/decoders.ts';
import { diehlCookParameters, diehlCookSlot, ModelError } from '../network/models/diehl-cook.ts';
import type { MnistStdpSettings } from './recipes.ts';
import { silenceConstraints, silentBudget } from './silence.ts';
import type { ChunkReport, Hyperparameters, LayerSpikes, PhaseReport, TrialOutcome } from './trial.ts';

const LAYERS = ['excitatory', 'inhibitory'] as const;
/** Reports of a phase in a trial's history: one each twentieth of it. */
const REPORTS_PER_PHASE = 20;

/** What all trials of a study share. */
export interface TrialData {
  /** Labels of the encoded samples: training first, then hold-out. */
  readonly labels: Uint8Array;
  /** Input spikes of each encoded sample. */
  readonly inputSpikes: Uint32Array;
  readonly classes: number;
}

interface PhaseCounts {
  readonly phase: 'train' | 'hold-out';
  samples: number;
  inputSpikes: number;
  spikes: [number, number];
  silent: [number, number];
  startedAt: number;
  seconds: number;
}

export class DiehlCookTrial {
  readonly neurons: number;
  /** The kernel's row for this trial's network. */
  readonly slot: Record<string, number>;
  readonly #settings: MnistStdpSettings;
  readonly #data: TrialData;
  readonly #epochs: number;
  readonly #decoder: DecoderName;
  readonly #decoders: DecoderBank;
  readonly #startedAt = performance.now();
  readonly #train = phaseCounts('train');
  readonly #holdOut = phaseCounts('hold-out');
  readonly #history: ChunkReport[] = [];
  /** Position in the training run or in the hold-out of the next sample to be run. */
  #next = 0;
  #evaluating = false;
  #silentLayer: string | undefined;
  /** Silent samples per layer, and samples seen, in the epoch under way. */
  #epochSilent: [number, number] = [0, 0];
  #epochSamples = 0;

  /** @throws {ModelError} for hyperparameters that the model can't run with */
  constructor(
    values: Hyperparameters,
    seed: readonly [number, number],
    settings: MnistStdpSettings,
    data: TrialData,
  ) {
    const parameters = diehlCookParameters(values);
    const { decoder, epochs } = values;
    if (!DECODERS.includes(decoder as DecoderName)) {
      throw new ModelError(`decoder must be one of ${DECODERS.join(', ')}, not ${JSON.stringify(decoder)}`);
    }
    if (!(typeof epochs === 'number' && Number.isInteger(epochs) && epochs >= 1)) {
      throw new ModelError(`epochs must be a whole number of at least 1, not ${JSON.stringify(epochs)}`);
    }
    const silence = { excitatoryAlpha: settings.excitatoryAlpha, inhibitoryAlpha: settings.inhibitoryAlpha };
    this.neurons = parameters.map_size;
    this.slot = diehlCookSlot(parameters, silence, seed, settings.steps);
    this.#settings = settings;
    this.#data = data;
    this.#epochs = epochs;
    this.#decoder = decoder as DecoderName;
    this.#decoders = new DecoderBank(this.neurons, data.classes, settings.assignmentBlock);
  }

  /** True once there is nothing left to run. */
  get finished(): boolean {
    if (this.#evaluating) return this.#next >= this.#settings.holdOutSamples;
    return this.#silentLayer !== undefined && !this.#settings.evaluateSilent;
  }

  /** Samples left to run if it does not fall silent. */
  get samplesLeft(): number {
    if (this.finished) return 0;
    const { trainSamples, holdOutSamples } = this.#settings;
    if (this.#evaluating) return holdOutSamples - this.#next;
    return trainSamples * this.#epochs - this.#next + holdOutSamples;
  }

  /** The next stretch of at most `count` samples; it never crosses from one epoch or phase into the next. */
  nextItem(slot: number, count: number): BatchItem {
    const { trainSamples, holdOutSamples, beta } = this.#settings;
    if (this.#evaluating) {
      return {
        slot,
        first: trainSamples + this.#next,
        count: Math.min(count, holdOutSamples - this.#next),
        learn: false,
        begins: false,
        ordinal: this.#train.samples + this.#next,
        excitatorySilentBudget: Number.POSITIVE_INFINITY,
        inhibitorySilentBudget: Number.POSITIVE_INFINITY,
      };
    }
    const budget = silentBudget(beta, trainSamples);
    const first = this.#next % trainSamples;
    return {
      slot,
      first,
      count: Math.min(count, trainSamples - first),
      learn: true,
      begins: this.#next === 0,
      ordinal: this.#next,
      excitatorySilentBudget: budget - this.#epochSilent[0],
      inhibitorySilentBudget: budget - this.#epochSilent[1],
    };
  }

  /**
   * Takes in how an item went: decides what comes next. Cheap; the spikes themselves are read later by the function
   * that it returns, while the device is busy with the next chunk.
   */
  advance(item: BatchItem, result: BatchItemResult): () => void {
    const counts = item.learn ? this.#train : this.#holdOut;
    counts.samples += result.processed;
    counts.spikes[0] += result.excitatorySpikes;
    counts.spikes[1] += result.inhibitorySpikes;
    counts.silent[0] += result.excitatorySilent;
    counts.silent[1] += result.inhibitorySilent;
    counts.startedAt ||= performance.now();
    counts.seconds = (performance.now() - counts.startedAt) / 1000;
    for (let sample = item.first; sample < item.first + result.processed; sample++) {
      counts.inputSpikes += this.#data.inputSpikes[sample] as number;
    }
    this.#next += result.processed;
    if (item.learn) this.#afterTraining(item, result);
    return () => this.#read(item, result);
  }

  #afterTraining(item: BatchItem, result: BatchItemResult): void {
    const { trainSamples, beta } = this.#settings;
    this.#epochSilent[0] += result.excitatorySilent;
    this.#epochSilent[1] += result.inhibitorySilent;
    this.#epochSamples += result.processed;
    const budget = silentBudget(beta, trainSamples);
    const silent = this.#epochSilent.findIndex((count) => count > budget);
    if (silent >= 0) this.#silentLayer = LAYERS[silent];
    if (this.#next === trainSamples * this.#epochs || silent >= 0) {
      this.#evaluating = silent < 0 || this.#settings.evaluateSilent;
      this.#next = 0;
    } else if (item.first + result.processed === trainSamples) {
      this.#epochSilent = [0, 0];
      this.#epochSamples = 0;
    }
  }

  /** Learns from or scores the spikes of an item, sample by sample, and keeps the history. */
  #read(item: BatchItem, result: BatchItemResult): void {
    const words = recordWords(this.#settings.steps);
    const spikes: number[] = [];
    const phaseSamples = item.learn
      ? this.#settings.trainSamples * this.#epochs
      : this.#settings.holdOutSamples;
    const interval = Math.max(1, Math.floor(phaseSamples / REPORTS_PER_PHASE));
    if (!item.learn) this.#decoders.endTraining();
    for (let sample = 0; sample < result.processed; sample++) {
      const record = sample * words;
      const count = (result.records[record] as number) & 0xffff;
      spikes.length = 0;
      for (let k = 1; k <= count; k++) spikes.push((result.records[record + k] as number) & 0xffff);
      const label = this.#data.labels[item.first + sample] as number;
      if (item.learn) this.#decoders.learn(spikes, label);
      else this.#decoders.score(spikes, label);
      this.#note(item, spikes.length, (result.records[record] as number) >>> 16, interval);
    }
  }

  readonly #noted = { phase: 'train', samples: 0, silent: [0, 0] as [number, number] };

  /** Counts a sample for the history, and adds a report at each full interval. */
  #note(item: BatchItem, excitatory: number, inhibitory: number, interval: number): void {
    const { trainSamples, holdOutSamples, excitatoryAlpha, inhibitoryAlpha } = this.#settings;
    const phase = item.learn ? 'train' : 'hold-out';
    if (this.#noted.phase !== phase) Object.assign(this.#noted, { phase, samples: 0, silent: [0, 0] });
    const epoch = item.learn ? trainSamples : holdOutSamples;
    if (this.#noted.samples % epoch === 0) this.#noted.silent = [0, 0];
    this.#noted.samples += 1;
    if (excitatory < excitatoryAlpha) this.#noted.silent[0] += 1;
    if (inhibitory < inhibitoryAlpha) this.#noted.silent[1] += 1;
    if (this.#noted.samples % interval !== 0) return;
    const silentShares = this.#noted.silent.map((silent) => silent / epoch);
    const report = { phase, samples: this.#noted.samples, silentShares } as const;
    const accuracy = item.learn ? {} : { accuracy: this.#decoders.accuracies()[this.#decoder] };
    this.#history.push({ ...report, ...accuracy });
  }

  /** What became of the trial; to be asked once it is finished and all its spikes were read. */
  outcome(device: string): TrialOutcome {
    const { trainSamples, beta } = this.#settings;
    const evaluated = this.#holdOut.samples > 0;
    const accuracies = evaluated ? this.#decoders.accuracies() : {};
    const constraints = this.#epochSilent.map((silent) =>
      silenceConstraints({ silent, seen: this.#epochSamples, samples: trainSamples, beta }),
    );
    const objective = evaluated ? { objective: this.#decoders.accuracies()[this.#decoder] } : {};
    const reason = this.#silentLayer === undefined ? {} : { reason: `${this.#silentLayer} layer silent` };
    return {
      state: this.#silentLayer === undefined ? 'complete' : 'silent',
      ...objective,
      ...reason,
      constraints: constraints.map((constraint) => constraint.graded),
      plainConstraints: constraints.map((constraint) => constraint.plain),
      accuracies,
      phases: [this.#train, this.#holdOut].filter((counts) => counts.samples > 0).map(phaseReport),
      history: this.#history,
      seconds: (performance.now() - this.#startedAt) / 1000,
      device,
    };
  }
}

function phaseCounts(phase: 'train' | 'hold-out'): PhaseCounts {
  return { phase, samples: 0, inputSpikes: 0, spikes: [0, 0], silent: [0, 0], startedAt: 0, seconds: 0 };
}

function phaseReport(counts: PhaseCounts): PhaseReport {
  const layers = LAYERS.map(
    (layer, index): LayerSpikes => ({
      layer,
      spikes: counts.spikes[index] as number,
      silentSamples: counts.silent[index] as number,
    }),
  );
  const { phase, samples, inputSpikes, seconds } = counts;
  return { phase, samples, layers, inputSpikes, seconds };
}
