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

/** The samples with these numbers, in this order. */
export function chosenSpikes(data: SpikeSamples, numbers: Uint32Array): SpikeSamples {
  const { offsets, events } = storedSpikes(data).batch(numbers, 0) as EventBatch;
  const labels = Uint16Array.from(numbers, (sample) => data.labels[sample] as number);
  return { ...data, labels, offsets, events };
}

/** Parts of a data set one after another. */
export function concatenated(parts: readonly SpikeSamples[]): SpikeSamples {
  const [first] = parts;
  if (first === undefined) throw new RangeError('a data set of no parts has no shape: give at least one');
  const spikes = parts.reduce((sum, { events }) => sum + events.length, 0);
  const Events = first.events instanceof Uint16Array ? Uint16Array : Uint32Array;
  const events = new Events(spikes);
  let at = 0;
  const offsets = parts.flatMap((part) => {
    const own = Array.from(part.offsets, (offset) => at + offset);
    events.set(part.events, at);
    at += part.events.length;
    return own;
  });
  const labels = parts.flatMap((part) => Array.from(part.labels));
  return { ...first, labels: Uint16Array.from(labels), offsets: Uint32Array.from(offsets), events };
}

/** The same in memory that threads share. */
export function sharedSpikes(data: SpikeSamples): SpikeSamples {
  const { labels, offsets, events } = data;
  const keep = <Of extends Uint8Array | Uint16Array | Uint32Array>(
    values: Of,
    make: new (buffer: SharedArrayBuffer) => Of,
  ): Of => {
    const copy = new make(new SharedArrayBuffer(values.byteLength));
    copy.set(values);
    return copy;
  };
  return {
    ...data,
    labels: labels instanceof Uint8Array ? keep(labels, Uint8Array) : keep(labels, Uint16Array),
    offsets: keep(offsets, Uint32Array),
    events: events instanceof Uint16Array ? keep(events, Uint16Array) : keep(events, Uint32Array),
  };
}

/** The same spikes with every `factor` steps joined to one, in which an input spikes once or not at all. */
export function joinSteps(data: SpikeSamples, factor: number): SampleSource {
  if (factor === 1) return storedSpikes(data);
  const { inputs, shape, classes, labels, offsets, events } = data;
  const steps = Math.ceil(data.steps / factor);
  const batch = (indices: Uint32Array): EventBatch => {
    const bounds: number[] = [];
    const joined: number[] = [];
    // The step, counted over the whole batch, in which an input spiked last.
    const last = new Int32Array(inputs).fill(-1);
    let step = 0;
    for (const sample of indices) {
      const from = sample * (data.steps + 1);
      for (let first = 0; first < data.steps; first += factor, step++) {
        bounds.push(joined.length);
        const end = offsets[from + Math.min(first + factor, data.steps)] as number;
        for (let at = offsets[from + first] as number; at < end; at++) {
          const input = events[at] as number;
          if (last[input] === step) continue;
          last[input] = step;
          joined.push(input);
        }
      }
      bounds.push(joined.length);
    }
    return { kind: 'events', offsets: Uint32Array.from(bounds), events: Uint32Array.from(joined) };
  };
  return { kind: 'events', samples: labels.length, steps, inputs, shape, classes, labels, batch };
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
