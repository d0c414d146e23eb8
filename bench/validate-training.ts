/**
 * What networks of the training recipes come to on their test sets, over seeds.
 *
 *     node bench/validate-training.ts randman            # seeds 0 to 2, and two more sets of manifolds
 *     node bench/validate-training.ts spoken-digits --path recordings.tar.gz            # index 0 to 4 as test, 5 seeds
 *     node bench/validate-training.ts spoken-digits --path recordings.tar.gz --speakers # each speaker held out in turn
 *     node bench/validate-training.ts mnist-dense
 *
 * `--params FILE` takes hyperparameters as `tacet train` does, `--seeds 3` another number of seeds, `--device` another device
 * than the native engine. One JSON line a network, then their mean.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readSpokenDigits } from '../src/data/spoken-digits.ts';
import { openDevice } from '../src/device/index.ts';
import { trainingRecipeOf } from '../src/study/training/recipe.ts';
import { runTraining } from '../src/study/training/run.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    path: { type: 'string' },
    params: { type: 'string' },
    speakers: { type: 'boolean', default: false },
    seeds: { type: 'string' },
    device: { type: 'string', default: 'native' },
  },
});
const [name = 'spoken-digits'] = positionals;
const recipe = trainingRecipeOf(name);
const given: Record<string, unknown> = {
  ...(options.params === undefined ? {} : (JSON.parse(readFileSync(options.params, 'utf8')) as object)),
  ...(options.path === undefined ? {} : { path: options.path }),
};

/** What differs between the networks. */
function cases(): Record<string, unknown>[] {
  const seeds = (count: number) =>
    Array.from({ length: Number(options.seeds ?? count) }, (_, seed) => ({ seed }));
  if (options.speakers) {
    const speakers = new Set(readSpokenDigits(options.path ?? '').map(({ speaker }) => speaker));
    return [...speakers].sort().flatMap((speaker) => seeds(1).map((one) => ({ ...one, speaker })));
  }
  if (name === 'randman') return [...seeds(3), { seed: 0, dataSeed: 1 }, { seed: 0, dataSeed: 2 }];
  return seeds(name === 'spoken-digits' ? 5 : 1);
}

await using device = await openDevice(options.device);
const accuracies: number[] = [];
for (const one of cases()) {
  const params = recipe.params.parse({ ...given, ...one });
  const data = await recipe.load(params);
  const { test, seconds } = await runTraining(device, recipe, params, data);
  accuracies.push(test.accuracy);
  const { samples, accuracy } = test;
  console.log(JSON.stringify({ recipe: name, ...one, device: device.info.name, samples, accuracy, seconds }));
}
const mean = accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / accuracies.length;
console.log(`mean ${mean.toFixed(4)} of ${accuracies.length}, lowest ${Math.min(...accuracies).toFixed(4)}`);
