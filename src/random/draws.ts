/**
 * Draws from common distributions on the host, out of Philox. A sequence of draws stands at an address: the key, a
 * stream and two indices. So what is drawn for one neuron or synapse depends on nothing that was drawn for another.
 */
import { philoxInto, type Words2 } from './philox.ts';

const TWO_32 = 2 ** 32;

/** The largest range of {@link Draws.below}: its products must be exact in double precision. */
export const MAX_BELOW = 2 ** 21;

export class Draws {
  readonly #key: Words2;
  readonly #stream: number;
  readonly #words = new Uint32Array(4);
  #first = 0;
  #second = 0;
  #block = 0;
  #used = 4;

  /** @param stream one of `STREAMS` */
  constructor(key: Words2, stream: number) {
    this.#key = key;
    this.#stream = stream;
  }

  /** Goes to the start of the sequence at an address: the last two words of Philox's counter. */
  at(first: number, second: number): this {
    this.#first = first;
    this.#second = second;
    this.#block = 0;
    this.#used = 4;
    return this;
  }

  /** The next 32 random bits. */
  word(): number {
    if (this.#used === 4) {
      philoxInto(this.#words, this.#block++, this.#stream, this.#first, this.#second, this.#key);
      this.#used = 0;
    }
    return this.#words[this.#used++] as number;
  }

  /** Uniform in (0, 1), neither end included: the middle of one of 2^32 cells. */
  unit(): number {
    return (this.word() + 0.5) / TWO_32;
  }

  /**
   * A whole number from 0 to `count` - 1, each exactly as likely (Lemire, "Fast random integer generation in an
   * interval", 2019).
   */
  below(count: number): number {
    if (!(count >= 1 && count <= MAX_BELOW)) {
      throw new RangeError(`can't draw below ${count}: give 1 to ${MAX_BELOW}`);
    }
    for (;;) {
      const product = this.word() * count;
      const whole = Math.floor(product / TWO_32);
      const rest = product - whole * TWO_32;
      if (rest >= count || rest >= (TWO_32 - count) % count) return whole;
    }
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -Math.log(this.unit());
  }

  /** Normal with mean 0 and standard deviation 1 (Box and Muller 1958); the second of each pair is not used. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(this.unit()));
    return radius * Math.cos(2 * Math.PI * this.unit());
  }

  /** Gamma with this shape and scale 1 (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * this.unit() ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(this.unit()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }
}
