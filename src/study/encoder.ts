/** The thread that encodes a part of a data set. */
import { loadImages } from '../data/images.ts';
import { splitIndices } from '../data/split.ts';
import { encodePoisson } from '../network/encoders/poisson.ts';
import { DIEHL_COOK_CONSTANTS } from '../network/models/diehl-cook.ts';
import type { MnistStdpSettings } from './recipes.ts';

/** Samples `first` .. `end` - 1 of the study's data set. */
export interface PartOrder {
  readonly settings: MnistStdpSettings;
  readonly first: number;
  readonly end: number;
}

export interface EncodedPart {
  readonly inputs: number;
  readonly classes: number;
  /** [sample][step + 1], from 0 in each part. */
  readonly offsets: Uint32Array;
  readonly events: Uint16Array;
  readonly labels: Uint8Array;
  /** Spikes of each sample. */
  readonly inputSpikes: Uint32Array;
}

export default function encodePart({ settings, first, end }: PartOrder): EncodedPart {
  const images = loadImages(settings);
  const { trainSamples, holdOutSamples, dataSeed, steps, maxRateHz } = settings;
  const [all] = splitIndices(images.labels.length, [trainSamples + holdOutSamples], dataSeed);
  const indices = (all as Uint32Array).subarray(first, end);
  const encoding = { steps, maxRateHz, dtMs: DIEHL_COOK_CONSTANTS.dtMs, seed: dataSeed };
  const { inputs, offsets, events } = encodePoisson(images, indices, encoding);
  const inputSpikes = Uint32Array.from(indices, (_, sample) => {
    const base = sample * (steps + 1);
    return (offsets[base + steps] as number) - (offsets[base] as number);
  });
  const labels = Uint8Array.from(indices, (index) => images.labels[index] as number);
  return { inputs, classes: images.classes, offsets, events, labels, inputSpikes };
}
