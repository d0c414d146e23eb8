/**
 * One trial of a training recipe: which batch its network sees next, when it is silent, and what it scores.
 *
 * Everything depends on the trial's values, its seed and the data alone: not on its slot, on what runs beside it, or on
 * when the trial began.
 */

import type { SampleSource } from '../../data/samples.ts';
import { permutation } from '../../data/split.ts';
import type { TrainingDescription } from '../../learning/surrogate/description.ts';
import type { SlotBatch, SlotReport } from '../../learning/surrogate/training.ts';
import type { TrialOrder } from '../messages.ts';
import { silenceConstraints, silentBudget } from '../silence.ts';
import type { SlotTrial } from '../slots.ts';
import type { ChunkReport, PhaseReport, TrialOutcome } from '../trial.ts';
import { paramsOfTrial, type TrainingStudySettings } from './params.ts';
import type { CommonParams, TrainingData, TrainingParams, TrainingRecipe } from './recipe.ts';

/** Reports of the training in a trial's history: one each twentieth of it. */
const REPORTS = 20;

/** Parts of a trial in turn. The test is told with a trial and never seen by the search. */
type Part = 'train' | 'hold-out' | 'test' | 'over';

/** Counts over a part. */
interface Counts {
  samples: number;
  correct: number;
  inputSpikes: number;
  /** By layer. */
  readonly spikes: number[];
  readonly silent: number[];
  startedAt: number;
  seconds: number;
}

interface SpikingLayer {
  readonly index: number;
  readonly name: string;
}

/** Layers that spike, with their names in reports. */
export function spikingLayersOf({ layers }: TrainingDescription): SpikingLayer[] {
  return layers.flatMap(({ neuron, name }, index) =>
    neuron.kind === 'lif' ? [{ index, name: name ?? `layer ${index}` }] : [],
  );
}

/** Layers whose silence is a constraint, and ends a trial. */
export function silentLayersOf(
  { silentLayers }: Pick<TrainingRecipe, 'silentLayers'>,
  description: TrainingDescription,
): SpikingLayer[] {
  return spikingLayersOf(description).filter(({ name }) => silentLayers?.includes(name) ?? true);
}

export class TrainingTrial implements SlotTrial {
  readonly description: TrainingDescription;
  readonly #params: TrainingParams & CommonParams;
  readonly #settings: TrainingStudySettings;
  readonly #source: SampleSource;
  readonly #test: SampleSource;
  /** Numbers of the samples that are learned from, and of those held out for the objective. */
  readonly #train: Uint32Array;
  readonly #holdOut: Uint32Array;
  readonly #layers: readonly SpikingLayer[];
  /** Layers whose silence ends the trial. */
  readonly #judged: readonly SpikingLayer[];
  readonly #counts: Readonly<Record<Exclude<Part, 'over'>, Counts>>;
  readonly #history: ChunkReport[] = [];
  readonly #startedAt = performance.now();
  #part: Part = 'train';
  /** Position of the next sample in the part; in training, over all epochs. */
  #next = 0;
  #order: Uint32Array | undefined;
  /** Silent samples of each of the judged layers in the epoch under way, and its samples so far. */
  #epochSilent: number[];
  #epochSamples = 0;
  #noted = { reports: 0, samples: 0, correct: 0 };
  #end: { readonly state: 'silent' | 'failed'; readonly reason: string } | undefined;

  /** @throws {StudyError} for hyperparameters that the recipe can't run with */
  constructor(
    { values, seed }: Pick<TrialOrder, 'values' | 'seed'>,
    recipe: TrainingRecipe,
    settings: TrainingStudySettings,
    data: TrainingData,
  ) {
    this.#params = paramsOfTrial(recipe, settings, values, seed);
    this.description = recipe.describe(this.#params);
    this.#settings = settings;
    this.#source = recipe.view(data.train, this.#params);
    this.#test = recipe.view(data.test, this.#params);
    const { samples } = this.#source;
    // The same samples are held out of all trials of a study, and a smaller share is a part of a larger one.
    const order = permutation(samples, settings.splitSeed);
    const held = Math.min(samples - 1, Math.max(1, Math.round(samples * settings.holdOutShare)));
    this.#holdOut = order.subarray(0, held);
    const learned = Math.max(1, Math.round((samples - held) * this.#params.trainShare));
    this.#train = order.subarray(held, held + learned);
    this.#layers = spikingLayersOf(this.description);
    this.#judged = silentLayersOf(recipe, this.description);
    this.#epochSilent = this.#judged.map(() => 0);
    const counts = (): Counts => {
      const zeros = () => this.#layers.map(() => 0);
      return {
        samples: 0,
        correct: 0,
        inputSpikes: 0,
        spikes: zeros(),
        silent: zeros(),
        startedAt: 0,
        seconds: 0,
      };
    };
    this.#counts = { train: counts(), 'hold-out': counts(), test: counts() };
  }

  get part(): Part {
    return this.#part;
  }

  /** Whether the batch before was the last of an epoch. */
  get atEpochsEnd(): boolean {
    const between = this.#part === 'train' && this.#next > 0 && this.#next % this.#train.length === 0;
    return between || (this.#part === 'hold-out' && this.#next === 0);
  }

  /** Of a sample. */
  get steps(): number {
    return this.#source.steps;
  }

  /** The class of a sample that is learned from or held out. */
  labelOf(sample: number): number {
    return this.#source.labels[sample] as number;
  }

  /** All that is held out, to be looked at at any time: the trial stays where it is. */
  holdOutBatches(slot: number, room: number): SlotBatch[] {
    const count = Math.ceil(this.#holdOut.length / room);
    return Array.from({ length: count }, (_, batch) => this.#lookAt('hold-out', slot, batch * room, room));
  }

  get finished(): boolean {
    return this.#part === 'over';
  }

  get samplesLeft(): number {
    const judged = this.#holdOut.length + this.#test.samples;
    if (this.#part === 'over') return 0;
    if (this.#part === 'train') return this.#train.length * this.#params.epochs - this.#next + judged;
    return (this.#part === 'hold-out' ? judged : this.#test.samples) - this.#next;
  }

  /** @param room samples of a batch that is only looked at */
  nextBatch(slot: number, room: number): SlotBatch {
    const { batchSize, seed } = this.#params;
    const { silenceAlpha: alpha } = this.#settings;
    const size = this.#train.length;
    if (this.#part !== 'train') return this.#lookAt(this.#part, slot, this.#next, room);
    const epoch = Math.floor(this.#next / size);
    const at = this.#next % size;
    // An order of its own in each epoch, drawn from the seed.
    if (at === 0 || this.#order === undefined) {
      this.#order = permutation(size, seed * 65_537 + epoch).map((place) => this.#train[place] as number);
    }
    const batches = Math.ceil(size / batchSize);
    const batch = epoch * batches + Math.floor(at / batchSize);
    const when = { epoch, overall: batch / batches, batch };
    const indices = this.#order.subarray(at, at + batchSize);
    return { slot, source: this.#source, indices, learn: true, alpha, pass: epoch, when };
  }

  /** A batch that is only looked at. */
  #lookAt(part: Part, slot: number, first: number, room: number): SlotBatch {
    const { epochs } = this.#params;
    const held = part === 'hold-out';
    const all = held ? this.#holdOut : Uint32Array.from({ length: this.#test.samples }, (_, index) => index);
    return {
      slot,
      source: held ? this.#source : this.#test,
      indices: all.subarray(first, first + room),
      learn: false,
      alpha: this.#settings.silenceAlpha,
      pass: 0,
      when: { epoch: epochs, overall: epochs, batch: 0 },
    };
  }

  /** Takes in how a batch went, and decides what comes next. */
  advance(report: SlotReport): void {
    const part = this.#part;
    if (part === 'over') return;
    this.#count(this.#counts[part], report);
    this.#next += report.samples;
    if (part === 'train') {
      this.#afterTraining(report);
      return;
    }
    if (this.#next < (part === 'hold-out' ? this.#holdOut.length : this.#test.samples)) return;
    if (part === 'hold-out') {
      const { samples, correct } = this.#counts[part];
      this.#history.push({ phase: part, samples, silentShares: this.#shares(), accuracy: correct / samples });
    }
    this.#part = part === 'hold-out' ? 'test' : 'over';
    this.#next = 0;
  }

  #count(counts: Counts, { samples, accuracy, layerSpikes, silentByLayer, inputSpikes }: SlotReport): void {
    counts.startedAt ||= performance.now();
    counts.seconds = (performance.now() - counts.startedAt) / 1000;
    counts.samples += samples;
    counts.correct += Math.round(accuracy * samples);
    counts.inputSpikes += Math.round(inputSpikes * samples);
    this.#layers.forEach(({ index }, place) => {
      const spikes = Math.round((layerSpikes[index] as number) * samples);
      counts.spikes[place] = (counts.spikes[place] as number) + spikes;
      counts.silent[place] = (counts.silent[place] as number) + (silentByLayer[index] as number);
    });
  }

  #afterTraining(report: SlotReport): void {
    const size = this.#train.length;
    const { epochs } = this.#params;
    this.#epochSamples += report.samples;
    this.#judged.forEach(({ index }, place) => {
      this.#epochSilent[place] =
        (this.#epochSilent[place] as number) + (report.silentByLayer[index] as number);
    });
    this.#note(report);
    const budget = silentBudget(this.#settings.beta, size);
    const silent = this.#epochSilent.findIndex((count) => count > budget);
    if (!report.finite) {
      const epoch = Math.ceil(this.#next / size);
      this.#end = { state: 'failed', reason: `loss or gradients are not finite in epoch ${epoch}` };
      this.#part = 'over';
    } else if (silent >= 0) {
      this.#end = { state: 'silent', reason: `${this.#judged[silent]?.name} layer silent` };
      this.#part = 'over';
    } else if (this.#next === size * epochs) {
      this.#part = 'hold-out';
      this.#next = 0;
    } else if (this.#next % size === 0) {
      this.#epochSilent = this.#judged.map(() => 0);
      this.#epochSamples = 0;
    }
  }

  #shares(): number[] {
    return this.#epochSilent.map((silent) => silent / this.#train.length);
  }

  /** Adds a report to the history at each twentieth of the training. */
  #note({ samples, accuracy }: SlotReport): void {
    this.#noted.samples += samples;
    this.#noted.correct += accuracy * samples;
    const reports = Math.floor((REPORTS * this.#next) / (this.#train.length * this.#params.epochs));
    if (reports === this.#noted.reports) return;
    const { correct, samples: seen } = this.#noted;
    const silentShares = this.#shares();
    this.#history.push({ phase: 'train', samples: this.#next, silentShares, accuracy: correct / seen });
    this.#noted = { reports, samples: 0, correct: 0 };
  }

  outcome(device: string): TrialOutcome {
    const { beta } = this.#settings;
    const constraints = this.#epochSilent.map((silent) =>
      silenceConstraints({ silent, seen: this.#epochSamples, samples: this.#train.length, beta }),
    );
    const { train, 'hold-out': holdOut, test } = this.#counts;
    const judged = this.#end === undefined;
    const objective = holdOut.correct / holdOut.samples;
    return {
      ...(this.#end ?? { state: 'complete' }),
      ...(judged ? { objective } : {}),
      constraints: constraints.map((constraint) => constraint.graded),
      plainConstraints: constraints.map((constraint) => constraint.plain),
      accuracies: judged ? { hold_out: objective, test: test.correct / test.samples } : {},
      phases: [
        this.#report('train', train),
        ...(holdOut.samples > 0 ? [this.#report('hold-out', holdOut)] : []),
      ],
      history: this.#history,
      seconds: (performance.now() - this.#startedAt) / 1000,
      device,
    };
  }

  #report(phase: PhaseReport['phase'], counts: Counts): PhaseReport {
    const { samples, inputSpikes, spikes, silent, seconds } = counts;
    const layers = this.#layers.map(({ name }, place) => {
      return { layer: name, spikes: spikes[place] as number, silentSamples: silent[place] as number };
    });
    return { phase, samples, layers, inputSpikes, seconds };
  }
}
