/** `shd-recurrent`: the Spiking Heidelberg Digits through a recurrent network. */
import { z } from 'zod';
import { type HeidelbergOptions, loadHeidelberg, readHeidelberg } from '../../data/heidelberg.ts';
import { storedSpikes } from '../../data/samples.ts';
import type { TrainingRecipe } from './recipe.ts';
import { spokenWordsNetwork } from './spoken-words.ts';

const share = z.number().min(0).max(1);

const params = z.strictObject({
  epochs: z.int().min(1).default(50),
  batchSize: z.int().min(1).max(4096).default(64),
  seed: z.int().min(0).default(0),
  /** Files shd_train.h5 and shd_test.h5, packed or not; they are fetched to the cache when absent. */
  trainPath: z.string().default(''),
  testPath: z.string().default(''),
  /** Neighbouring channels of the 700 are joined to so many inputs. */
  inputs: z.int().min(1).max(700).default(700),
  stepMs: z.int().min(1).max(100).default(10),
  durationMs: z.int().min(10).max(5000).default(1000),
  hidden: z.int().min(1).max(65_536).default(256),
  learningRate: z.number().positive().default(1e-3),
  dropout: z.number().min(0).max(0.95).default(0.2),
  membraneDecay: share.default(0.9),
  currentDecay: share.default(0.6),
  readoutDecay: share.default(0.97),
  slope: z.number().positive().default(5),
  weightDecay: z.number().min(0).default(0.01),
});

type Params = z.output<typeof params>;

export const shdRecurrent: TrainingRecipe = {
  name: 'shd-recurrent',
  summary: 'Spiking Heidelberg Digits (fetched once), recurrent 700-256-20',
  params,
  async load(p: Params) {
    const options: HeidelbergOptions = { stepMs: p.stepMs, durationMs: p.durationMs, inputs: p.inputs };
    const part = (path: string, name: 'shd_train' | 'shd_test') =>
      path === '' ? loadHeidelberg(name, options) : readHeidelberg(path, options);
    return {
      train: storedSpikes(await part(p.trainPath, 'shd_train')),
      test: storedSpikes(await part(p.testPath, 'shd_test')),
    };
  },
  describe: (p: Params) => spokenWordsNetwork(p, { classes: 20, bias: false }),
};
