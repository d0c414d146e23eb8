/** `tacet bench`: measures what a device can do, and what the kernels and the networks make of it. */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { CARDS, cardOf } from '../bench/cards.ts';
import { compareReports } from '../bench/compare.ts';
import { BenchError } from '../bench/errors.ts';
import { predictOn } from '../bench/predict.ts';
import { type BenchReport, readReport, surroundings } from '../bench/report.ts';
import { measureRoofs, type Roofs } from '../bench/roofs.ts';
import { type CaseResult, runSuite } from '../bench/run.ts';
import { SUITES, suiteOf } from '../bench/suites/index.ts';
import {
  caseTable,
  comparisonTable,
  kernelTable,
  predictionTable,
  roofTable,
  type TextTable,
} from '../bench/tables.ts';
import { openDevice } from '../device/index.ts';
import { EXIT, UsageError } from './errors.ts';
import { formatTable } from './format.ts';
import { printJson } from './json-lines.ts';
import { jsonOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';

interface BenchOptions {
  readonly device: string;
  readonly only?: string;
  readonly repetitions: number;
  readonly warmUp: number;
  readonly output?: string;
  readonly baseline?: string;
  readonly threshold: number;
  readonly gpu: string;
  readonly from?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  tacet bench
  tacet bench kernels --device native
  tacet bench networks --only diehl-cook --repetitions 9
  tacet bench kernels networks -o before.json
  tacet bench kernels networks --baseline before.json
  tacet bench predict --gpu h100,4090
  tacet bench predict --gpu h100 --from kernels.json

Suites:
${SUITES.map(({ name, about }) => `  ${name.padEnd(10)}${about}`).join('\n')}
  predict   the kernels on cards that are not here: a model, from their bandwidth, rate and latency

Cards: ${CARDS.map(({ name }) => name).join(', ')}

With --baseline the exit code is 1 when a case is slower than there, beyond the noise of both.
Every case is checked to compute what it should before it is timed. docs/benchmarks.md tells what is measured and how.`;

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure the roofs of a device, its kernels, networks, optimizers, and how they scale')
    .argument('[suites...]', `suites to run (default: ${SUITES.map(({ name }) => name).join(' ')})`)
    .option('--device <device>', 'auto, webgpu, webgpu:<part of the name>, or native', 'auto')
    .option('--only <text>', 'only cases whose names hold this')
    .option('--repetitions <count>', 'repetitions of each case', wholeNumber(1), 5)
    .option('--warm-up <count>', 'repetitions before those that count', wholeNumber(0), 2)
    .option('-o, --output <file.json>', 'write the results')
    .option('--baseline <file.json>', 'compare with earlier results of the same device')
    .option('--threshold <share>', 'what a case may be slower by in any case, as a share', share, 0.1)
    .option('--gpu <cards>', 'cards of a prediction, with commas between', 'h100')
    .option('--from <file.json>', 'results that a prediction is made from, instead of measuring')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(names: readonly string[], options: BenchOptions): Promise<void> {
  if (options.output !== undefined && !/\.json$/i.test(options.output)) {
    throw new UsageError(`--output ${options.output} is no report: give a name that ends in .json`);
  }
  if (names.includes('predict')) {
    if (names.length > 1) throw new UsageError('predict stands alone: leave the other suites out');
    await predict(options);
    return;
  }
  const suites = names.length === 0 ? SUITES : names.map(suiteOf);
  const baseline = options.baseline === undefined ? undefined : readReport(options.baseline);
  const report = await measure(
    suites.map(({ name }) => name),
    options,
  );
  const compared = baseline && compareReports(report, baseline, options.threshold);
  if (options.output !== undefined) write(options.output, `${JSON.stringify(report, undefined, 1)}\n`);
  if (options.json) {
    printJson(compared ? { ...report, compared } : report);
  } else {
    const tables = [
      roofTable(report),
      ...suites.map(({ name, timesKernels }) =>
        timesKernels ? kernelTable(report, name) : caseTable(report, name),
      ),
      compared && comparisonTable(compared),
    ];
    process.stdout.write(
      `${heading(report)}\n${tables
        .flatMap((table) => table ?? [])
        .map(text)
        .join('\n')}`,
    );
  }
  const slower = compared?.filter(({ verdict }) => verdict === 'slower') ?? [];
  if (slower.length > 0) {
    process.stderr.write(
      `tacet: slower than ${options.baseline}: ${slower.map(({ name }) => name).join(', ')}\n`,
    );
    process.exitCode = EXIT.failure;
  }
}

/** Runs suites on the device of the options. */
async function measure(names: readonly string[], options: BenchOptions): Promise<BenchReport> {
  const { device: spec, only, repetitions, warmUp, json = false } = options;
  const load = loadavg()[0] ?? 0;
  const suites = names.map(suiteOf);
  const timed = suites.some(({ timesKernels }) => timesKernels);
  let doing = 'opening the device';
  const line = () => doing;
  using display = new ProgressDisplay({ live: line, line }, { quiet: json });
  const tell = (what: string) => {
    doing = what;
  };
  const wanted = (name: string) => only === undefined || name.includes(only);
  const cases: CaseResult[] = [];
  const run = {
    repetitions,
    warmUp,
    onCase: (suite: { name: string }, one: { name: string }) => tell(`${suite.name}: ${one.name}`),
  };
  let info: BenchReport['device'] | undefined;
  let roofs: Roofs | undefined;
  if (timed) {
    await using device = await openDevice(spec, { timing: true });
    info = { ...device.info };
    tell('roofs');
    const measured = await measureRoofs(device, { repetitions });
    roofs = measured;
    for (const suite of suites.filter((one) => one.timesKernels)) {
      cases.push(...(await runSuite(device, suite, { ...run, roofs: measured }, wanted)));
    }
  }
  await using device = await openDevice(spec);
  for (const suite of suites.filter((one) => !one.timesKernels)) {
    cases.push(...(await runSuite(device, suite, run, wanted)));
  }
  if (cases.length === 0) {
    throw new BenchError(
      'bad-input',
      `--only ${only} leaves no case of ${names.join(', ')}: give a part of a name that tacet bench prints`,
    );
  }
  display[Symbol.dispose]();
  return {
    schema: 'tacet-bench/1',
    madeAt: new Date().toISOString(),
    ...surroundings(load),
    device: info ?? { ...device.info },
    settings: { repetitions, warmUp, suites: [...names], ...(only === undefined ? {} : { only }) },
    ...(roofs ? { roofs } : {}),
    cases,
  } as BenchReport;
}

async function predict(options: BenchOptions): Promise<void> {
  const cards = options.gpu.split(',').map((name) => cardOf(name.trim()));
  const report = options.from === undefined ? await measure(['kernels'], options) : readReport(options.from);
  const predictions = cards.map((card) => predictOn(card, report));
  if (options.json) {
    printJson({ kind: 'prediction', from: report.device.name, commit: report.versions.commit, predictions });
    return;
  }
  const lines = predictions.map((prediction) => text(predictionTable(prediction)));
  process.stdout.write(
    `A model, not a measurement: from ${report.device.name}, commit ${report.versions.commit}. At best: the roofs of the card alone. Likely: ${predictions[0]?.basis ?? ''}.\n${lines.join('\n')}`,
  );
}

function heading({ device, versions, machine, settings }: BenchReport): string {
  const load = machine.loadAtStart.toFixed(1);
  return [
    `${device.name}; ${device.driver}; ${device.backend}`,
    `${machine.processor}, ${machine.processors} processors with a load of ${load} at the start; Node ${versions.node}, webgpu ${versions.webgpu}, commit ${versions.commit}`,
    `medians of ${settings.repetitions} repetitions after ${settings.warmUp}; in brackets the fastest and the slowest`,
  ].join('\n');
}

function text({ title, head, rows }: TextTable): string {
  return `\n${title}\n${formatTable(head, rows)}\n`;
}

function share(given: string): number {
  const value = Number(given);
  if (given.trim() === '' || !(value >= 0 && value < 10)) {
    throw new InvalidArgumentError('Give a share, such as 0.1 for 10 %.');
  }
  return value;
}

function write(file: string, content: string): void {
  try {
    writeFileSync(file, content);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new UsageError(`${file} can't be written (${code}): give --output another place`, { cause });
  }
}
