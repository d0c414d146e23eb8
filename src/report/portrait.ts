/** From a trial that was run again to what the figures of the best network show. */
import type { RerunTrial } from '../study/rerun.ts';
import type { TrialRecord } from '../study/store.ts';
import type { ClassSpikes, Portrait, ReceptiveFields } from './figures/portrait-data.ts';
import { quantile } from './figures/quantile.ts';

/** Neurons whose receptive fields are shown, and samples in the raster, at the most. */
const MOST_FIELDS = 100;
const RASTER_SAMPLES = 10;

/**
 * @param alpha a sample with fewer excitatory spikes is silent
 * @param steps of a sample, ms
 */
export function portraitOf(
  trial: TrialRecord,
  rerun: RerunTrial,
  { alpha, steps }: { readonly alpha: number; readonly steps: number },
): Portrait {
  const { outcome, neurons, samples } = rerun;
  const shown = samples.slice(0, RASTER_SAMPLES);
  return {
    trial: trial.number,
    accuracy: outcome.objective ?? Number.NaN,
    recordedAccuracy: trial.outcome?.objective ?? Number.NaN,
    device: outcome.device,
    neurons,
    fields: fieldsOf(rerun),
    raster: {
      steps,
      labels: shown.map(({ label }) => label),
      spikes: shown.flatMap(({ spikes }, sample) =>
        spikes.map(({ step, neuron }) => [sample * steps + step, neuron] as const),
      ),
    },
    classes: classesOf(samples, alpha),
    alpha,
  };
}

function classesOf(samples: RerunTrial['samples'], alpha: number): ClassSpikes[] {
  return [...Map.groupBy(samples, ({ label }) => label)]
    .sort(([a], [b]) => a - b)
    .map(([label, own]) => {
      const counts = own.map(({ spikes }) => spikes.length).sort((a, b) => a - b);
      const at = (share: number) => quantile(counts, share);
      return {
        label,
        samples: own.length,
        silent: counts.filter((count) => count < alpha).length,
        quantiles: [at(0.05), at(0.25), at(0.5), at(0.75), at(0.95)],
      };
    });
}

/** The fields of evenly chosen neurons, ordered by the class in whose samples each spiked most often. */
function fieldsOf({ neurons, inputs, weights, samples }: RerunTrial): ReceptiveFields {
  const side = Math.round(Math.sqrt(inputs));
  const labels = labelsOf(neurons, samples);
  const count = Math.min(MOST_FIELDS, neurons);
  const chosen = Array.from({ length: count }, (_, k) => Math.floor(((k + 0.5) * neurons) / count)).sort(
    (a, b) => (labels[a] as number) - (labels[b] as number) || a - b,
  );
  const pixels = Buffer.alloc(count * side * side);
  chosen.forEach((neuron, k) => {
    let largest = 0;
    for (let input = 0; input < inputs; input++)
      largest = Math.max(largest, weights[input * neurons + neuron] as number);
    for (let input = 0; input < side * side; input++) {
      const weight = weights[input * neurons + neuron] as number;
      pixels[k * side * side + input] = largest > 0 ? Math.round((255 * weight) / largest) : 0;
    }
  });
  return {
    side,
    neurons: chosen,
    labels: chosen.map((neuron) => labels[neuron] as number),
    pixels: pixels.toString('base64'),
  };
}

/** The class in whose samples a neuron spiked most often in a sample; -1 for one that never did. */
function labelsOf(neurons: number, samples: RerunTrial['samples']): Int32Array {
  const classes = 1 + samples.reduce((most, { label }) => Math.max(most, label), 0);
  const counts = new Float64Array(neurons * classes);
  const sizes = new Float64Array(classes);
  for (const { label, spikes } of samples) {
    sizes[label] = (sizes[label] as number) + 1;
    for (const { neuron } of spikes) {
      const at = neuron * classes + label;
      counts[at] = (counts[at] as number) + 1;
    }
  }
  return Int32Array.from({ length: neurons }, (_, neuron) => {
    let best = -1;
    let most = 0;
    for (let label = 0; label < classes; label++) {
      const rate = (counts[neuron * classes + label] as number) / Math.max(1, sizes[label] as number);
      if (rate > most) [best, most] = [label, rate];
    }
    return best;
  });
}
