/** `tacet evaluate` of a network that `tacet train` has saved. */
import { openDevice } from '../device/index.ts';
import { loadNetwork } from '../learning/surrogate/saved.ts';
import { findRunDevices } from '../study/run-devices.ts';
import { trainingRecipeOf } from '../study/training/recipe.ts';
import { evaluateNetwork } from '../study/training/run.ts';
import { check, placeAfter } from './check.ts';
import { UsageError } from './errors.ts';
import { formatCount, formatScore, formatValue } from './format.ts';
import { printJson } from './json-lines.ts';

/** @throws {TrainingError} or {UsageError} for a file that is none, or was saved by an unknown recipe */
export async function evaluateSavedNetwork(file: string, devices: string, json: boolean): Promise<void> {
  const { network, origin } = loadNetwork(file);
  const recipe = trainingRecipeOf(origin.recipe);
  const params = check(recipe.params, origin.params, placeAfter(`${file}: origin.params`));
  const [choice] = await findRunDevices(devices);
  if (!choice) throw new UsageError(`--devices ${devices} names no device: see tacet devices`);
  await using device = await openDevice(choice);
  if (!json) process.stderr.write(`${origin.recipe} on ${device.info.name}\n`);
  const { test } = await recipe.load(params);
  const report = await evaluateNetwork(device, network, recipe.view(test, params), params.batchSize);
  if (json) {
    printJson({ kind: 'evaluation', file, recipe: origin.recipe, savedAccuracy: origin.accuracy, ...report });
    return;
  }
  const spikes = report.layerSpikes.map((count) => formatValue(Number(count.toPrecision(3)))).join(', ');
  process.stdout.write(
    `test accuracy ${formatScore(report.accuracy)} on ${formatCount(report.samples)} samples ` +
      `(${formatScore(origin.accuracy)} when it was saved), loss ${formatValue(report.loss)}; ` +
      `${spikes} spikes a sample by layer\n`,
  );
}
