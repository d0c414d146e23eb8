/** A trial of `mnist-stdp`, run again: its weights, and the spikes of its excitatory neurons. */
import { openDevice } from '../device/index.ts';
import { DiehlCookBatch, recordWords } from '../kernels/diehl-cook.ts';
import { traceTable } from '../network/models/diehl-cook.ts';
import { keyOf } from '../random/philox.ts';
import { DiehlCookTrial } from './diehl-cook-trial.ts';
import { encodeMnist } from './encoded-data.ts';
import type { MnistStdpSettings } from './recipes.ts';
import { type HoldOutSample, RateCounter, type RerunTrial } from './rerun.ts';
import type { TrialRecord } from './store.ts';

/** Samples of a launch: some ten milliseconds of one network. */
const CHUNK = 512;

/** As {@link Rerun} says. */
export async function rerunDiehlCook(
  settings: MnistStdpSettings,
  { values, seed }: Pick<TrialRecord, 'values' | 'seed'>,
  device: string,
  onProgress: (done: number, all: number) => void,
): Promise<RerunTrial> {
  const { encoded, data } = await encodeMnist(settings);
  await using opened = await openDevice(device);
  const trial = new DiehlCookTrial(values, keyOf(seed), settings, data);
  const shape = { slots: 1, maxNeurons: trial.neurons, maxItems: 1, maxRecords: CHUNK };
  using batch = await DiehlCookBatch.create(opened, shape, encoded, traceTable(settings.steps));
  batch.place(0, trial.slot);
  const samples: HoldOutSample[] = [];
  const rates = new RateCounter('excitatory', trial.neurons);
  const words = recordWords(settings.steps);
  const all = trial.samplesLeft;
  while (!trial.finished) {
    const item = trial.nextItem(0, CHUNK);
    const [result] = await batch.run([item]);
    if (result === undefined) break;
    trial.advance(item, result)();
    if (!item.learn) {
      for (let sample = 0; sample < result.processed; sample++) {
        const record = result.records.subarray(sample * words, (sample + 1) * words);
        const count = (record[0] as number) & 0xffff;
        const spikes = Array.from(record.subarray(1, 1 + count), (word) => ({
          step: word >>> 16,
          neuron: word & 0xffff,
        }));
        rates.addSample();
        for (const { neuron } of spikes) rates.addSpike(neuron);
        samples.push({ label: data.labels[item.first + sample] as number, count, spikes });
      }
    }
    onProgress(all - trial.samplesLeft, all);
  }
  const { weights } = await batch.readNetwork(0, trial.neurons);
  return {
    outcome: trial.outcome(opened.info.name),
    layer: 'excitatory',
    neurons: trial.neurons,
    alpha: settings.excitatoryAlpha,
    steps: settings.steps,
    timeUnit: 'ms',
    samples,
    rates: [rates.rates()],
    epochs: [],
    weights: { inputs: encoded.inputs, values: weights },
  };
}
