/** Spikes as the bits that the kernels read and write. */
import type { EventBatch, SampleSource } from '../../data/samples.ts';

/**
 * u32 [sample][step][ceil(inputs / 32)]: bit i % 32 of word i / 32 is set where input i spikes.
 *
 * @param room steps and inputs that the kernels have room for: at least the source's
 */
export function rasterOf(
  { offsets, events }: EventBatch,
  { steps }: Pick<SampleSource, 'steps'>,
  room: Pick<SampleSource, 'steps' | 'inputs'>,
): Uint32Array {
  const words = Math.ceil(room.inputs / 32);
  const samples = offsets.length / (steps + 1);
  const raster = new Uint32Array(samples * room.steps * words);
  for (let b = 0; b < samples; b++) {
    for (let t = 0; t < steps; t++) {
      const row = (b * room.steps + t) * words;
      const end = offsets[b * (steps + 1) + t + 1] as number;
      for (let e = offsets[b * (steps + 1) + t] as number; e < end; e++) {
        const input = events[e] as number;
        const at = row + (input >>> 5);
        raster[at] = (raster[at] as number) | (1 << (input & 31));
      }
    }
  }
  return raster;
}

/**
 * Calls with each neuron that spikes in a row of a raster.
 *
 * @param row index of the row's first word
 */
export function readBits(
  raster: Uint32Array,
  row: number,
  neurons: number,
  take: (neuron: number) => void,
): void {
  for (let word = 0; 32 * word < neurons; word++) {
    let bits = raster[row + word] as number;
    while (bits !== 0) {
      const neuron = 32 * word + (31 - Math.clz32(bits & -bits));
      bits &= bits - 1;
      if (neuron < neurons) take(neuron);
    }
  }
}
