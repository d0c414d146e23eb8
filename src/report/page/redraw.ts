/**
 * Draws what has changed without taking the machine from the search: one thing at a time, only what can be seen, and
 * after each a pause of so many times what it took.
 */

/** Drawing takes at most one part in this many of a processor's time. */
const SHARE = 12;

export class Redraw {
  readonly #waiting = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Draws soon; asked for again before that, once. */
  request(draw: () => void): void {
    this.#waiting.add(draw);
    this.#timer ??= setTimeout(() => this.#next(), 0);
  }

  cancel(draw: () => void): void {
    this.#waiting.delete(draw);
  }

  #next(): void {
    this.#timer = undefined;
    const [draw] = this.#waiting;
    if (draw === undefined) return;
    this.#waiting.delete(draw);
    const started = performance.now();
    draw();
    if (this.#waiting.size === 0 && !this.#paced) return;
    const pause = this.#paced ? (SHARE - 1) * (performance.now() - started) : 0;
    this.#timer = setTimeout(() => this.#next(), pause);
  }

  readonly #paced: boolean;

  /** @param paced whether to leave the processor to others: on a live page, not in a report */
  constructor(paced: boolean) {
    this.#paced = paced;
  }
}
