/** The form in which every data set reaches training: events or values over time, with labels. */

/** What a network sees: how long, how many inputs, in which arrangement. */
export interface SampleShape {
  /** Time steps of a sample. */
  readonly steps: number;
  /** Inputs of a step: the product of `shape`. */
  readonly inputs: number;
  /** [height, width, channels]; input (y width + x) channels + c. [1, 1, inputs] for data without an arrangement. */
  readonly shape: readonly [number, number, number];
  readonly classes: number;
}

/** Spikes of a batch as event lists. */
export interface EventBatch {
  readonly kind: 'events';
  /** [sample][steps + 1]: index in `events` where each step begins; the last one of a sample is where it ends. */
  readonly offsets: Uint32Array;
  /** Input that spikes; an input is at most once in a step. */
  readonly events: Uint16Array | Uint32Array;
}

/** Real values of a batch. */
export interface ValueBatch {
  readonly kind: 'values';
  /** [sample][step][input] */
  readonly values: Float32Array;
}

/** A labelled data set that gives its samples batch by batch. */
export interface SampleSource extends SampleShape {
  readonly samples: number;
  /** [sample], 0 .. classes - 1 */
  readonly labels: Uint8Array | Uint16Array;
  readonly kind: 'events' | 'values';
  /**
   * The samples with these numbers, in this order.
   *
   * @param pass counts the passes over the data: encoders that draw anew each time take it as their stream's index
   */
  batch(indices: Uint32Array, pass: number): EventBatch | ValueBatch;
}

/** A whole data set of spikes that is encoded once. */
export interface SpikeSamples extends SampleShape {
  readonly labels: Uint8Array | Uint16Array;
  readonly offsets: Uint32Array;
  readonly events: Uint16Array | Uint32Array;
}

/** A source that gives stored spikes, the same in every pass. */
export function storedSpikes(data: SpikeSamples): SampleSource {
  const { steps, inputs, shape, classes, labels, offsets, events } = data;
  const batch = (indices: Uint32Array): EventBatch => {
    const bounds = new Uint32Array(indices.length * (steps + 1));
    let total = 0;
    indices.forEach((sample, b) => {
      const from = sample * (steps + 1);
      const first = offsets[from] as number;
      for (let t = 0; t <= steps; t++) {
        bounds[b * (steps + 1) + t] = total + (offsets[from + t] as number) - first;
      }
      total += (offsets[from + steps] as number) - first;
    });
    const picked = events instanceof Uint16Array ? new Uint16Array(total) : new Uint32Array(total);
    indices.forEach((sample, b) => {
      const from = sample * (steps + 1);
      const part = events.subarray(offsets[from], offsets[from + steps]);
      picked.set(part, bounds[b * (steps + 1)]);
    });
    return { kind: 'events', offsets: bounds, events: picked };
  };
  return { kind: 'events', samples: labels.length, steps, inputs, shape, classes, labels, batch };
}
