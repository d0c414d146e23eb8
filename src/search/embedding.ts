/**
 * The coordinates in which the models measure distance. A number keeps its unit coordinate. A category becomes one
 * coordinate for each choice, 0 or 1/√2, so that any two choices are at distance 1; they share one length scale.
 */
import type { SearchSpace } from './space.ts';

export class Embedding {
  /** How many coordinates the models see. */
  readonly width: number;
  /** The search dimension that each coordinate belongs to, shape [width]. */
  readonly groups: Int32Array;
  readonly #dimensions: number;
  /** The choices of each dimension, 0 for numbers. */
  readonly #choices: readonly number[];

  constructor(space: SearchSpace) {
    const { categorical, cardinalities } = space;
    this.#dimensions = space.dimensions;
    this.#choices = categorical.map((category, i) => (category ? (cardinalities[i] as number) : 0));
    this.groups = Int32Array.from(this.#choices.flatMap((count, i) => Array(Math.max(1, count)).fill(i)));
    this.width = this.groups.length;
  }

  /** Embeds `count` snapped unit points, shape [count, dimensions]; the result is of shape [count, width]. */
  embed(units: Float64Array, count: number): Float64Array {
    if (this.width === this.#dimensions && this.#choices.every((choices) => choices === 0)) return units;
    const out = new Float64Array(count * this.width);
    for (let i = 0; i < count; i++) {
      let at = i * this.width;
      for (const [j, choices] of this.#choices.entries()) {
        const u = units[i * this.#dimensions + j] as number;
        if (choices === 0) {
          out[at++] = u;
          continue;
        }
        out[at + Math.min(choices - 1, Math.floor(u * choices))] = Math.SQRT1_2;
        at += choices;
      }
    }
    return out;
  }
}
