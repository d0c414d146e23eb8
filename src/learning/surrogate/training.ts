/** The interface of a trainer: networks of one structure class that learn side by side from the same batches. */
import type { SampleSource } from '../../data/samples.ts';
import type { TrainingDescription } from './description.ts';

/** What one pass over samples gave for one slot. */
export interface SlotReport {
  readonly samples: number;
  /** Mean over the samples. */
  readonly loss: number;
  readonly accuracy: number;
  /** Per sample; 0 of real values. */
  readonly inputSpikes: number;
  /** Spikes of each layer per sample; NaN-free, 0 for an integrator. */
  readonly layerSpikes: readonly number[];
  /** Samples whose output layer emitted fewer than `alpha` spikes. */
  readonly silentSamples: number;
  /** The same of each layer; an integrator never spikes. */
  readonly silentByLayer: readonly number[];
  /** The class that each sample was taken for, of a single batch. */
  readonly predicted?: readonly number[];
  /** Loss or gradient was not finite; the slot's parameters are as before that batch. */
  readonly finite: boolean;
}

export interface PassOptions {
  /** Numbers of the samples in the order of training; all, in the source's order, when absent. */
  readonly order?: Uint32Array;
  /** A sample is silent with fewer output spikes. Default 1. */
  readonly alpha?: number;
  /** Counts passes, for encoders and dropout. */
  readonly pass?: number;
  /** The rates of schedules by epoch are those of this epoch. */
  readonly epoch?: number;
  /** Slots that take part; all when absent. */
  readonly slots?: readonly number[];
  /** After each batch; `false` for a slot takes it out of the rest of the pass (silence). */
  readonly onBatch?: (progress: BatchProgress) => void;
  readonly signal?: AbortSignal;
}

/** One slot's part of a round: a batch of its own. */
export interface SlotBatch {
  readonly slot: number;
  readonly source: SampleSource;
  /** Numbers of the samples, at most the trainer's batch size. */
  readonly indices: Uint32Array;
  readonly learn: boolean;
  /** A sample is silent with fewer spikes of a layer. */
  readonly alpha: number;
  /** Counts passes over the data, for encoders and dropout. */
  readonly pass: number;
  readonly when: Progress;
}

/** Where a network's training stands, for schedules. */
export interface Progress {
  readonly epoch: number;
  /** Epochs done, with the part of this one. */
  readonly overall: number;
  /** Batches done. */
  readonly batch: number;
}

export interface BatchProgress {
  readonly batch: number;
  readonly batches: number;
  /** By slot, of this batch alone; undefined for slots that do not take part. */
  readonly slots: readonly (SlotReport | undefined)[];
  /** Takes a slot out of the rest of the pass. */
  stop(slot: number): void;
}

/** The numbers of a trained slot, in the order of the layers; the form that is saved. */
export interface TrainedNetwork {
  readonly description: TrainingDescription;
  readonly input: readonly [number, number, number];
  readonly steps: number;
  /** By `layer.name` as in `0.weight`, `0.recurrent`, `0.bias`, `0.currentDecay`, ... */
  readonly parameters: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }>
  >;
}

export interface Trainer extends Disposable {
  readonly slots: number;
  readonly batchSize: number;
  /** Puts a new network into a slot: initial weights of its seed, or those of a saved network. */
  load(slot: number, network: TrainingDescription | TrainedNetwork): void;
  /** One batch forward, backward and an update. Waits for the results. */
  step(
    source: SampleSource,
    indices: Uint32Array,
    options?: PassOptions,
  ): Promise<readonly (SlotReport | undefined)[]>;
  /** A pass over the samples with updates. */
  epoch(source: SampleSource, options?: PassOptions): Promise<readonly (SlotReport | undefined)[]>;
  /** A pass without updates and dropout. */
  evaluate(source: SampleSource, options?: PassOptions): Promise<readonly (SlotReport | undefined)[]>;
  /** A batch of its own for each of some slots, in one launch; reports in the order given. */
  round(batches: readonly SlotBatch[]): Promise<readonly SlotReport[]>;
  /** The slot's network as it is now. */
  save(slot: number): Promise<TrainedNetwork>;
}
