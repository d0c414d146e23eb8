/** A trial: one point of a search space with its seed and what became of it. */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Hyperparameters by name, in the terms of the search space. */
export type Hyperparameters = Readonly<Record<string, number | string>>;

export type TrialState = 'waiting' | 'running' | 'complete' | 'silent' | 'failed';

/** A layer of a network whose spikes are counted. */
export interface LayerSpikes {
  readonly layer: string;
  /** Spikes in all samples of the phase. */
  readonly spikes: number;
  /** Samples with fewer spikes than the layer's threshold alpha. */
  readonly silentSamples: number;
}

/** One phase of a trial: training, or evaluation on the hold-out. */
export interface PhaseReport {
  readonly phase: 'train' | 'hold-out';
  readonly samples: number;
  readonly layers: readonly LayerSpikes[];
  /** Spikes of the input in all samples of the phase. */
  readonly inputSpikes: number;
  /** Time between the first launch and the last read-back of the phase, shared with the other slots. */
  readonly seconds: number;
}

/** What is known of a running trial after each chunk of work. */
export interface ChunkReport {
  readonly phase: 'train' | 'hold-out';
  /** Samples of this phase done so far, over all epochs. */
  readonly samples: number;
  /** Per monitored layer: share of silent samples in the epoch (of the whole epoch's samples). */
  readonly silentShares: readonly number[];
  /** Accuracy on the samples seen so far in this phase, where it is known. */
  readonly accuracy?: number;
}

/** How a trial ended. */
export interface TrialOutcome {
  readonly state: 'complete' | 'silent' | 'failed';
  /** Maximized; absent for a trial that has none (failed, or silent and not evaluated). */
  readonly objective?: number;
  /** Feasible iff all are at most 0: the graded form c = 1 - m/N - beta of each monitored layer. */
  readonly constraints: readonly number[];
  /** The plain form c = n/N - beta of the same constraints. */
  readonly plainConstraints: readonly number[];
  /** Why it failed, or which layer fell silent. */
  readonly reason?: string;
  /** Accuracy of each decoder on the hold-out; or what else a recipe measures, by name. */
  readonly accuracies: Readonly<Record<string, number>>;
  readonly phases: readonly PhaseReport[];
  readonly history: readonly ChunkReport[];
  /** Wall-clock time from the first launch to the end, seconds. */
  readonly seconds: number;
  /** Name of the device that ran it. */
  readonly device: string;
}
