/** Samples put together from lists of spikes. */
import type { SpikeSamples } from './samples.ts';

/** Collects samples one after another; arrays double when they are full. */
export class SampleWriter {
  readonly #steps: number;
  readonly #shape: readonly [number, number, number];
  readonly #offsets: number[] = [];
  readonly #labels: number[] = [];
  #events: Uint16Array | Uint32Array;
  #used = 0;

  /** @param shape [height, width, channels] */
  constructor(steps: number, shape: readonly [number, number, number]) {
    if (!(Number.isSafeInteger(steps) && steps >= 1)) {
      throw new RangeError(`steps is ${steps}: give a whole number of at least 1`);
    }
    this.#steps = steps;
    this.#shape = shape;
    this.#events = shape[0] * shape[1] * shape[2] <= 0x10000 ? new Uint16Array(1024) : new Uint32Array(1024);
  }

  /** @param spikes for each step the inputs that spike; one that stands there twice spikes once */
  add(spikes: readonly (readonly number[])[], label: number): void {
    this.#labels.push(label);
    for (let step = 0; step < this.#steps; step++) {
      this.#offsets.push(this.#used);
      for (const input of [...new Set(spikes[step] ?? [])].sort((a, b) => a - b)) {
        if (this.#used === this.#events.length) {
          const larger = new (this.#events instanceof Uint16Array ? Uint16Array : Uint32Array)(
            2 * this.#used,
          );
          larger.set(this.#events);
          this.#events = larger;
        }
        this.#events[this.#used++] = input;
      }
    }
    this.#offsets.push(this.#used);
  }

  done(classes: number): SpikeSamples {
    return {
      steps: this.#steps,
      inputs: this.#shape[0] * this.#shape[1] * this.#shape[2],
      shape: this.#shape,
      classes,
      labels: Uint16Array.from(this.#labels),
      offsets: Uint32Array.from(this.#offsets),
      events: this.#events.slice(0, this.#used),
    };
  }
}
