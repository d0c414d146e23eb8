/** `tacet show`: one study, or one of its trials. */
import { Command } from 'commander';
import { openStore } from '../study/open-store.ts';
import { describeStudy } from '../study/recipes.ts';
import { printJson, studyJson, trialJson } from './json-lines.ts';
import { jsonOption, storeOption, wholeNumber } from './options.ts';
import { studyReport } from './study-report.ts';
import { trialReport } from './trial-report.ts';

const EXAMPLES = `
Examples:
  tacet show mnist-stdp
  tacet show mnist-stdp --trial 0
  tacet show mnist-stdp --db full.db --json`;

interface ShowOptions {
  readonly db: string;
  readonly trial?: number;
  readonly json?: boolean;
}

export function showCommand(): Command {
  return new Command('show')
    .description('show a study and its best trials, or everything about one trial')
    .argument('<study>', 'name of the study; tacet studies lists them')
    .option('--trial <number>', 'show this trial', wholeNumber(0))
    .addOption(storeOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(show);
}

async function show(name: string, { db, trial: number, json = false }: ShowOptions): Promise<void> {
  await using store = await openStore(db, { create: false });
  const study = await store.study(name);
  if (number !== undefined) {
    const trial = await store.trial(name, number);
    if (json) printJson(trialJson(trial));
    else process.stdout.write(`${trialReport(name, trial, describeStudy(study.spec).constraints)}\n`);
    return;
  }
  const trials = await store.trials(name, { history: json });
  if (json) {
    printJson(studyJson(study, store.location));
    for (const trial of trials) printJson(trialJson(trial));
  } else {
    process.stdout.write(`${studyReport(study, trials, describeStudy(study.spec))}\n`);
  }
}
