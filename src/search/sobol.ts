/**
 * Sobol points, plain or scrambled. Points are addressed by their index, so a sequence has no state.
 *
 * The recurrence is that of Bratley and Fox, Algorithm 659 (1988), in Gray-code order (Antonov and Saleev 1979);
 * the direction numbers are Joe and Kuo's D6. Scrambling is a random lower-triangular matrix and a digital shift
 * for each dimension (Matoušek 1998): it keeps every equidistribution property of the plain points and gives each
 * point the uniform distribution.
 */
import { RandomStream, SEARCH_STREAMS } from './random.ts';
import { DIRECTIONS } from './sobol-directions.ts';

const BITS = 32;

/** The most coordinates a point can have. */
export const SOBOL_MAX_DIMENSIONS = DIRECTIONS.length + 1;

export interface SobolOptions {
  /** Scrambles by this seed (0 to 2^53 - 1); without it the points are the plain ones. */
  readonly seed?: number;
  /** Tells apart the scramblings of one seed. */
  readonly index?: number;
}

export class SobolSequence {
  readonly dimensions: number;
  /** `BITS` direction numbers for each dimension, the most significant bit first. */
  readonly #directions: Uint32Array;
  readonly #shift: Uint32Array;
  /** The centre of the smallest cell where scrambled, its corner where plain. */
  readonly #offset: number;

  /**
   * @throws RangeError when `dimensions` is not from 1 to {@link SOBOL_MAX_DIMENSIONS}.
   * @example new SobolSequence(2).point(1) // Float64Array [0.5, 0.5]
   */
  constructor(dimensions: number, options: SobolOptions = {}) {
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > SOBOL_MAX_DIMENSIONS) {
      throw new RangeError(
        `a Sobol sequence has 1 to ${SOBOL_MAX_DIMENSIONS} dimensions, not ${dimensions}: fix some parameters or use random points`,
      );
    }
    this.dimensions = dimensions;
    this.#directions = new Uint32Array(dimensions * BITS);
    for (let j = 0; j < dimensions; j++) {
      this.#directions.set(directionNumbers(j), j * BITS);
    }
    this.#shift = new Uint32Array(dimensions);
    this.#offset = 0;
    if (options.seed !== undefined) {
      scramble(
        this.#directions,
        this.#shift,
        new RandomStream(options.seed, SEARCH_STREAMS.scramble, options.index ?? 0),
      );
      this.#offset = 0.5;
    }
  }

  /** Point number `index` (from 0), each coordinate in [0, 1). */
  point(index: number): Float64Array {
    return this.points(index, 1);
  }

  /** Points `start` to `start + count - 1`, one after the other: shape [count, dimensions]. */
  points(start: number, count: number): Float64Array {
    const d = this.dimensions;
    const out = new Float64Array(count * d);
    const words = new Uint32Array(d);
    let gray = (start ^ (start >>> 1)) >>> 0;
    for (let j = 0; j < d; j++) {
      let word = this.#shift[j] as number;
      for (let bit = 0; bit < BITS; bit++) {
        if ((gray >>> bit) & 1) word ^= this.#directions[j * BITS + bit] as number;
      }
      words[j] = word;
    }
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < d; j++) out[i * d + j] = ((words[j] as number) + this.#offset) * 2 ** -BITS;
      const next = start + i + 1;
      const nextGray = (next ^ (next >>> 1)) >>> 0;
      const changed = 31 - Math.clz32((gray ^ nextGray) >>> 0);
      for (let j = 0; j < d; j++)
        words[j] = (words[j] as number) ^ (this.#directions[j * BITS + changed] as number);
      gray = nextGray;
    }
    return out;
  }
}

/** The `BITS` direction numbers of dimension `j` (from 0), as words whose highest bit is the first binary digit. */
function directionNumbers(j: number): Uint32Array {
  const v = new Uint32Array(BITS);
  const direction = DIRECTIONS[j - 1];
  if (direction === undefined) {
    for (let i = 0; i < BITS; i++) v[i] = 1 << (BITS - 1 - i);
    return v;
  }
  const { coefficients, initial } = direction;
  const degree = initial.length;
  for (let i = 0; i < BITS; i++) {
    if (i < degree) {
      v[i] = (initial[i] as number) << (BITS - 1 - i);
      continue;
    }
    const base = v[i - degree] as number;
    let word = base ^ (base >>> degree);
    for (let k = 1; k < degree; k++) {
      if ((coefficients >>> (degree - 1 - k)) & 1) word ^= v[i - k] as number;
    }
    v[i] = word;
  }
  return v;
}

/** Multiplies each dimension's numbers by a random lower-triangular bit matrix and draws its shift. */
function scramble(directions: Uint32Array, shift: Uint32Array, random: RandomStream): void {
  const rows = new Uint32Array(BITS);
  for (let j = 0; j < shift.length; j++) {
    for (let row = 0; row < BITS; row++) {
      // Digit `row` of the product depends on digits 0 to `row`; its own coefficient is one.
      const own = (1 << (BITS - 1 - row)) >>> 0;
      const before = row === 0 ? 0 : (0xffffffff << (BITS - row)) >>> 0;
      rows[row] = (random.word() & before) | own;
    }
    for (let i = 0; i < BITS; i++) {
      const word = directions[j * BITS + i] as number;
      let product = 0;
      for (let row = 0; row < BITS; row++) {
        if (parity((rows[row] as number) & word) === 1) product |= 1 << (BITS - 1 - row);
      }
      directions[j * BITS + i] = product;
    }
    shift[j] = random.word();
  }
}

function parity(word: number): number {
  let w = word;
  w ^= w >>> 16;
  w ^= w >>> 8;
  w ^= w >>> 4;
  w ^= w >>> 2;
  w ^= w >>> 1;
  return w & 1;
}
