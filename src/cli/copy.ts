/** `tacet copy`: a study from one store to another. */
import { Command } from 'commander';
import { copyStudy } from '../study/copy-study.ts';
import { openStore } from '../study/open-store.ts';
import { plural } from './format.ts';
import { printJson, studyJson } from './json-lines.ts';
import { jsonOption, storeOption } from './options.ts';

const EXAMPLES = `
Examples:
  tacet copy mnist-stdp --to postgres://me@db.example.org/searches
  tacet copy mnist-stdp --db postgres://me@db.example.org/searches --to here.db

The copy has everything: trials, their histories, the optimizer's state. tacet search goes on with it there. A study that
somebody runs is not copied, and nothing is written over.`;

interface CopyOptions {
  readonly db: string;
  readonly to: string;
  readonly json?: boolean;
}

export function copyCommand(): Command {
  return new Command('copy')
    .description('copy a study to another store: from a file to a database, or back')
    .argument('<study>', 'name of the study; tacet studies lists them')
    .requiredOption('--to <file|url>', 'the store to copy to; made where it is missing')
    .addOption(storeOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(copy);
}

async function copy(name: string, { db, to, json = false }: CopyOptions): Promise<void> {
  await using from = await openStore(db, { create: false });
  // Before anything is made at the other end.
  await from.study(name);
  await using other = await openStore(to);
  const trials = await copyStudy(name, from, other);
  if (json) printJson(studyJson(await other.study(name), other.location));
  else
    process.stdout.write(
      `Copied ${name} with ${plural(trials, 'trial')} from ${from.location} to ${other.location}.\n`,
    );
}
