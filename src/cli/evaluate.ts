/** `tacet evaluate`: runs given hyperparameters without a search. */
import { Command } from 'commander';
import { parse } from 'yaml';
import { meansNetwork } from '../learning/surrogate/saved.ts';
import { type EvaluationEntry, runEvaluation } from '../study/evaluation.ts';
import type { Recipe } from '../study/recipe.ts';
import { recipeOf } from '../study/recipes.ts';
import { findRunDevices } from '../study/run-devices.ts';
import { trialSeed } from '../study/study-trials.ts';
import { check } from './check.ts';
import { EXIT, UsageError } from './errors.ts';
import { formatCount, formatDuration } from './format.ts';
import { listenForInterrupt } from './interrupt.ts';
import { evaluationJson, printJson } from './json-lines.ts';
import { batchOptions, devicesOption, jsonOption, setOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { evaluateSavedNetwork } from './saved-network.ts';
import { downText, readyText } from './search-progress.ts';
import { type Assignment, readStudyDocument, readText } from './study-document.ts';
import { checkHyperparameters } from './study-plan.ts';
import { evaluationTable } from './trial-report.ts';

interface EvaluateOptions {
  readonly params?: string;
  readonly samples?: number;
  readonly seed: number;
  readonly set: readonly Assignment[];
  readonly devices: string;
  readonly slots?: number;
  readonly chunk?: number;
  readonly json?: boolean;
}

/** Of so many training samples, one is held out for the objective: 48,000 and 12,000, as in the recorded experiment. */
const TRAINING_PER_HOLD_OUT = 4;

const EXAMPLES = `
Examples:
  tacet evaluate mnist-stdp --params params.json --samples 2000
  tacet evaluate mnist-stdp --params params.json --set settings.beta=0.05 --json
  tacet evaluate mnist-dense.network.json

The file has one object of hyperparameters, or a list of them, which run side by side:
  [{ "decoder": "all", "epochs": 1, "map_size": 100, ... }, ...]
tacet show <study> --trial <number> --json prints a trial's, under "values".`;

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description(
      'run given hyperparameters of a recipe, or a network that tacet train has saved, without a search',
    )
    .argument('<recipe>', 'a recipe, such as mnist-stdp, or the file of a saved network')
    .option('--params <file>', 'a JSON file with hyperparameters of a recipe: one object or a list')
    .option(
      '--samples <count>',
      "training samples, and a quarter as many held out (default: the recipe's settings)",
      wholeNumber(TRAINING_PER_HOLD_OUT),
    )
    .option('--seed <seed>', 'seed of everything random', wholeNumber(0), 0)
    .addOption(setOption('settings.beta=0.05'))
    .addOption(devicesOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(evaluate);
  for (const option of batchOptions()) command.addOption(option);
  return command;
}

async function evaluate(name: string, options: EvaluateOptions): Promise<void> {
  const { params, samples, seed, slots, chunk, json = false } = options;
  if (meansNetwork(name)) {
    await evaluateSavedNetwork(name, options.devices, json);
    return;
  }
  if (params === undefined) {
    throw new UsageError('--params is missing: give a JSON file with hyperparameters of the recipe');
  }
  const document = readStudyDocument(name, options.set);
  const recipe = recipeOf(document.recipe);
  const given: Record<string, unknown> = { ...document.settings };
  if (samples !== undefined) {
    if (recipe.name !== 'mnist-stdp') {
      throw new UsageError(`--samples counts the images of mnist-stdp: leave it out for ${recipe.name}`);
    }
    given.trainSamples = samples;
    given.holdOutSamples = Math.floor(samples / TRAINING_PER_HOLD_OUT);
  }
  const settings = check(recipe.settings, given, (path) => document.placeOf(['settings', ...path]));
  const entries = readEntries(params, recipe, seed);
  const devices = await findRunDevices(options.devices);

  let ended = 0;
  let samplesRun = 0;
  let readyAt: number | undefined;
  const line = () => {
    const seconds = readyAt === undefined ? 0 : (performance.now() - readyAt) / 1000;
    return `${ended}/${entries.length} networks; ${formatCount(samplesRun / Math.max(seconds, 1e-3))} samples x networks per second; ${formatDuration(seconds)}`;
  };
  const display = new ProgressDisplay({ live: line, line }, { quiet: json });
  const interruption = listenForInterrupt({
    first: () => display.note('Stopping after the chunks in flight; Ctrl-C again stops at once.'),
    second: () => display[Symbol.dispose](),
  });
  try {
    const outcomes = await runEvaluation({ recipe: recipe.name, settings }, entries, {
      devices,
      ...(slots === undefined ? {} : { slots }),
      ...(chunk === undefined ? {} : { chunk }),
      stop: interruption.stop,
      onEvent: (event) => {
        if (event.kind === 'ready') {
          readyAt ??= performance.now();
          if (!json) display.note(readyText(event));
        }
        if (event.kind === 'down') display.note(downText(event));
        if (event.kind === 'chunk') samplesRun += event.samples;
        if (event.kind === 'outcome') {
          ended += 1;
          const { number, values, seed: own, outcome } = event.trial;
          if (json) printJson(evaluationJson(number, values, own, outcome));
        }
      },
    });
    display[Symbol.dispose]();
    if (!json) process.stdout.write(`${evaluationTable(outcomes, recipe.constraints)}\n${line()}\n`);
    if (outcomes.includes(undefined)) process.exitCode = EXIT.interrupted;
  } finally {
    interruption[Symbol.dispose]();
    display[Symbol.dispose]();
  }
}

/** @throws {UsageError} naming the file and the entry */
function readEntries(file: string, recipe: Recipe, seed: number): EvaluationEntry[] {
  const text = readText(file);
  let content: unknown;
  try {
    // YAML, of which JSON is a part, says where a mistake is.
    content = parse(text, { schema: 'core' });
  } catch (cause) {
    const [reason = ''] = String(cause instanceof Error ? cause.message : cause).split('\n');
    throw new UsageError(`${file} can't be read: ${reason.replace(/:$/, '')}; mend it there`, { cause });
  }
  const list = Array.isArray(content) ? content : [content];
  if (list.length === 0)
    throw new UsageError(`${file} has an empty list: give at least one object of hyperparameters`);
  return list.map((entry, i) => {
    const where = Array.isArray(content) ? `${file} entry ${i}` : file;
    return { values: checkHyperparameters(recipe, entry, where), seed: trialSeed(seed, i) };
  });
}
