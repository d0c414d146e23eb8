/** What is recorded of networks while they run: how the device keeps it, and how it is put together for who asked. */
import type { RecurrentOptions, RecurrentRecord } from './recurrent-batch.ts';
import { RECORD_RASTER, RECORD_SPIKES, RECORD_TRACES } from './recurrent-launches.ts';
import { type PropagationMethod, takesManySteps } from './recurrent-method.ts';
import type { CompiledNetwork } from './recurrent-network.ts';
import type { PackedSlot } from './recurrent-packing.ts';
import { mostSpikes } from './recurrent-shape.ts';

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
  recording: Recording,
  most: number,
): number {
  let steps = most;
  while (steps > 1 && recordedBytes(networks, recording, steps) > RECORD_BYTES) steps = Math.ceil(steps / 2);
  return steps;
}

function recordedBytes(
  networks: readonly CompiledNetwork[],
  { flags, asked }: Recording,
  steps: number,
): number {
  return networks.reduce((sum, network, index) => {
    const row = 8 * Math.ceil(network.neurons / 64) * steps;
    const raster = flags & RECORD_RASTER ? row : 0;
    const list = flags & RECORD_SPIKES ? 4 + 4 * mostSpikes(network, steps) : 0;
    return sum + raster + list + 4 * steps * (asked.traces?.[index]?.length ?? 0);
  }, 0);
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
  readonly #lists: PackedSpikes[] = [];
  /** Spikes that the next launch probably has. */
  #expected = 16384;

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
      const words = await this.#pullList(read);
      this.#lists.push({ firstStep: this.#firstStep + done, words });
    }
    if (flags & RECORD_TRACES && traceCount > 0) {
      const rows = await read('traces', offsets.traces, count * traceCount);
      this.#traces.set(new Float32Array(rows), done * traceCount);
    }
  }

  /** Reads a list: its number with as many spikes as there probably are, and the rest if there are more. */
  async #pullList(read: ReadElements): Promise<Uint32Array> {
    const { offsets, listed: room } = this.#slot;
    const together = Math.min(room, this.#expected);
    const begin = new Uint32Array(await read('raster', offsets.raster, 1 + together));
    const [listed = 0] = begin;
    this.#expected = Math.ceil(1.25 * listed);
    if (listed <= together) return begin.subarray(1, 1 + listed);
    const words = new Uint32Array(listed);
    words.set(begin.subarray(1));
    const rest = await read('raster', offsets.raster + 1 + together, listed - together);
    words.set(new Uint32Array(rest), together);
    return words;
  }

  record(): RecurrentRecord {
    const { asked, flags } = this.#recording;
    const run = { firstStep: this.#firstStep, steps: this.#steps, rasterWords: this.#rasterWords };
    return {
      ...run,
      spikes:
        asked.spikes && flags & RECORD_RASTER
          ? spikesInRaster({ ...run, raster: this.#raster })
          : unpackSpikes(this.#lists),
      raster: asked.raster ? this.#raster : new Uint32Array(),
      traces: this.#traces,
    };
  }
}

/** Spikes of a launch as the kernels write them: in any order. */
interface PackedSpikes {
  readonly firstStep: number;
  readonly words: Uint32Array;
}

function unpackSpikes(launches: readonly PackedSpikes[]): SpikeList {
  const total = launches.reduce((sum, { words }) => sum + words.length, 0);
  const step = new Uint32Array(total);
  const neuron = new Uint32Array(total);
  let at = 0;
  for (const { firstStep, words } of launches) {
    if (!ascends(words)) words.sort();
    for (let index = 0; index < words.length; index++, at++) {
      const word = words[index] as number;
      step[at] = firstStep + (word >>> STEP_SHIFT);
      neuron[at] = word & (2 ** STEP_SHIFT - 1);
    }
  }
  return { step, neuron };
}

function ascends(words: Uint32Array): boolean {
  for (let at = 1; at < words.length; at++) {
    if ((words[at - 1] as number) > (words[at] as number)) return false;
  }
  return true;
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

/** How many bits of a word are set. */
export function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
