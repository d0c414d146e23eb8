/** `spoken-digits`: the Free Spoken Digit Dataset through a cochlea and a recurrent network. */
import { z } from 'zod';
import { storedSpikes } from '../../data/samples.ts';
import { spokenDigits as encode, readSpokenDigits } from '../../data/spoken-digits.ts';
import { StudyError } from '../store.ts';
import type { TrainingRecipe } from './recipe.ts';
import { spokenWordsNetwork } from './spoken-words.ts';

const share = z.number().min(0).max(1);

const params = z.strictObject({
  epochs: z.int().min(1).default(30),
  batchSize: z.int().min(1).max(4096).default(32),
  seed: z.int().min(0).default(0),
  /** The folder of the recordings, or an archive of it. */
  path: z.string().default(''),
  /** Held out as the test set; otherwise index 0 to 4 of all speakers. */
  speaker: z.string().default(''),
  channels: z.int().min(1).max(1000).default(64),
  /** Milliseconds of a time step. */
  stepMs: z.int().min(1).max(100).default(10),
  durationMs: z.int().min(10).max(5000).default(800),
  hidden: z.int().min(1).max(65_536).default(128),
  learningRate: z.number().positive().default(3e-3),
  dropout: z.number().min(0).max(0.95).default(0.3),
  membraneDecay: share.default(0.9),
  readoutDecay: share.default(0.97),
  slope: z.number().positive().default(5),
  weightDecay: z.number().min(0).default(0.01),
});

type Params = z.output<typeof params>;

export const spokenDigits: TrainingRecipe = {
  name: 'spoken-digits',
  summary: 'spoken digits (FSDD, --params { "path": ... }) by a cochlea, recurrent 64-128-10',
  params,
  async load(p: Params) {
    if (p.path === '') {
      throw new StudyError(
        'bad-input',
        'spoken-digits needs the recordings of the Free Spoken Digit Dataset, version 1.0.10: give by --params ' +
          '{ "path": "..." } the folder "recordings" of https://github.com/Jakobovski/free-spoken-digit-dataset, or an archive of it',
      );
    }
    const { train, test } = encode(readSpokenDigits(p.path), {
      channels: p.channels,
      stepMs: p.stepMs,
      durationMs: p.durationMs,
      ...(p.speaker === '' ? {} : { speaker: p.speaker }),
    });
    return { train: storedSpikes(train), test: storedSpikes(test) };
  },
  describe: (p: Params) => spokenWordsNetwork(p, { classes: 10, bias: true }),
};
