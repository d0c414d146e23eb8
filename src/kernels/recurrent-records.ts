/** What is recorded of networks while they run: how the device keeps it, and how it is put together for who asked. */
import type { RecurrentOptions, RecurrentRecord } from './recurrent-batch.ts';
import { RECORD_RASTER, RECORD_SPIKES, RECORD_TRACES } from './recurrent-launches.ts';
import { type PropagationMethod, takesManySteps } from './recurrent-method.ts';
import type { CompiledNetwork } from './recurrent-network.ts';
import type { PackedSlot } from './recurrent-packing.ts';

/** Bytes of raster or list and of traces that are kept on the device between two read-backs. */
const RECORD_BYTES = 64 * 2 ** 20;
/** A spike of a list is its step of the launch and its neuron in one word. */
const STEP_SHIFT = 20;
/** Steps of a launch whose spikes are listed, at the most. */
export const MOST_LISTED_STEPS = 2 ** (32 - STEP_SHIFT);

/** Spikes by steps and, within a step, by neurons: [spike]. */
export interface SpikeList {
  readonly step: Uint32Array;
  readonly neuron: Uint32Array;
}

/** What a device records for what was asked for. */
export interface Recording {
  /** Bits for the kernels, as `recurrent-launches.ts` has them. */
  readonly flags: number;
  readonly asked: NonNullable<RecurrentOptions['record']>;
}

/** Spikes are listed by methods that take many steps; where there is a raster, the list is made from that. */
export function recordingOf({ record: asked = {} }: RecurrentOptions, method: PropagationMethod): Recording {
  const list = asked.spikes === true && asked.raster !== true && takesManySteps(method);
  const raster = asked.raster === true || (asked.spikes === true && !list);
  const flags =
    (list ? RECORD_SPIKES : 0) | (raster ? RECORD_RASTER : 0) | (asked.traces ? RECORD_TRACES : 0);
  return { flags, asked };
}

/** As many steps as there is room for on the device, `most` at the most. */
export function recordedSteps(
  networks: readonly CompiledNetwork[],
  { flags, asked }: Recording,
  most: number,
): number {
  let bytes = 0;
  networks.forEach(({ neurons }, index) => {
    const padded = 64 * Math.ceil(neurons / 64);
    if (flags & RECORD_RASTER) bytes += padded / 8;
    if (flags & RECORD_SPIKES) bytes += 4 * padded;
    bytes += 4 * (asked.traces?.[index]?.length ?? 0);
  });
  return bytes === 0 ? most : Math.max(1, Math.min(most, Math.floor(RECORD_BYTES / bytes)));
}

/** Reads elements of a buffer of four bytes each. */
export type ReadElements = (name: 'raster' | 'traces', first: number, length: number) => Promise<ArrayBuffer>;

/** Puts together what the launches of one run recorded of a network. */
export class RecordCollector {
  readonly #slot: PackedSlot;
  readonly #recording: Recording;
  readonly #firstStep: number;
  readonly #steps: number;
  readonly #rasterWords: number;
  readonly #raster: Uint32Array;
  readonly #traces: Float32Array;
  readonly #lists: SpikeList[] = [];

  constructor(slot: PackedSlot, recording: Recording, firstStep: number, steps: number) {
    this.#slot = slot;
    this.#recording = recording;
    this.#firstStep = firstStep;
    this.#steps = steps;
    this.#rasterWords = Math.ceil(slot.neurons / 32);
    this.#raster = new Uint32Array(recording.flags & RECORD_RASTER ? steps * this.#rasterWords : 0);
    this.#traces = new Float32Array(recording.flags & RECORD_TRACES ? steps * slot.traceCount : 0);
  }

  /** Takes what a launch of `count` steps recorded, `done` steps after the run's beginning. */
  async pull(read: ReadElements, done: number, count: number): Promise<void> {
    const { offsets, stride, traceCount } = this.#slot;
    const { flags } = this.#recording;
    if (flags & RECORD_RASTER) {
      const words = stride / 32;
      const rows = new Uint32Array(await read('raster', offsets.raster, count * words));
      for (let step = 0; step < count; step++) {
        const row = rows.subarray(step * words, step * words + this.#rasterWords);
        this.#raster.set(row, (done + step) * this.#rasterWords);
      }
    }
    if (flags & RECORD_SPIKES) {
      const [listed = 0] = new Uint32Array(await read('raster', offsets.raster, 1));
      const words =
        listed === 0 ? new Uint32Array() : new Uint32Array(await read('raster', offsets.raster + 1, listed));
      this.#lists.push(decodeSpikes(words, this.#firstStep + done));
    }
    if (flags & RECORD_TRACES && traceCount > 0) {
      const rows = await read('traces', offsets.traces, count * traceCount);
      this.#traces.set(new Float32Array(rows), done * traceCount);
    }
  }

  record(): RecurrentRecord {
    const { asked, flags } = this.#recording;
    const run = { firstStep: this.#firstStep, steps: this.#steps, rasterWords: this.#rasterWords };
    const lists =
      asked.spikes && flags & RECORD_RASTER
        ? [spikesInRaster({ ...run, raster: this.#raster })]
        : this.#lists;
    return {
      ...run,
      spikes: joinSpikes(lists),
      raster: asked.raster ? this.#raster : new Uint32Array(),
      traces: this.#traces,
    };
  }
}

/** A list as the kernels write it: in any order. */
function decodeSpikes(words: Uint32Array, firstStep: number): SpikeList {
  let sorted = true;
  for (let at = 1; at < words.length && sorted; at++) {
    sorted = (words[at - 1] as number) < (words[at] as number);
  }
  if (!sorted) words.sort();
  return {
    step: words.map((word) => firstStep + (word >>> STEP_SHIFT)),
    neuron: words.map((word) => word & (2 ** STEP_SHIFT - 1)),
  };
}

/** Lists that follow one another as one. */
export function joinSpikes(lists: readonly SpikeList[]): SpikeList {
  const [first] = lists;
  if (first !== undefined && lists.length === 1) return first;
  const total = lists.reduce((sum, { step }) => sum + step.length, 0);
  const all = { step: new Uint32Array(total), neuron: new Uint32Array(total) };
  let at = 0;
  for (const { step, neuron } of lists) {
    all.step.set(step, at);
    all.neuron.set(neuron, at);
    at += step.length;
  }
  return all;
}

/** The spikes in a raster. */
export function spikesInRaster(
  block: Pick<RecurrentRecord, 'firstStep' | 'steps' | 'raster' | 'rasterWords'>,
): SpikeList {
  const { firstStep, steps, raster, rasterWords } = block;
  const total = raster.reduce((bits, word) => bits + bitsIn(word), 0);
  if (total === 0) return { step: new Uint32Array(), neuron: new Uint32Array() };
  const step = new Uint32Array(total);
  const neuron = new Uint32Array(total);
  let at = 0;
  for (let s = 0; s < steps; s++) {
    for (let w = 0; w < rasterWords; w++) {
      for (let word = raster[s * rasterWords + w] as number; word !== 0; word &= word - 1) {
        step[at] = firstStep + s;
        neuron[at] = 32 * w + 31 - Math.clz32(word & -word);
        at += 1;
      }
    }
  }
  return { step, neuron };
}

function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
