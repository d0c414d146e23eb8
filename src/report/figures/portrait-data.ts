/** One network of a study, run again: what it learned and how it spikes. */

export interface Portrait {
  readonly trial: number;
  /** Accuracy by the trial's own decoder, in this run and as it was recorded. */
  readonly accuracy: number;
  readonly recordedAccuracy: number;
  readonly device: string;
  /** The layer of the raster and of the spikes by class, and its neurons. */
  readonly layer: string;
  readonly neurons: number;
  /** Of networks that read images. */
  readonly fields?: ReceptiveFields;
  readonly raster: SampleRaster;
  readonly classes: readonly ClassSpikes[];
  /** A sample is silent for the layer with fewer spikes than this. */
  readonly alpha: number;
  readonly rates: readonly LayerRateSummary[];
  /** Loss and accuracy in each epoch; empty for a network that does not learn by a loss. */
  readonly epochs: readonly PortraitEpoch[];
  /** Samples of the hold-out, [label][class that they were taken for]; absent where a network names none. */
  readonly confusion?: readonly (readonly number[])[];
}

/** Mean spikes of a layer's neurons in a sample of the hold-out. */
export interface LayerRateSummary {
  readonly layer: string;
  readonly neurons: number;
  /** Neurons that never spiked. */
  readonly never: number;
  readonly mean: number;
  /** Over the neurons: 5th percentile, quartiles, 95th percentile. */
  readonly quantiles: readonly [number, number, number, number, number];
}

export interface PortraitEpoch {
  readonly train: { readonly loss: number; readonly accuracy: number };
  readonly holdOut: { readonly loss: number; readonly accuracy: number };
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

/** A layer's spikes in some samples of the hold-out, one after another. */
export interface SampleRaster {
  readonly steps: number;
  readonly timeUnit: 'ms' | 'steps';
  readonly labels: readonly number[];
  /** Time over all samples; neuron. */
  readonly spikes: readonly (readonly [number, number])[];
}

/** Spikes of a layer in the hold-out's samples of one class. */
export interface ClassSpikes {
  readonly label: number;
  readonly samples: number;
  readonly silent: number;
  /** Spikes in a sample: 5th percentile, quartiles, 95th percentile. */
  readonly quantiles: readonly [number, number, number, number, number];
}
