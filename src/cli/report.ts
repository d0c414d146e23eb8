/** `tacet report`: a study as a page in one file, and its figures as files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { collectStudy } from '../report/collect.ts';
import { writeFigures } from '../report/figure-files.ts';
import { incumbents, type StudyData } from '../report/figures/study-data.ts';
import { reportHtml } from '../report/html.ts';
import { pageBundle } from '../report/page-bundle.ts';
import { portraitOf } from '../report/portrait.ts';
import { openStore } from '../study/open-store.ts';
import { RECIPES } from '../study/recipes.ts';
import { UsageError } from './errors.ts';
import { formatCount, plural } from './format.ts';
import { printJson } from './json-lines.ts';
import { devicesOption, jsonOption, storeOption } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';

const EXAMPLES = `
Examples:
  tacet report mnist-stdp
  tacet report mnist-stdp -o report.html --figures figures
  tacet report mnist-stdp --db full.db
  tacet report mnist-stdp --rerun-best

The page needs no network and nothing else. --figures writes each figure as SVG and PNG, with its data as CSV.`;

interface ReportOptions {
  readonly db: string;
  readonly output?: string;
  readonly figures?: string;
  readonly rerunBest?: boolean;
  readonly devices: string;
  readonly json?: boolean;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('write a study as a page in one file: figures, table of trials, everything')
    .argument('<study>', 'name of the study; tacet studies lists them')
    .option('-o, --output <file>', 'the page (default: <study>.html)')
    .option(
      '--rerun-best',
      'run the best trial again, for its raster, spikes by class, rates, and what its recipe has: receptive fields, or loss, accuracy and confusions',
    )
    .addOption(devicesOption())
    .option('--figures <folder>', 'also write every figure as SVG and PNG, with its data as CSV')
    .addOption(storeOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(report);
}

async function report(
  name: string,
  {
    db,
    output = `${name.replaceAll(/[^\w.-]+/g, '-')}.html`,
    figures,
    rerunBest = false,
    devices,
    json = false,
  }: ReportOptions,
): Promise<void> {
  await using store = await openStore(db, { create: false });
  const collected = await collectStudy(store, name);
  const data = rerunBest ? { ...collected, portrait: await portray(collected, devices, json) } : collected;
  const html = reportHtml(data, await pageBundle());
  writing('-o', output, () => writeFileSync(output, html));
  const files =
    figures === undefined
      ? undefined
      : await writeFigures(data, writableFolder(figures), (id) => {
          if (!json && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${id}`);
        });
  if (!json && files && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  if (json) {
    const { written = [], missing = [], withoutPng } = files ?? {};
    printJson({
      kind: 'report',
      study: name,
      file: output,
      bytes: Buffer.byteLength(html),
      trials: data.trials.length,
      figures: written,
      missing,
      withoutPng: withoutPng ?? null,
    });
    return;
  }
  const lines = [
    `${output}: ${plural(data.trials.length, 'trial')}, ${formatCount(Buffer.byteLength(html) / 1000)} kB. Open it in a browser.`,
    ...(files === undefined ? [] : [`${figures}: ${plural(files.written.length, 'figure')}`]),
    ...(files?.missing ?? []).map(({ id, reason }) => `  without ${id}: ${reason}`),
    ...(files?.withoutPng === undefined ? [] : [`  without PNG files: ${files.withoutPng}`]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function writableFolder(folder: string): string {
  writing('--figures', folder, () => mkdirSync(folder, { recursive: true }));
  return folder;
}

/** Writes a file; what can't be written is the user's to mend. @throws {UsageError} */
function writing(option: string, path: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${option} ${path} can't be written (${reason}): give another place`, { cause });
  }
}

/** Runs the best trial again, and says how far it is on a terminal. @throws {UsageError} where there is none to run */
async function portray(data: StudyData, device: string, quiet: boolean) {
  const best = incumbents(data).at(-1);
  const rerun = RECIPES.find((recipe) => recipe.name === data.spec.recipe)?.rerun;
  if (rerun === undefined) {
    const known = RECIPES.filter((recipe) => recipe.rerun !== undefined).map(({ name }) => name);
    throw new UsageError(
      `--rerun-best: study ${data.spec.name} is of ${data.spec.recipe}, whose trials can't be run again: leave it out, or report a study of ${known.join(', ')}`,
    );
  }
  if (best === undefined) {
    throw new UsageError(`--rerun-best: study ${data.spec.name} has no feasible trial yet: leave it out`);
  }
  let [done, all] = [0, 0];
  const text = () => `trial ${best.number} again: ${formatCount(done)} of ${formatCount(all)} samples`;
  using _display = new ProgressDisplay({ live: text, line: text }, { quiet });
  return portraitOf(
    best,
    await rerun(data.spec, best, device, (...progress) => {
      [done, all] = progress;
    }),
  );
}
