/**
 * A stream of random numbers for one purpose of a search. It is addressed (seed, purpose, index), so a stream can
 * be made again at any time: nothing of it needs saving but the index.
 */
import { keyOf, philox4x32, type Words2, type Words4 } from '../random/philox.ts';

/**
 * What a draw of the optimizer serves. The numbers start far above those of the simulation, so that a study's
 * seed never gives both the same words.
 */
export const SEARCH_STREAMS = {
  initial: 0x100,
  scramble: 0x101,
  candidates: 0x102,
  features: 0x103,
  paths: 0x104,
  fit: 0x105,
} as const;

export type SearchStream = (typeof SEARCH_STREAMS)[keyof typeof SEARCH_STREAMS];

/** Where random numbers in [0, 1) come from. */
export interface RandomSource {
  uniform(): number;
}

export class RandomStream implements RandomSource {
  readonly #key: Words2;
  readonly #purpose: number;
  readonly #index: number;
  #block = 0;
  #words: Words4 = [0, 0, 0, 0];
  #next = 4;
  #spareNormal: number | undefined;

  /** `seed` from 0 to 2^53 - 1; `index` (from 0 to 2^32 - 1) tells apart the uses of one purpose. */
  constructor(seed: number, purpose: SearchStream, index: number) {
    this.#key = keyOf(seed);
    this.#purpose = purpose;
    this.#index = index >>> 0;
  }

  /** 32 random bits. */
  word(): number {
    if (this.#next === 4) {
      this.#words = philox4x32([this.#block, this.#index, this.#purpose, 0], this.#key);
      this.#block += 1;
      this.#next = 0;
    }
    const word = this.#words[this.#next] as number;
    this.#next += 1;
    return word;
  }

  /** A real in [0, 1) with 53 bits. */
  uniform(): number {
    const high = this.word() >>> 5;
    const low = this.word() >>> 6;
    return (high * 0x4000000 + low) * 2 ** -53;
  }

  /** An integer from 0 to `count` - 1. */
  integer(count: number): number {
    return Math.min(count - 1, Math.floor(this.uniform() * count));
  }

  /** A standard normal draw (Box and Muller 1958). */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}
