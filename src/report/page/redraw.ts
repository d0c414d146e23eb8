/**
 * Draws what has changed without taking the machine from the search: one thing at a time, only what can be seen, and
 * after each a pause of so many times what it took. What comes into view for the first time does not wait.
 */

/** Drawing again takes at most one part in this many of a processor's time. */
const SHARE = 50;
/** But nothing waits longer than this for its turn, ms: a machine that is busy draws slowly. */
const LONGEST_PAUSE_MS = 5_000;

/** Draws, if there is anything to be seen. @returns whether it did */
export type Draw = () => boolean;

export class Redraw {
  readonly #paced: boolean;
  readonly #waiting = new Set<Draw>();
  readonly #drawn = new WeakSet<Draw>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param paced whether to leave the processor to others: on a live page, not in a report */
  constructor(paced: boolean) {
    this.#paced = paced;
  }

  /** Draws soon; asked for again before that, once. */
  request(draw: Draw): void {
    this.#waiting.add(draw);
    if (!this.#drawn.has(draw) || this.#timer === undefined) this.#wake(0);
  }

  cancel(draw: Draw): void {
    this.#waiting.delete(draw);
  }

  #wake(pause: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), pause);
  }

  #next(): void {
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    const fresh = waiting.find((one) => !this.#drawn.has(one));
    const draw = fresh ?? waiting[0];
    if (draw === undefined) return;
    this.#waiting.delete(draw);
    const started = performance.now();
    if (draw()) this.#drawn.add(draw);
    const took = performance.now() - started;
    if (this.#waiting.size === 0 && !this.#paced) return;
    const hurry = !this.#paced || [...this.#waiting].some((one) => !this.#drawn.has(one));
    this.#wake(hurry ? 0 : Math.min(LONGEST_PAUSE_MS, (SHARE - 1) * took));
  }
}
