/**
 * Decoders: from the spikes of an unsupervised layer to a class. Formulas as in BindsNET's `evaluation` module,
 * with at most one spike a step, so a sample is a sequence of neurons in the order in which they fired.
 *
 * - all-activity: the class whose assigned neurons spike most, on average over them
 * - proportion vote: the same, each spike weighted by the neuron's share of spikes for that class
 * - n-gram: the class for which the sample's sequences of n spikes were seen most often in training
 *
 * Learning is incremental, block by block of training samples; predicting needs no more than the sample's spikes.
 */

/** The decoders that every trial is scored by. */
export const DECODERS = ['all', 'vote', '2gram', '3gram'] as const;
export type DecoderName = (typeof DECODERS)[number];

/** Neurons that spiked in a sample, in order. */
export type SpikeSequence = ArrayLike<number>;

/** Index of the largest value, the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if ((values[index] as number) > (values[best] as number)) best = index;
  }
  return best;
}

/**
 * Learns which class each neuron stands for: after each block, the mean spikes of a neuron over the block's samples of
 * a class are added to its rate for that class; the neuron is assigned to the class with the highest rate.
 */
export class RateDecoder {
  readonly #neurons: number;
  readonly #classes: number;
  /** [neuron][class], summed over blocks. */
  readonly #rates: Float64Array;
  /** [neuron][class] of the block so far. */
  readonly #blockSpikes: Float64Array;
  readonly #blockSamples: Float64Array;
  #weights: { readonly all: Float64Array; readonly vote: Float64Array } | undefined;

  constructor(neurons: number, classes: number) {
    this.#neurons = neurons;
    this.#classes = classes;
    this.#rates = new Float64Array(neurons * classes);
    this.#blockSpikes = new Float64Array(neurons * classes);
    this.#blockSamples = new Float64Array(classes);
  }

  /** Counts a training sample into the current block. */
  learn(spikes: SpikeSequence, label: number): void {
    this.#blockSamples[label] = (this.#blockSamples[label] as number) + 1;
    for (let k = 0; k < spikes.length; k++) {
      const place = (spikes[k] as number) * this.#classes + label;
      this.#blockSpikes[place] = (this.#blockSpikes[place] as number) + 1;
    }
  }

  /** Ends a block: its mean spikes go into the rates, and the assignments follow. */
  endBlock(): void {
    for (let place = 0; place < this.#rates.length; place++) {
      const samples = this.#blockSamples[place % this.#classes] as number;
      if (samples > 0) {
        this.#rates[place] = (this.#rates[place] as number) + (this.#blockSpikes[place] as number) / samples;
      }
    }
    this.#blockSpikes.fill(0);
    this.#blockSamples.fill(0);
    this.#weights = undefined;
  }

  /** The class of each neuron; class 0 for one that never spiked. */
  assignments(): Uint8Array {
    return Uint8Array.from({ length: this.#neurons }, (_, neuron) =>
      argmax(this.#rates.subarray(neuron * this.#classes, (neuron + 1) * this.#classes)),
    );
  }

  predict(spikes: SpikeSequence): { readonly all: number; readonly vote: number } {
    this.#weights ??= this.#decodingWeights();
    const { all, vote } = this.#weights;
    const classes = this.#classes;
    const scores = new Float64Array(2 * classes);
    for (let k = 0; k < spikes.length; k++) {
      const row = (spikes[k] as number) * classes;
      for (let label = 0; label < classes; label++) {
        scores[label] = (scores[label] as number) + (all[row + label] as number);
        scores[classes + label] = (scores[classes + label] as number) + (vote[row + label] as number);
      }
    }
    return { all: argmax(scores.subarray(0, classes)), vote: argmax(scores.subarray(classes)) };
  }

  /** What one spike of a neuron adds to each class: [neuron][class]. */
  #decodingWeights(): { all: Float64Array; vote: Float64Array } {
    const classes = this.#classes;
    const assignments = this.assignments();
    const assigned = new Float64Array(classes);
    for (const label of assignments) assigned[label] = (assigned[label] as number) + 1;
    const all = new Float64Array(this.#rates.length);
    const vote = new Float64Array(this.#rates.length);
    assignments.forEach((label, neuron) => {
      const row = this.#rates.subarray(neuron * classes, (neuron + 1) * classes);
      const sum = row.reduce((total, rate) => total + rate, 0);
      const share = 1 / (assigned[label] as number);
      all[neuron * classes + label] = share;
      vote[neuron * classes + label] = sum > 0 ? (share * (row[label] as number)) / sum : 0;
    });
    return { all, vote };
  }
}

/** Largest neuron index + 1, so that three of them make an exact key in a double. */
const RADIX = 2 ** 16;

/** Counts, for each sequence of n spikes in a row, how often each class showed it. */
export class NgramDecoder {
  readonly #n: number;
  readonly #classes: number;
  /** Row of each sequence in the counts. */
  readonly #rows = new Map<number, number>();
  #counts: Float64Array;

  constructor(n: 2 | 3, classes: number) {
    this.#n = n;
    this.#classes = classes;
    this.#counts = new Float64Array(1024 * classes);
  }

  learn(spikes: SpikeSequence, label: number): void {
    this.#forEachKey(spikes, (key) => {
      let row = this.#rows.get(key);
      if (row === undefined) {
        row = this.#rows.size;
        this.#rows.set(key, row);
        if ((row + 1) * this.#classes > this.#counts.length) this.#grow();
      }
      const place = row * this.#classes + label;
      this.#counts[place] = (this.#counts[place] as number) + 1;
    });
  }

  predict(spikes: SpikeSequence): number {
    const scores = new Float64Array(this.#classes);
    this.#forEachKey(spikes, (key) => {
      const row = this.#rows.get(key);
      if (row === undefined) return;
      for (let label = 0; label < this.#classes; label++) {
        scores[label] = (scores[label] as number) + (this.#counts[row * this.#classes + label] as number);
      }
    });
    return argmax(scores);
  }

  #forEachKey(spikes: SpikeSequence, visit: (key: number) => void): void {
    for (let start = 0; start + this.#n <= spikes.length; start++) {
      let key = 0;
      for (let k = 0; k < this.#n; k++) key = key * RADIX + (spikes[start + k] as number);
      visit(key);
    }
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.#counts.length);
    larger.set(this.#counts);
    this.#counts = larger;
  }
}

/** All decoders of one trial: learns from training samples, then counts right answers on others. */
export class DecoderBank {
  readonly #rates: RateDecoder;
  readonly #bigrams: NgramDecoder;
  readonly #trigrams: NgramDecoder;
  readonly #blockSamples: number;
  #inBlock = 0;
  #scored = 0;
  readonly #right: Record<DecoderName, number> = { all: 0, vote: 0, '2gram': 0, '3gram': 0 };

  /** @param blockSamples how many training samples make a block of the rate decoder */
  constructor(neurons: number, classes: number, blockSamples: number) {
    this.#rates = new RateDecoder(neurons, classes);
    this.#bigrams = new NgramDecoder(2, classes);
    this.#trigrams = new NgramDecoder(3, classes);
    this.#blockSamples = blockSamples;
  }

  learn(spikes: SpikeSequence, label: number): void {
    this.#rates.learn(spikes, label);
    this.#bigrams.learn(spikes, label);
    this.#trigrams.learn(spikes, label);
    this.#inBlock += 1;
    if (this.#inBlock === this.#blockSamples) this.endTraining();
  }

  /** Ends the block under way, if it has samples. */
  endTraining(): void {
    if (this.#inBlock > 0) this.#rates.endBlock();
    this.#inBlock = 0;
  }

  score(spikes: SpikeSequence, label: number): void {
    const { all, vote } = this.#rates.predict(spikes);
    this.#scored += 1;
    if (all === label) this.#right.all += 1;
    if (vote === label) this.#right.vote += 1;
    if (this.#bigrams.predict(spikes) === label) this.#right['2gram'] += 1;
    if (this.#trigrams.predict(spikes) === label) this.#right['3gram'] += 1;
  }

  /** Share of right answers of each decoder so far; 0 before the first sample. */
  accuracies(): Record<DecoderName, number> {
    const share = (name: DecoderName): number => (this.#scored > 0 ? this.#right[name] / this.#scored : 0);
    return { all: share('all'), vote: share('vote'), '2gram': share('2gram'), '3gram': share('3gram') };
  }
}
