/** `tacet studies`: what a store has. */
import { Command } from 'commander';
import { openStore } from '../study/open-store.ts';
import { printJson, studyJson } from './json-lines.ts';
import { jsonOption, storeOption } from './options.ts';
import { studiesTable } from './study-report.ts';

const EXAMPLES = `
Examples:
  tacet studies
  tacet studies --db full.db --json`;

export function studiesCommand(): Command {
  return new Command('studies')
    .description('list the studies of a store')
    .addOption(storeOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(async ({ db, json = false }: { readonly db: string; readonly json?: boolean }) => {
      await using store = await openStore(db, { create: false });
      const studies = await store.studies();
      if (json) for (const study of studies) printJson(studyJson(study, store.location));
      else
        process.stdout.write(
          `${studies.length === 0 ? `${store.location} has no studies yet.` : studiesTable(studies)}\n`,
        );
    });
}
