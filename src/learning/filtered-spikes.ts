/**
 * Filtered spikes, what a readout sees of a network: for each neuron the sum over its spikes of
 * exp(-(t - t_spike) / tau), sampled at regular times.
 *
 * @example
 * const filter = new SpikeFilter({ neurons: 1000, dtMs: 1, tauMs: 20, everySteps: 50 });
 * const [record] = await batch.run(5000);
 * const features = filter.push(record.raster, record.steps); // [100][1000]
 */
export interface SpikeFilterOptions {
  /** Neurons of the raster. */
  readonly neurons: number;
  readonly dtMs: number;
  readonly tauMs: number;
  /** A sample is taken at the end of every so many steps. */
  readonly everySteps: number;
  /** The neurons that are read; all by default. */
  readonly read?: ArrayLike<number>;
}

export class SpikeFilter {
  /** Values of a sample: the neurons that are read. */
  readonly features: number;
  readonly #words: number;
  readonly #everySteps: number;
  /** Feature of each neuron; -1 for those that are not read. */
  readonly #featureOf: Int32Array;
  /** exp(-k dt / tau), k = 0 .. everySteps. */
  readonly #decays: Float64Array;
  /** The filtered spikes as of the end of the current interval between samples, of those so far. */
  readonly #sums: Float64Array;
  #stepInInterval = 0;

  constructor({ neurons, dtMs, tauMs, everySteps, read }: SpikeFilterOptions) {
    for (const [name, value] of Object.entries({ neurons, dtMs, tauMs, everySteps })) {
      if (!(value > 0)) throw new RangeError(`${name} is ${value}: give a number above 0`);
    }
    if (!Number.isInteger(everySteps))
      throw new RangeError(`everySteps is ${everySteps}: give a whole number`);
    this.#words = Math.ceil(neurons / 32);
    this.#everySteps = everySteps;
    this.#featureOf = new Int32Array(this.#words * 32).fill(-1);
    const which = read ?? Array.from({ length: neurons }, (_, neuron) => neuron);
    for (let feature = 0; feature < which.length; feature++) {
      const neuron = which[feature] as number;
      if (!(neuron >= 0 && neuron < neurons)) {
        throw new RangeError(`neuron ${neuron} can't be read: there are ${neurons}`);
      }
      this.#featureOf[neuron] = feature;
    }
    this.features = which.length;
    this.#decays = Float64Array.from({ length: everySteps + 1 }, (_, k) => Math.exp((-k * dtMs) / tauMs));
    this.#sums = new Float64Array(this.features);
  }

  /**
   * Takes in the next steps of a raster, bit-packed as a batch records it: [step][ceil(neurons / 32)].
   *
   * @returns the samples that were completed: [sample][feature]
   */
  push(raster: Uint32Array, steps: number): Float64Array {
    if (raster.length !== steps * this.#words) {
      throw new RangeError(
        `a raster of ${raster.length} words is not ${steps} steps of ${this.#words}: give all of it`,
      );
    }
    const samples = Math.floor((this.#stepInInterval + steps) / this.#everySteps);
    const out = new Float64Array(samples * this.features);
    const whole = this.#decays[this.#everySteps] as number;
    let sample = 0;
    for (let step = 0; step < steps; step++) {
      if (this.#stepInInterval === 0) {
        for (let feature = 0; feature < this.features; feature++) {
          this.#sums[feature] = (this.#sums[feature] as number) * whole;
        }
      }
      const share = this.#decays[this.#everySteps - 1 - this.#stepInInterval] as number;
      for (let word = 0; word < this.#words; word++) {
        let bits = raster[step * this.#words + word] as number;
        while (bits !== 0) {
          const bit = 31 - Math.clz32(bits & -bits);
          bits &= bits - 1;
          const feature = this.#featureOf[word * 32 + bit] as number;
          if (feature >= 0) this.#sums[feature] = (this.#sums[feature] as number) + share;
        }
      }
      this.#stepInInterval += 1;
      if (this.#stepInInterval === this.#everySteps) {
        out.set(this.#sums, sample * this.features);
        sample += 1;
        this.#stepInInterval = 0;
      }
    }
    return out;
  }
}
