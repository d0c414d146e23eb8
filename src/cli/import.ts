/** `tacet import`: studies of other programs, and of other stores. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { contentsOf } from '../study/exchange/foreign-study.ts';
import { isHpoSnn, readHpoSnn } from '../study/exchange/hpo-snn.ts';
import { parseJsonLines } from '../study/exchange/json-lines.ts';
import { readOptuna } from '../study/exchange/optuna-import.ts';
import { openStore } from '../study/open-store.ts';
import { UsageError } from './errors.ts';
import { plural } from './format.ts';
import { printJson } from './json-lines.ts';
import { jsonOption, storeOption } from './options.ts';
import { defaultName } from './study-document.ts';

const EXAMPLES = `
Examples:
  tacet import study.jsonl
  tacet import all_evaluations.csv --name recorded
  tacet import optuna.db --study demo
  tacet import optuna.db --study demo --recipe mnist-stdp --name warm

A study with a recipe can be searched on from what it has:
  tacet search mnist-stdp --name recorded --trials 1000`;

interface ImportOptions {
  readonly db: string;
  readonly name?: string;
  readonly study?: string;
  readonly recipe?: string;
  readonly json?: boolean;
}

export function importCommand(): Command {
  return new Command('import')
    .description('read a study: of tacet export (JSON lines), of an Optuna storage, or a table of hpo_snn')
    .argument('<file>', 'the file; what it is shows in its first bytes')
    .option('--name <name>', "the study's name here (default: the one that it has, or the file's)")
    .option('--study <name>', 'which study of an Optuna storage')
    .option('--recipe <name>', 'the recipe whose hyperparameters an Optuna study has, to search on from it')
    .addOption(storeOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(importStudy);
}

async function importStudy(
  file: string,
  { db, name, study, recipe, json = false }: ImportOptions,
): Promise<void> {
  const bytes = readFile(file);
  const head = bytes.toString('latin1', 0, 4096);
  const named = (given: string | undefined) => (given === undefined ? {} : { name: given });
  await using store = await openStore(db);
  let leftOut: readonly string[] = [];
  let imported: { readonly name: string; readonly trials: number };
  if (head.startsWith('{')) {
    const whole = parseJsonLines(bytes.toString('utf8'), file);
    const renamed = { ...whole, spec: { ...whole.spec, ...named(name) } };
    await store.restore(renamed);
    imported = { name: renamed.spec.name, trials: whole.trials.length };
  } else {
    const foreign = head.startsWith('SQLite format 3')
      ? readOptuna(file, {
          ...named(name),
          ...(study === undefined ? {} : { study }),
          ...(recipe === undefined ? {} : { recipe }),
        })
      : isHpoSnn(head.split(/\r?\n/)[0] ?? '')
        ? readHpoSnn(bytes.toString('utf8'), name ?? defaultName({ file, recipe: '' }), file)
        : undefined;
    if (foreign === undefined) {
      throw new UsageError(
        `${file} is nothing that can be imported: give a file of tacet export (.jsonl), an Optuna storage (SQLite), or a table of hpo_snn (all_evaluations.csv)`,
      );
    }
    await store.restore(contentsOf(foreign));
    leftOut = foreign.leftOut;
    imported = { name: foreign.spec.name, trials: foreign.trials.length };
  }
  if (json) printJson({ kind: 'import', study: imported.name, trials: imported.trials, leftOut });
  else {
    const lines = [
      `${imported.name}: ${plural(imported.trials, 'trial')} in ${store.location}`,
      ...leftOut.map((line) => `left out ${line}`),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${file} can't be read (${reason}): give a file that is there`, { cause });
  }
}
