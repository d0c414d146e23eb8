/** `spoken-digits`: the Free Spoken Digit Dataset through a cochlea and a recurrent network. */
import { z } from 'zod';
import { joinSteps, type SpikeSamples } from '../../data/samples.ts';
import { readSpokenDigits } from '../../data/spoken-digits.ts';
import { checksumOf } from '../checksum.ts';
import { StudyError } from '../store.ts';
import { common } from './common.ts';
import type { TrainingRecipe } from './recipe.ts';
import { encodeSpokenDigits } from './spoken-digits-data.ts';
import { spokenWordsNetwork, spokenWordsParams, spokenWordsSpace } from './spoken-words.ts';

const params = z.strictObject({
  ...common,
  ...spokenWordsParams,
  epochs: z.int().min(1).default(30),
  batchSize: common.batchSize.default(32),
  /** The folder of the recordings, or an archive of it. */
  path: z.string().default(''),
  /** Held out as the test set; otherwise index 0 to 4 of all speakers. */
  speaker: z.string().default(''),
  channels: z.int().min(1).max(1000).default(64),
  /** Milliseconds of a time step. */
  stepMs: z.int().min(1).max(100).default(10),
  durationMs: z.int().min(10).max(5000).default(800),
});

type Params = z.output<typeof params>;

export const spokenDigits: TrainingRecipe = {
  name: 'spoken-digits',
  summary: 'spoken digits (FSDD, needs its path) by a cochlea, recurrent 64-128-10',
  params,
  space: spokenWordsSpace,
  trials: 60,
  checkData: ({ path }: Params) => {
    if (path !== '') return;
    throw new StudyError(
      'bad-input',
      'spoken-digits needs the recordings of the Free Spoken Digit Dataset, version 1.0.10: the folder "recordings" of ' +
        'https://github.com/Jakobovski/free-spoken-digit-dataset, or an archive of it. Give its path: tacet train by ' +
        '--params { "path": "..." }, a search by --set settings.path=...',
    );
  },
  checksum: ({ path }: Params) => checksumOf(...readSpokenDigits(path).map(({ content }) => content)),
  async load(p: Params) {
    spokenDigits.checkData?.(p);
    return await encodeSpokenDigits(p.path, {
      channels: p.channels,
      // Steps are joined later, so that networks of all lengths of steps share one encoding.
      stepMs: 1,
      durationMs: p.durationMs,
      ...(p.speaker === '' ? {} : { speaker: p.speaker }),
    });
  },
  view: (set, { stepMs }: Params) => joinSteps(set as SpikeSamples, stepMs),
  describe: (p: Params) => spokenWordsNetwork(p, { classes: 10, bias: true }),
};
