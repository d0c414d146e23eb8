/**
 * What happens to tangent vectors between two orthonormalizations, written down by an event-based simulation: a list of
 * operations, each on the variables of one neuron, to be carried out in order on any number of vectors, in double
 * precision here or in single precision by the kernel `tangent_events`.
 */

/** Numbers of an operation before those of its channels, and of each channel. */
const NEURON_NUMBERS = 2;
const CHANNEL_NUMBERS = 3;

/**
 * Operations on a state of `neurons` potentials V followed by `channels` planes of as many synaptic variables g. With X
 * the source's row of V as it is before the operation:
 *
 *   V[target] = a V[target] + sum over c of b[c] g[c][target] + c X
 *   g[c][target] = d[c] g[c][target] + e[c] X
 */
export class TangentProgram {
  readonly neurons: number;
  readonly channels: number;
  /** Numbers of one operation: a, c, then b, d, e of each channel. */
  readonly width: number;
  #targets = new Uint32Array(256);
  #sources = new Uint32Array(256);
  #numbers: Float64Array;
  #length = 0;

  constructor(neurons: number, channels: number) {
    this.neurons = neurons;
    this.channels = channels;
    this.width = NEURON_NUMBERS + CHANNEL_NUMBERS * channels;
    this.#numbers = new Float64Array(256 * this.width);
  }

  get length(): number {
    return this.#length;
  }

  /** Neurons that are changed, [operation]. */
  get targets(): Uint32Array {
    return this.#targets.subarray(0, this.#length);
  }

  /** Neurons whose potential's tangents are added, [operation]. */
  get sources(): Uint32Array {
    return this.#sources.subarray(0, this.#length);
  }

  /** [operation][width] */
  get numbers(): Float64Array {
    return this.#numbers.subarray(0, this.#length * this.width);
  }

  /** Adds an operation that changes nothing yet. Returns where its numbers are to be written, in {@link room}. */
  add(target: number, source: number, a: number, c: number): number {
    if (this.#length === this.#targets.length) this.#grow();
    this.#targets[this.#length] = target;
    this.#sources[this.#length] = source;
    const at = this.#length++ * this.width;
    this.#numbers[at] = a;
    this.#numbers[at + 1] = c;
    for (let c = 0, place = at + NEURON_NUMBERS; c < this.channels; c++, place += CHANNEL_NUMBERS) {
      this.#numbers[place] = 0;
      this.#numbers[place + 1] = 1;
      this.#numbers[place + 2] = 0;
    }
    return at;
  }

  /** The numbers of a channel of the operation at `at`. */
  channel(at: number, channel: number, b: number, d: number, e: number): void {
    const place = at + NEURON_NUMBERS + CHANNEL_NUMBERS * channel;
    this.#numbers[place] = b;
    this.#numbers[place + 1] = d;
    this.#numbers[place + 2] = e;
  }

  clear(): void {
    this.#length = 0;
  }

  /** Carries out all operations on k vectors x, [variable][k]. */
  run(x: Float64Array, k: number): void {
    const { channels, width, neurons } = this;
    const numbers = this.#numbers;
    for (let op = 0; op < this.#length; op++) {
      const target = (this.#targets[op] as number) * k;
      const source = (this.#sources[op] as number) * k;
      const at = op * width;
      const a = numbers[at] as number;
      const c = numbers[at + 1] as number;
      for (let i = 0; i < k; i++) {
        const from = x[source + i] as number;
        let v = a * (x[target + i] as number) + c * from;
        let place = at + NEURON_NUMBERS;
        let row = target + neurons * k + i;
        for (let channel = 0; channel < channels; channel++) {
          const g = x[row] as number;
          v += (numbers[place] as number) * g;
          x[row] = (numbers[place + 1] as number) * g + (numbers[place + 2] as number) * from;
          place += CHANNEL_NUMBERS;
          row += neurons * k;
        }
        x[target + i] = v;
      }
    }
  }

  #grow(): void {
    const length = 2 * this.#targets.length;
    const wider = (old: Uint32Array) => {
      const grown = new Uint32Array(length);
      grown.set(old);
      return grown;
    };
    this.#targets = wider(this.#targets);
    this.#sources = wider(this.#sources);
    const numbers = new Float64Array(length * this.width);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }
}
