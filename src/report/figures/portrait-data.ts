/** One network of a study, run again: what it learned and how it spikes. */

export interface Portrait {
  readonly trial: number;
  /** Accuracy by the trial's own decoder, in this run and as it was recorded. */
  readonly accuracy: number;
  readonly recordedAccuracy: number;
  readonly device: string;
  readonly neurons: number;
  readonly fields: ReceptiveFields;
  readonly raster: SampleRaster;
  readonly classes: readonly ClassSpikes[];
  /** A sample is silent for the excitatory layer with fewer spikes than this. */
  readonly alpha: number;
}

/** Input weights of some neurons as grey values. */
export interface ReceptiveFields {
  /** Pixels of a side. */
  readonly side: number;
  readonly neurons: readonly number[];
  /** The class that each neuron stands for; -1 for none. */
  readonly labels: readonly number[];
  /** [neuron][row][column], 0 to 255 of the neuron's largest weight, base64. */
  readonly pixels: string;
}

/** Excitatory spikes in some samples of the hold-out, one after another. */
export interface SampleRaster {
  readonly steps: number;
  readonly labels: readonly number[];
  /** Time, ms, over all samples; neuron. */
  readonly spikes: readonly (readonly [number, number])[];
}

/** Spikes of the excitatory layer in the hold-out's samples of one class. */
export interface ClassSpikes {
  readonly label: number;
  readonly samples: number;
  readonly silent: number;
  /** Spikes in a sample: 5th percentile, quartiles, 95th percentile. */
  readonly quantiles: readonly [number, number, number, number, number];
}
