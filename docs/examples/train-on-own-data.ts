/**
 * Training on spikes of one's own: two classes that differ in when their inputs spike. Event lists say for every sample
 * and step which inputs spike.
 */
import {
  openDevice,
  type SampleSource,
  SurrogateTrainer,
  storedSpikes,
  type TrainingDescription,
} from 'tacet';

const STEPS = 20;
const INPUTS = 40;
/** Inputs that spike in a step, side by side. */
const WIDTH = 6;

/** Class 0: a group of inputs that moves upward; class 1: downward. Where it begins differs from sample to sample. */
function ramps(samples: number): SampleSource {
  const offsets = new Uint32Array(samples * (STEPS + 1));
  const events: number[] = [];
  const labels = Uint8Array.from({ length: samples }, (_, sample) => sample % 2);
  labels.forEach((label, sample) => {
    for (let step = 0; step < STEPS; step++) {
      offsets[sample * (STEPS + 1) + step] = events.length;
      for (let k = 0; k < WIDTH; k++) {
        const at = (2 * step + 3 * sample + k) % INPUTS;
        events.push(label === 0 ? at : INPUTS - 1 - at);
      }
    }
    offsets[sample * (STEPS + 1) + STEPS] = events.length;
  });
  return storedSpikes({
    steps: STEPS,
    inputs: INPUTS,
    shape: [1, 1, INPUTS],
    classes: 2,
    labels,
    offsets,
    events: Uint16Array.from(events),
  });
}

const train = ramps(256);
const test = ramps(64);
const description: TrainingDescription = {
  layers: [
    {
      kind: 'dense',
      neurons: 32,
      recurrent: {},
      neuron: {
        kind: 'lif',
        membraneDecay: 0.9,
        threshold: 1,
        surrogate: { kind: 'fast-sigmoid', slope: 10 },
      },
    },
    { kind: 'dense', neurons: 2, neuron: { kind: 'integrator', membraneDecay: 0.95 } },
  ],
  loss: { kind: 'membrane-max' },
  optimizer: { kind: 'adam', rate: 5e-3 },
  seed: 1,
};

await using device = await openDevice(process.env.TACET_DEVICES ?? 'auto');
using trainer = await SurrogateTrainer.create(device, {
  batchSize: 32,
  input: train,
  networks: [description],
});
trainer.load(0, description);
for (let epoch = 0; epoch < 10; epoch++) await trainer.epoch(train, { epoch, pass: epoch });
const [report] = await trainer.evaluate(test);
console.log(JSON.stringify({ accuracy: report?.accuracy, loss: report?.loss }));
