/**
 * `dvs-slayer`: gestures before an event camera by a convolutional network of SLAYER's adaptive neurons: the fourth
 * experiment of Firmin, Boulet and Talbi (2024), its network, 17 hyperparameters and bounds.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { cacheFolder } from '../../cache.ts';
import { type GestureOptions, gestureFiles, loadGestures } from '../../data/cameras.ts';
import { DataError } from '../../data/errors.ts';
import { type SpikeSamples, sharedSpikes, storedSpikes } from '../../data/samples.ts';
import type { Layer, TrainingDescription } from '../../learning/surrogate/description.ts';
import { slayerNeuron } from '../../learning/surrogate/slayer-neuron.ts';
import { packageVersion } from '../../version.ts';
import { checksumOf } from '../checksum.ts';
import { StudyError } from '../store.ts';
import { common, share } from './common.ts';
import { keptSamples } from './kept-samples.ts';
import type { TrainingRecipe } from './recipe.ts';

const CLASSES = 11;
const RECORDINGS = { train: 98, test: 24 } as const;

const fraction = (value: number) => z.number().positive().max(1).default(value);
const kernel = z.int().min(1).max(128);

/** The network's defaults are the best of the recorded search. */
const params = z.strictObject({
  ...common,
  epochs: z.int().min(1).default(14),
  batchSize: common.batchSize.default(4),
  /** The folder of DVS128 Gesture: recordings, labels, trials_to_train.txt, trials_to_test.txt. */
  path: z.string().default(''),
  /** Recordings to learn from, and to be tested on, of a user and a light each, in the order of their lists. */
  trainRecordings: z.int().min(1).max(RECORDINGS.train).default(RECORDINGS.train),
  testRecordings: z.int().min(1).max(RECORDINGS.test).default(RECORDINGS.test),
  /** Pixels of the camera in one that the network sees, along each side; kernels of convolutions shrink likewise. */
  sensorPool: z.int().min(1).max(16).default(4),
  /** A gesture is cut into so many frames of the same length, which are the steps. */
  frames: z.int().min(2).max(1000).default(100),
  /** An event is dropped without a neighbour within this time, us; 0: none is. */
  denoiseUs: z.number().min(0).default(5000),
  /** What is minimized: errors of spike rates, or SpikeMax. */
  loss: z.enum(['rate', 'max']).default('rate'),
  /** Spikes a step that `rate` wants of the right class and of the others. */
  rateTrue: share.default(0.2),
  rateFalse: share.default(0.03),
  c1Filters: z.int().min(1).max(1024).default(15),
  c2Filters: z.int().min(1).max(1024).default(29),
  /** Sides of the convolutions' kernels in pixels of the camera. */
  c1Kernel: kernel.default(20),
  c2Kernel: kernel.default(12),
  hidden: z.int().min(1).max(65_536).default(512),
  learningRate: z.number().positive().default(0.0215),
  tauGrad: z.number().positive().default(0.196),
  scaleGrad: z.number().positive().default(0.683),
  threshold: z.number().positive().default(0.66),
  thresholdStep: z.number().min(0).default(0.0957),
  /** Decays: what is lost in a step. */
  currentDecay: fraction(0.885),
  voltageDecay: fraction(0.854),
  thresholdDecay: fraction(0.0502),
  refractoryDecay: fraction(0.126),
  dropout: z.number().min(0).max(0.95).default(0.395),
});

type Params = z.output<typeof params>;

/** Activity of a slot at `sensorPool` 8 and 100 frames, bytes; in proportion to the pixels. */
const POOLED_MEMORY = 2 ** 28;

export const dvsSlayer: TrainingRecipe = {
  name: 'dvs-slayer',
  summary: 'DVS128 Gesture (needs its path), SLAYER: pool, conv, pool, conv, pool, dense 512, dense',
  params,
  space: {
    epochs: { type: 'integer', low: 1, high: 15 },
    batchSize: { type: 'integer', low: 1, high: 5, scale: 'reversed-log' },
    loss: { type: 'categorical', choices: ['rate', 'max'] },
    c1Filters: { type: 'integer', low: 1, high: 36 },
    c2Filters: { type: 'integer', low: 1, high: 36 },
    c1Kernel: { type: 'integer', low: 4, high: 48 },
    c2Kernel: { type: 'integer', low: 4, high: 48 },
    learningRate: { type: 'real', low: 0.001, high: 0.1, scale: 'log' },
    tauGrad: { type: 'real', low: 0.1, high: 1, scale: 'log' },
    scaleGrad: { type: 'real', low: 0.5, high: 1, scale: 'log' },
    threshold: { type: 'real', low: 0.1, high: 1, scale: 'log' },
    thresholdStep: { type: 'real', low: 0.001, high: 0.4, scale: 'log' },
    currentDecay: { type: 'real', low: 0.1, high: 0.99, scale: 'reversed-log' },
    voltageDecay: { type: 'real', low: 0.01, high: 0.9, scale: 'reversed-log' },
    thresholdDecay: { type: 'real', low: 0.01, high: 0.5, scale: 'log' },
    refractoryDecay: { type: 'real', low: 0.1, high: 0.99, scale: 'log' },
    dropout: { type: 'real', low: 0.01, high: 0.9, scale: 'log' },
  },
  trials: 20,
  quick: { sensorPool: 8, frames: 25, trainRecordings: 20, testRecordings: 6 },
  study: { holdOutShare: 0.2, beta: 0.3, silenceAlpha: 1 },
  silentLayers: ['output'],
  checkData: ({ path }: Params) => {
    if (path === '') {
      throw new StudyError(
        'bad-input',
        'dvs-slayer needs DVS128 Gesture, whose host serves browsers only: fetch DvsGesture.tar.gz from ' +
          'research.ibm.com/interactive/dvsgesture, unpack it, and give the path of the folder with trials_to_train.txt: ' +
          'tacet train by --params { "path": "..." }, a search by --set settings.path=...',
      );
    }
    gestureFiles(path, 'train');
  },
  checksum: (p: Params) => fingerprint(p),
  async load(p: Params) {
    dvsSlayer.checkData?.(p);
    return { train: sharedSpikes(await gestures(p, 'train')), test: sharedSpikes(await gestures(p, 'test')) };
  },
  view: (set) => storedSpikes(set as SpikeSamples),
  describe: network,
  rooms(networks) {
    // A network with many filters and small kernels has the most neurons, one with large kernels the most weights.
    const all = networks as readonly Params[];
    const most = (of: (p: Params) => number) => Math.max(...all.map(of));
    const least = (of: (p: Params) => number) => Math.min(...all.map(of));
    const [first] = all as [Params];
    const largest = {
      ...first,
      batchSize: most((p) => p.batchSize),
      c1Filters: most((p) => p.c1Filters),
      c2Filters: most((p) => p.c2Filters),
    };
    return [
      { ...largest, c1Kernel: least((p) => p.c1Kernel), c2Kernel: least((p) => p.c2Kernel) },
      { ...largest, c1Kernel: most((p) => p.c1Kernel), c2Kernel: most((p) => p.c2Kernel) },
    ];
  },
  slotMemory: ({ sensorPool }: Params) => Math.ceil(POOLED_MEMORY * (8 / sensorPool) ** 2),
};

/** Pools of 4, 2 and 2 at stride 1, paddings of 2 and 1, as recorded. */
function network(p: Params): TrainingDescription {
  const neuron = slayerNeuron(p);
  const pool = (name: string, side: number): Layer => ({ kind: 'pool', name, kernel: side, neuron });
  const conv = (name: string, channels: number, side: number, padding: number): Layer => ({
    kind: 'conv',
    name,
    channels,
    kernel: Math.max(1, Math.round(side / p.sensorPool)),
    padding,
    dropout: p.dropout,
    neuron,
  });
  return {
    layers: [
      pool('pool 1', 4),
      conv('conv 1', p.c1Filters, p.c1Kernel, 2),
      pool('pool 2', 2),
      conv('conv 2', p.c2Filters, p.c2Kernel, 1),
      pool('pool 3', 2),
      { kind: 'dense', name: 'hidden', neurons: p.hidden, dropout: p.dropout, neuron },
      { kind: 'dense', name: 'output', neurons: CLASSES, neuron },
    ],
    loss:
      p.loss === 'rate'
        ? { kind: 'rate-mse', rateTrue: p.rateTrue, rateFalse: p.rateFalse }
        : { kind: 'spike-max' },
    reduction: 'sum',
    optimizer: { kind: 'adam', rate: p.learningRate },
    seed: p.seed,
  };
}

type Part = 'train' | 'test';

function partOf(p: Params, part: Part): number {
  return part === 'train' ? p.trainRecordings : p.testRecordings;
}

/** A part of the data set, from the cache where it was made before: reading all recordings takes minutes. */
async function gestures(p: Params, part: Part): Promise<SpikeSamples> {
  const options: GestureOptions = {
    pool: p.sensorPool,
    steps: p.frames,
    denoiseUs: p.denoiseUs,
    recordings: partOf(p, part),
  };
  const key = checksumOf(JSON.stringify([packageVersion(), options, part]), fingerprint(p, [part]));
  const file = join(cacheFolder(), 'encoded', `dvs-gesture-${key.slice(0, 32)}.bin`);
  return await keptSamples(file, () => loadGestures(p.path, part, options));
}

/** Of the recordings' names and sizes and of all labels: 5 GB are not read for it. */
function fingerprint(p: Params, parts: readonly Part[] = ['train', 'test']): string {
  const files = parts.flatMap((part) => gestureFiles(p.path, part, partOf(p, part)));
  try {
    return checksumOf(
      ...files.flatMap(({ recording, labels }) => [
        `${basename(recording)} ${statSync(recording).size}`,
        readFileSync(labels),
      ]),
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DataError('missing', `${why}; give the folder of DVS Gesture, whole`, { cause });
  }
}
