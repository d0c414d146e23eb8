/**
 * Philox 4x32-10, the counter-based random generator of Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3" (SC 2011). The same words come from `shaders/philox.wgsl` and from the native engine, bit for bit.
 *
 * Draws are addressed, never consumed: key = (seed), counter = (index, stream, ...). No state is stored, so no
 * draw depends on the order in which the work is done.
 */

/** Which purpose a draw serves: the second word of the counter, so that purposes never share numbers. */
export const STREAMS = {
  initialWeights: 1,
  winner: 2,
  encoding: 3,
  split: 4,
  trialSeed: 5,
  sourceSpikes: 6,
  poissonInput: 7,
  membraneNoise: 8,
  connectivity: 9,
  weights: 10,
  delays: 11,
  positions: 12,
  initialState: 13,
  parameters: 14,
  plasticity: 15,
  pruning: 20,
  tangentVectors: 16,
} as const;

export type Words4 = readonly [number, number, number, number];
export type Words2 = readonly [number, number];

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit words; no partial sum exceeds 32 bits. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carried = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (carried >>> 16)) >>> 0;
}

/**
 * One block of the generator: four unsigned 32-bit words for a counter and a key.
 *
 * @example philox4x32([0, 0, 0, 0], [0, 0])[0].toString(16) // '6627e8d5'
 */
export function philox4x32(counter: Words4, key: Words2): Words4 {
  const words = new Uint32Array(4);
  philoxInto(words, counter[0], counter[1], counter[2], counter[3], key);
  return [words[0] as number, words[1] as number, words[2] as number, words[3] as number];
}

/** The same, into four words that the caller keeps: for loops that draw millions. */
export function philoxInto(
  words: Uint32Array,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key: Words2,
): void {
  let c0 = counter0;
  let c1 = counter1;
  let c2 = counter2;
  let c3 = counter3;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/** Splits a seed (an integer from 0 to 2^53 - 1) into the two words of a key. */
export function keyOf(seed: number): Words2 {
  return [seed >>> 0, Math.floor(seed / 0x1_0000_0000) >>> 0];
}

/** A real in [0, 1) with 24 bits from a word: exact in f32, so every engine gets the same number. */
export function unitReal(word: number): number {
  return (word >>> 8) * 2 ** -24;
}
