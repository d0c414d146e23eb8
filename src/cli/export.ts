/** `tacet export`: a study for other programs. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { csvOf } from '../report/csv.ts';
import { jsonLinesOf } from '../study/exchange/json-lines.ts';
import { writeOptuna } from '../study/exchange/optuna-export.ts';
import { type TrialColumn, trialColumns } from '../study/exchange/trial-table.ts';
import { openStore } from '../study/open-store.ts';
import { describeStudy } from '../study/recipes.ts';
import { UsageError } from './errors.ts';
import { plural } from './format.ts';
import { printJson } from './json-lines.ts';
import { jsonOption, storeOption } from './options.ts';

const FORMATS = ['csv', 'parquet', 'json-lines', 'optuna'] as const;
type Format = (typeof FORMATS)[number];

/** Formats by the ends of names. */
const ENDINGS: Readonly<Record<string, Format>> = {
  csv: 'csv',
  parquet: 'parquet',
  jsonl: 'json-lines',
  db: 'optuna',
  sqlite3: 'optuna',
};

const EXAMPLES = `
Examples:
  tacet export mnist-stdp -o trials.csv
  tacet export mnist-stdp -o trials.parquet
  tacet export mnist-stdp -o study.jsonl
  tacet export mnist-stdp -o optuna.db

csv and parquet: a row a trial. json-lines: everything, for tacet import. optuna: a storage for optuna-dashboard
(optuna-dashboard sqlite:///optuna.db).`;

interface ExportOptions {
  readonly db: string;
  readonly output: string;
  readonly format?: Format;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function exportCommand(): Command {
  return new Command('export')
    .description('write the trials of a study as CSV, Parquet, JSON lines, or an Optuna storage')
    .argument('<study>', 'name of the study; tacet studies lists them')
    .requiredOption(
      '-o, --output <file>',
      'the file; its ending says the format: .csv, .parquet, .jsonl, .db',
    )
    .addOption(
      new Option('--format <format>', "the format, where the file's ending does not say it").choices(FORMATS),
    )
    .option('--overwrite', 'replace the file when it is there')
    .addOption(storeOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(exportStudy);
}

async function exportStudy(
  name: string,
  { db, output, format, overwrite = false, json = false }: ExportOptions,
): Promise<void> {
  await using store = await openStore(db, { create: false });
  const { spec } = await store.study(name);
  const chosen = format ?? ENDINGS[/\.(\w+)$/.exec(output)?.[1]?.toLowerCase() ?? ''];
  if (chosen === undefined) {
    throw new UsageError(
      `-o ${output} does not tell the format: end it in .csv, .parquet, .jsonl or .db, or give --format`,
    );
  }
  if (existsSync(output)) {
    if (!overwrite) throw new UsageError(`-o ${output} is there already: give another file, or --overwrite`);
    if (output === db) throw new UsageError(`-o ${output} is the store itself: give another file`);
    rmSync(output);
  }
  const trials = await store.trials(name);
  const { constraints } = describeStudy(spec);
  const columns = () => trialColumns(trials, spec, constraints);
  switch (chosen) {
    case 'csv':
      writeFileSync(output, csvOf(tableOf(columns())));
      break;
    case 'parquet':
      writeFileSync(output, (await import('../study/exchange/parquet.ts')).parquetOf(columns()));
      break;
    case 'json-lines':
      writeFileSync(output, jsonLinesOf(await store.contents(name)));
      break;
    case 'optuna':
      writeOptuna(output, spec, trials, constraints);
      break;
  }
  if (json) printJson({ kind: 'export', study: name, file: output, format: chosen, trials: trials.length });
  else process.stdout.write(`${output}: ${plural(trials.length, 'trial')} as ${chosen}\n`);
}

/** Times as ISO 8601, truth as true and false. */
function tableOf(columns: readonly TrialColumn[]) {
  const cells = columns.map(({ type, values }) =>
    values.map((value) =>
      value === null || typeof value === 'string'
        ? value
        : type === 'time'
          ? new Date(value as number).toISOString()
          : typeof value === 'boolean'
            ? String(value)
            : value,
    ),
  );
  const rows = (cells[0] ?? []).map((_, row) => cells.map((column) => column[row] ?? null));
  return { columns: columns.map(({ name }) => name), rows };
}
