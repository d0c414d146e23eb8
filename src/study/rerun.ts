/** One trial of a study, run again alone to look at its network: a trial's values and seed are all that it needs. */
import type { StudySpec, TrialRecord } from './store.ts';
import type { TrialOutcome } from './trial.ts';

/** A network at the end of its trial, and how it spiked on the hold-out. */
export interface RerunTrial {
  readonly outcome: TrialOutcome;
  /** The layer whose spikes are shown, its neurons, and with how few spikes a sample is silent for it. */
  readonly layer: string;
  readonly neurons: number;
  readonly alpha: number;
  /** Of a sample. */
  readonly steps: number;
  readonly timeUnit: 'ms' | 'steps';
  readonly samples: readonly HoldOutSample[];
  readonly rates: readonly LayerRates[];
  /** Empty for a network that does not learn by a loss. */
  readonly epochs: readonly RerunEpoch[];
  /** Of networks that read images, f32 [input][neuron]. */
  readonly weights?: { readonly inputs: number; readonly values: Float32Array };
}

/** A sample of the hold-out and the layer's spikes in it. */
export interface HoldOutSample {
  readonly label: number;
  /** Absent where a network says no class of a sample. */
  readonly predicted?: number;
  readonly count: number;
  /** All of them, of the first {@link SAMPLES_WITH_SPIKES} samples at least. */
  readonly spikes: readonly { readonly step: number; readonly neuron: number }[];
}

export const SAMPLES_WITH_SPIKES = 10;

/** Mean spikes of each neuron of a layer in a sample of the hold-out. */
export interface LayerRates {
  readonly layer: string;
  readonly spikesPerSample: Float64Array;
}

export interface RerunEpoch {
  /** While it learned, with dropout. */
  readonly train: LossAndAccuracy;
  readonly holdOut: LossAndAccuracy;
}

export interface LossAndAccuracy {
  /** Mean over the samples. */
  readonly loss: number;
  readonly accuracy: number;
}

/**
 * Runs a trial of a study again. On the same kind of device it comes to the same as in the search.
 *
 * @param device a specification, such as `auto`
 * @param onProgress is told the samples run, and how many there are to run
 * @throws {DeviceError} when the device can't be opened or can't hold the network
 */
export type Rerun = (
  study: Pick<StudySpec, 'settings' | 'space'>,
  trial: Pick<TrialRecord, 'values' | 'seed'>,
  device: string,
  onProgress: (done: number, all: number) => void,
) => Promise<RerunTrial>;

/** Counts spikes by neuron. */
export class RateCounter {
  readonly #layer: string;
  readonly #counts: Float64Array;
  #samples = 0;

  constructor(layer: string, neurons: number) {
    this.#layer = layer;
    this.#counts = new Float64Array(neurons);
  }

  addSample(): void {
    this.#samples += 1;
  }

  addSpike(neuron: number): void {
    this.#counts[neuron] = (this.#counts[neuron] as number) + 1;
  }

  rates(): LayerRates {
    const samples = Math.max(1, this.#samples);
    return { layer: this.#layer, spikesPerSample: this.#counts.map((count) => count / samples) };
  }
}
