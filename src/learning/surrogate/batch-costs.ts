/** What the kernels had to do for batches of like networks, from their layers and the spikes that were counted. */
import type { SampleSource } from '../../data/samples.ts';
import type { KernelCost } from '../../kernels/costs.ts';
import { type LayerWork, surrogateCosts } from '../../kernels/surrogate-costs.ts';
import type { TrainingDescription } from './description.ts';
import { resolveLayers } from './structure.ts';
import type { SlotReport } from './training.ts';

/**
 * By kernel.
 *
 * @param reports of slots with networks of this description
 * @param learns backward and an update too; else forward and the loss
 */
export function batchCosts(
  description: TrainingDescription,
  source: Pick<SampleSource, 'steps' | 'shape' | 'classes'>,
  reports: readonly Pick<SlotReport, 'samples' | 'inputSpikes' | 'layerSpikes'>[],
  learns: boolean,
): Readonly<Record<string, KernelCost>> {
  type Report = (typeof reports)[number];
  const total = (of: (report: Report) => number) => reports.reduce((sum, report) => sum + of(report), 0);
  const spikes = (l: number) => total(({ samples, layerSpikes }) => samples * (layerSpikes[l] ?? 0));
  const received = total(({ samples, inputSpikes }) => samples * inputSpikes);
  const together = { slots: reports.length, samples: total(({ samples }) => samples), steps: source.steps };
  const works = layersOf(description, source.shape, together).map((layer, l) => ({
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

/** Sizes of each layer. */
function layersOf(
  description: TrainingDescription,
  shape: SampleSource['shape'],
  together: Pick<LayerWork, 'slots' | 'samples' | 'steps'>,
): Omit<LayerWork, 'inputSpikes' | 'ownSpikes'>[] {
  return resolveLayers(description, shape).map(({ layer, inputs, neurons, fanIn, columns, room }, l) => {
    const weights = layer.kind === 'pool' ? 1 : fanIn * columns;
    const bias = layer.kind === 'dense' && layer.bias === true;
    return {
      ...together,
      inputs,
      neurons,
      connections: neurons * fanIn,
      weights,
      recurrent: room.recurrent,
      sendsErrors: l > 0,
      dense: layer.kind === 'dense',
      learned:
        layer.kind === 'pool' ? 0 : weights + (room.recurrent ? neurons * neurons : 0) + (bias ? neurons : 0),
    };
  });
}
