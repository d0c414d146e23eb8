/** What the kernels had to do for batches of like networks, from their layers and the spikes that were counted. */
import type { SampleSource } from '../../data/samples.ts';
import type { KernelCost } from '../../kernels/costs.ts';
import { type LayerWork, surrogateCosts } from '../../kernels/surrogate-costs.ts';
import type { TrainingDescription } from './description.ts';
import type { SlotReport } from './training.ts';

/**
 * By kernel.
 *
 * @param reports of slots with these layers
 * @param learns backward and an update too; else forward and the loss
 */
export function batchCosts(
  layers: TrainingDescription['layers'],
  source: Pick<SampleSource, 'steps' | 'shape' | 'classes'>,
  reports: readonly Pick<SlotReport, 'samples' | 'inputSpikes' | 'layerSpikes'>[],
  learns: boolean,
): Readonly<Record<string, KernelCost>> {
  type Report = (typeof reports)[number];
  const total = (of: (report: Report) => number) => reports.reduce((sum, report) => sum + of(report), 0);
  const spikes = (l: number) => total(({ samples, layerSpikes }) => samples * (layerSpikes[l] ?? 0));
  const received = total(({ samples, inputSpikes }) => samples * inputSpikes);
  const together = { slots: reports.length, samples: total(({ samples }) => samples), steps: source.steps };
  const works = layersOf(layers, source.shape, together).map((layer, l) => ({
    ...layer,
    inputSpikes: l === 0 ? received : spikes(l - 1),
    ownSpikes: spikes(l),
  }));
  const { surrogate_forward, surrogate_loss, ...backward } = surrogateCosts(works, source.classes);
  return {
    ...(surrogate_forward ? { surrogate_forward } : {}),
    ...(surrogate_loss ? { surrogate_loss } : {}),
    ...(learns ? backward : {}),
  };
}

/** Sizes of each layer; convolutions without padding. */
function layersOf(
  layers: TrainingDescription['layers'],
  shape: SampleSource['shape'],
  together: Pick<LayerWork, 'slots' | 'samples' | 'steps'>,
): Omit<LayerWork, 'inputSpikes' | 'ownSpikes'>[] {
  let [height, width, channels]: readonly number[] = shape;
  return layers.map((layer, l) => {
    const [rows = 1, columns = 1, below = 1] = [height, width, channels];
    const inputs = rows * columns * below;
    const common = { ...together, inputs, sendsErrors: l > 0 };
    if (layer.kind === 'dense') {
      const { neurons } = layer;
      [height, width, channels] = [1, 1, neurons];
      const recurrent = layer.recurrent !== undefined;
      const weights = inputs * neurons;
      const learned = weights + (recurrent ? neurons * neurons : 0) + (layer.bias ? neurons : 0);
      return { ...common, neurons, connections: weights, weights, recurrent, dense: true, learned };
    }
    const { kernel, stride = layer.kind === 'pool' ? kernel : 1 } = layer;
    const [up, across] = [rows, columns].map((size) => Math.floor((size - kernel) / stride) + 1);
    const made = layer.kind === 'conv' ? layer.channels : below;
    const positions = (up ?? 0) * (across ?? 0);
    const perOutput = kernel * kernel * (layer.kind === 'conv' ? below : 1);
    [height, width, channels] = [up, across, made];
    return {
      ...common,
      neurons: positions * made,
      connections: positions * made * perOutput,
      weights: layer.kind === 'conv' ? perOutput * made : 1,
      recurrent: false,
      dense: false,
      learned: layer.kind === 'conv' ? perOutput * made : 0,
    };
  });
}
