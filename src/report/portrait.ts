/** From a trial that was run again to what the figures of the best network show. */
import { type LayerRates, type RerunTrial, SAMPLES_WITH_SPIKES } from '../study/rerun.ts';
import type { TrialRecord } from '../study/store.ts';
import type { ClassSpikes, LayerRateSummary, Portrait, ReceptiveFields } from './figures/portrait-data.ts';
import { quantile } from './figures/quantile.ts';

/** Neurons whose receptive fields are shown, at the most. */
const MOST_FIELDS = 100;

export function portraitOf(trial: TrialRecord, rerun: RerunTrial): Portrait {
  const { outcome, layer, neurons, samples, alpha, steps, timeUnit, rates, epochs, weights } = rerun;
  const shown = samples.slice(0, SAMPLES_WITH_SPIKES);
  const confusion = confusionOf(samples);
  return {
    trial: trial.number,
    accuracy: outcome.objective ?? Number.NaN,
    recordedAccuracy: trial.outcome?.objective ?? Number.NaN,
    device: outcome.device,
    layer,
    neurons,
    ...(weights === undefined ? {} : { fields: fieldsOf(rerun, weights) }),
    raster: {
      steps,
      timeUnit,
      labels: shown.map(({ label }) => label),
      spikes: shown.flatMap(({ spikes }, sample) =>
        spikes.map(({ step, neuron }) => [sample * steps + step, neuron] as const),
      ),
    },
    classes: classesOf(samples, alpha),
    alpha,
    rates: rates.map((one) => ratesOf(one)),
    epochs,
    ...(confusion === undefined ? {} : { confusion }),
  };
}

const SHARES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

function ratesOf({ layer, spikesPerSample }: LayerRates): LayerRateSummary {
  const sorted = [...spikesPerSample].sort((a, b) => a - b);
  const [low, first, middle, third, high] = SHARES.map((share) => quantile(sorted, share));
  return {
    layer,
    neurons: sorted.length,
    never: sorted.filter((rate) => rate === 0).length,
    mean: sorted.reduce((sum, rate) => sum + rate, 0) / sorted.length,
    quantiles: [low as number, first as number, middle as number, third as number, high as number],
  };
}

/** Samples by label and by the class they were taken for; undefined where none was taken for any. */
function confusionOf(samples: RerunTrial['samples']): number[][] | undefined {
  const pairs = samples.flatMap(({ label, predicted }) =>
    predicted === undefined ? [] : [[label, predicted] as const],
  );
  if (pairs.length === 0) return undefined;
  const classes = 1 + pairs.flat().reduce((most, one) => Math.max(most, one), 0);
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [label, predicted] of pairs) {
    const row = counts[label] as number[];
    row[predicted] = (row[predicted] as number) + 1;
  }
  return counts;
}

function classesOf(samples: RerunTrial['samples'], alpha: number): ClassSpikes[] {
  return [...Map.groupBy(samples, ({ label }) => label)]
    .sort(([a], [b]) => a - b)
    .map(([label, own]) => {
      const counts = own.map(({ count }) => count).sort((a, b) => a - b);
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
function fieldsOf(
  { neurons, samples }: RerunTrial,
  { inputs, values: weights }: NonNullable<RerunTrial['weights']>,
): ReceptiveFields {
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
