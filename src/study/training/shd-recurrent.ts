/** `shd-recurrent`: the Spiking Heidelberg Digits through a recurrent network. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  HEIDELBERG_FILES,
  type HeidelbergOptions,
  loadHeidelberg,
  readHeidelberg,
} from '../../data/heidelberg.ts';
import { joinSteps, type SpikeSamples } from '../../data/samples.ts';
import { checksumOf } from '../checksum.ts';
import { common } from './common.ts';
import type { TrainingRecipe } from './recipe.ts';
import { spokenWordsNetwork, spokenWordsParams, spokenWordsSpace } from './spoken-words.ts';

const params = z.strictObject({
  ...common,
  ...spokenWordsParams,
  epochs: z.int().min(1).default(50),
  batchSize: common.batchSize.default(64),
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
  tauSynapseMs: z.number().min(0).default(20),
});

type Params = z.output<typeof params>;

export const shdRecurrent: TrainingRecipe = {
  name: 'shd-recurrent',
  summary: 'Spiking Heidelberg Digits (fetched once), recurrent 700-256-20',
  params,
  space: spokenWordsSpace,
  trials: 40,
  checksum: ({ trainPath, testPath }: Params) => {
    const { shd_train, shd_test } = HEIDELBERG_FILES;
    const of = (path: string, published: string) => (path === '' ? published : readFileSync(path));
    return checksumOf(of(trainPath, shd_train.checksum.value), of(testPath, shd_test.checksum.value));
  },
  async load(p: Params) {
    const options: HeidelbergOptions = { stepMs: 1, durationMs: p.durationMs, inputs: p.inputs };
    const part = (path: string, name: 'shd_train' | 'shd_test') =>
      path === '' ? loadHeidelberg(name, options) : readHeidelberg(path, options);
    return {
      train: await part(p.trainPath, 'shd_train'),
      test: await part(p.testPath, 'shd_test'),
    };
  },
  view: (set, { stepMs }: Params) => joinSteps(set as SpikeSamples, stepMs),
  describe: (p: Params) => spokenWordsNetwork(p, { classes: 20, bias: false }),
};
