/** Runs one trial of a study again, alone, to look at its network: a trial's values and seed are all that it needs. */
import { openDevice } from '../device/index.ts';
import { DiehlCookBatch, recordWords } from '../kernels/diehl-cook.ts';
import { traceTable } from '../network/models/diehl-cook.ts';
import { keyOf } from '../random/philox.ts';
import { DiehlCookTrial } from './diehl-cook-trial.ts';
import { encodeMnist } from './encoded-data.ts';
import type { MnistStdpSettings } from './recipes.ts';
import type { TrialRecord } from './store.ts';
import type { TrialOutcome } from './trial.ts';

/** Samples of a launch: some ten milliseconds of one network. */
const CHUNK = 512;

/** A network at the end of its trial, and how it spiked on the hold-out. */
export interface RerunTrial {
  readonly outcome: TrialOutcome;
  readonly neurons: number;
  readonly inputs: number;
  /** [input][neuron] */
  readonly weights: Float32Array;
  readonly samples: readonly HoldOutSample[];
}

/** A sample of the hold-out and the excitatory spikes in it. */
export interface HoldOutSample {
  readonly label: number;
  readonly spikes: readonly { readonly step: number; readonly neuron: number }[];
}

/**
 * Runs the trial on a device. On the same kind of device it comes to the same as in the search.
 *
 * @param device a specification, such as `auto`
 * @param onProgress is told the samples run, and how many there are to run
 * @throws {DeviceError} when the device can't be opened or can't hold the network
 */
export async function rerunTrial(
  settings: MnistStdpSettings,
  { values, seed }: Pick<TrialRecord, 'values' | 'seed'>,
  device: string,
  onProgress: (done: number, all: number) => void = () => {},
): Promise<RerunTrial> {
  const { encoded, data } = await encodeMnist(settings);
  await using opened = await openDevice(device);
  const trial = new DiehlCookTrial(values, keyOf(seed), settings, data);
  const shape = { slots: 1, maxNeurons: trial.neurons, maxItems: 1, maxRecords: CHUNK };
  using batch = await DiehlCookBatch.create(opened, shape, encoded, traceTable(settings.steps));
  batch.place(0, trial.slot);
  const samples: HoldOutSample[] = [];
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
        samples.push({ label: data.labels[item.first + sample] as number, spikes });
      }
    }
    onProgress(all - trial.samplesLeft, all);
  }
  const { weights } = await batch.readNetwork(0, trial.neurons);
  const outcome = trial.outcome(opened.info.name);
  return { outcome, neurons: trial.neurons, inputs: encoded.inputs, weights, samples };
}
