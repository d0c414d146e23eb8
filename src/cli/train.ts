/** `tacet train`: trains one network by surrogate gradients, and saves it. */
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { parse } from 'yaml';
import { openDevice } from '../device/index.ts';
import { saveNetwork } from '../learning/surrogate/saved.ts';
import { findRunDevices } from '../study/run-devices.ts';
import { TRAINING_RECIPES, trainingRecipeOf } from '../study/training/recipe.ts';
import { runTraining, type TrainingEvent } from '../study/training/run.ts';
import { check, placeAfter } from './check.ts';
import { EXIT, UsageError } from './errors.ts';
import { formatCount, formatDuration, formatScore, formatValue } from './format.ts';
import { listenForInterrupt } from './interrupt.ts';
import { printJson } from './json-lines.ts';
import { devicesOption, jsonOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { readText } from './study-document.ts';

interface TrainOptions {
  readonly params?: string;
  readonly epochs?: number;
  readonly seed?: number;
  readonly output?: string;
  readonly force?: boolean;
  readonly devices: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  tacet train mnist-dense
  tacet train mnist-dense --epochs 2 --output digits.json
  tacet train mnist-dense --params params.json --json
  tacet train dvs-slayer --params gestures.json

The file of --params has one object with some of the recipe's hyperparameters, JSON or YAML:
  { "hidden": 512, "learningRate": 0.001, "surrogate": "fast-sigmoid" }
tacet evaluate digits.json runs a saved network on the recipe's test data.

Recipes:
${TRAINING_RECIPES.map(({ name, summary }) => `  ${name.padEnd(16)}${summary}`).join('\n')}`;

export function trainCommand(): Command {
  return new Command('train')
    .description('train a network by surrogate gradients and save it')
    .argument('<recipe>', 'a recipe of training, such as mnist-dense')
    .option('--params <file>', "hyperparameters (default: the recipe's)")
    .option('--epochs <count>', "passes over the training data (default: the recipe's)", wholeNumber(1))
    .option('--seed <seed>', 'seed of everything random', wholeNumber(0))
    .addOption(
      new Option('-o, --output <file>', 'where to save the network (default: <recipe>.network.json)'),
    )
    .option('--force', 'overwrite the file of the network')
    .addOption(devicesOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(train);
}

async function train(name: string, options: TrainOptions): Promise<void> {
  const { json = false } = options;
  const recipe = trainingRecipeOf(name);
  const given = {
    ...readParams(options.params),
    ...(options.epochs === undefined ? {} : { epochs: options.epochs }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  };
  const params = check(recipe.params, given, placeAfter(options.params ?? 'params'));
  const output = options.output ?? `${name}.network.json`;
  if (existsSync(output) && !options.force) {
    throw new UsageError(`${output} exists: name another file by --output, or overwrite it with --force`);
  }
  const [choice] = await findRunDevices(options.devices);
  if (!choice) throw new UsageError(`--devices ${options.devices} names no device: see tacet devices`);
  await using device = await openDevice(choice);

  let last: Extract<TrainingEvent, { kind: 'batch' }> | undefined;
  const line = (): string => {
    if (!last) return 'loading data';
    const { epoch, batch, batches, loss, accuracy, samplesPerSecond } = last;
    return `epoch ${epoch + 1}/${params.epochs}, batch ${batch + 1}/${batches}: loss ${formatValue(loss)}, accuracy ${formatScore(accuracy)}, ${formatCount(samplesPerSecond)} samples per second`;
  };
  const display = new ProgressDisplay({ live: line, line }, { quiet: json });
  const interruption = listenForInterrupt({
    first: () => display.note('Stopping; nothing is saved.'),
    second: () => display[Symbol.dispose](),
  });
  try {
    if (!json) display.note(`${name} on ${device.info.name}`);
    const data = await recipe.load(params);
    const outcome = await runTraining(device, recipe, params, data, {
      signal: interruption.stop,
      onEvent: (event) => {
        if (event.kind === 'batch') {
          last = event;
          return;
        }
        if (json) printJson({ ...event, epoch: event.epoch + 1 });
        else display.note(epochLine(event));
      },
    });
    const { accuracy } = outcome.test;
    await saveNetwork(output, outcome.network, { recipe: name, params, accuracy });
    display[Symbol.dispose]();
    const { seconds } = outcome;
    if (json) printJson({ kind: 'trained', recipe: name, params, accuracy, seconds, output });
    else {
      process.stdout.write(
        `test accuracy ${formatScore(accuracy)} after ${params.epochs} epochs, ${formatDuration(seconds)}\n` +
          `Saved in ${output}. Run it again: tacet evaluate ${output}\n`,
      );
    }
  } catch (error) {
    if (!interruption.stop.aborted) throw error;
    process.exitCode = EXIT.interrupted;
  } finally {
    interruption[Symbol.dispose]();
    display[Symbol.dispose]();
  }
}

function epochLine({ epoch, train, test, seconds }: Extract<TrainingEvent, { kind: 'epoch' }>): string {
  const spikes = train.layerSpikes.map((count) => formatValue(Number(count.toPrecision(3)))).join(', ');
  return (
    `epoch ${epoch + 1}: train loss ${formatValue(train.loss)}, accuracy ${formatScore(train.accuracy)}; ` +
    `test accuracy ${formatScore(test.accuracy)}; ${spikes} spikes a sample by layer; ` +
    `${formatDuration(seconds)}, ${formatCount(train.samples / seconds)} samples per second`
  );
}

/** @throws {UsageError} naming the file */
function readParams(file: string | undefined): Record<string, unknown> {
  if (file === undefined) return {};
  let content: unknown;
  try {
    content = parse(readText(file), { schema: 'core' });
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    const [reason = ''] = String(cause instanceof Error ? cause.message : cause).split('\n');
    throw new UsageError(`${file} can't be read: ${reason.replace(/:$/, '')}; mend it there`, { cause });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UsageError(`${file} holds no object: give { "name": value, ... }`);
  }
  return content as Record<string, unknown>;
}
