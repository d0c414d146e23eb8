/**
 * Validation against the recorded experiment: every row of `shared/data/bindsnet-mnist-stdp.csv` (434 networks that
 * others trained with BindsNET) evaluated here with its hyperparameters and the recorded setting (48,000 training and
 * 12,000 hold-out images, T = 100, beta 0.10).
 *
 *   node bench/validate-stdp.ts [--device native] [--rows 434] [--seed 1] [--out FILE.json]      evaluates the rows
 *   node bench/validate-stdp.ts --repeat                   evaluates the one-epoch rows that were not stopped once more
 *   node bench/validate-stdp.ts --render docs/validation.md                                          writes the page
 *
 * With fewer rows a sample is drawn by the seed. The second and third read and extend the JSON of the first. The repeat
 * has other seeds, another split and other spikes: how well it agrees with the first run is how well anything can.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { splitIndices } from '../src/data/split.ts';
import { runEvaluation } from '../src/study/evaluation.ts';
import { mnistStdpSettings, recipeOf } from '../src/study/recipes.ts';
import { trialSeed } from '../src/study/study-trials.ts';
import type { TrialOutcome } from '../src/study/trial.ts';
import { correlation, median, ranks } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'native' },
    rows: { type: 'string', default: '434' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'bench/results/validation.json' },
    table: { type: 'string', default: '../shared/data/bindsnet-mnist-stdp.csv' },
    repeat: { type: 'boolean', default: false },
    render: { type: 'string' },
  },
});

type Row = Readonly<Record<string, string>>;

interface Comparison {
  readonly row: number;
  readonly stopped: boolean;
  readonly stoppedHere: boolean;
  readonly neurons: number;
  readonly accuracies: Readonly<Record<string, { readonly recorded: number; readonly here: number }>>;
  /** Excitatory spikes in a hold-out sample. */
  readonly spikes: { readonly recorded: number; readonly here: number };
  readonly plainConstraints: readonly { readonly recorded: number; readonly here: number }[];
  /** All-activity accuracy of the repeat. */
  readonly repeated?: number;
}

interface Validation {
  readonly command: string;
  readonly device: string;
  readonly date: string;
  readonly minutes: number;
  readonly networkSamples: number;
  readonly comparisons: readonly Comparison[];
}

const DECODERS = ['all', 'vote', '2gram', '3gram'];
const TEXT = new Set(['decoder']);
const PARAMETERS = Object.keys(recipeOf('mnist-stdp').space);

function readTable(path: string): Row[] {
  const [head, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const names = (head ?? '').split(',');
  return lines.map((line) => {
    const fields = line.split(',');
    return Object.fromEntries(names.map((name, index) => [name, fields[index] ?? '']));
  });
}

/** Seeds of the repeat: trials from here on, and the data's. */
const REPEAT_SEED = 777_000;
const REPEAT_DATA_SEED = 1;

function valuesOf(row: Row): Record<string, number | string> {
  return Object.fromEntries(
    PARAMETERS.map((name) => [name, TEXT.has(name) ? (row[name] ?? '') : Number(row[name])]),
  );
}

async function repeat(validation: Validation): Promise<Validation> {
  const table = new Map(readTable(options.table).map((row) => [Number(row.row), row]));
  const chosen = validation.comparisons.filter(
    ({ row, stopped, stoppedHere }) => !stopped && !stoppedHere && table.get(row)?.epochs === '1',
  );
  const entries = chosen.map(({ row }, index) => ({
    seed: REPEAT_SEED + index,
    values: valuesOf(table.get(row) as Row),
  }));
  const settings = mnistStdpSettings.parse({ evaluateSilent: true, dataSeed: REPEAT_DATA_SEED });
  const outcomes = await runEvaluation({ recipe: 'mnist-stdp', settings }, entries, {
    devices: options.device,
  });
  const accuracies = new Map(chosen.map(({ row }, index) => [row, outcomes[index]?.accuracies.all]));
  return {
    ...validation,
    comparisons: validation.comparisons.map((comparison) => {
      const repeated = accuracies.get(comparison.row);
      return repeated === undefined ? comparison : { ...comparison, repeated };
    }),
  };
}

async function validate(): Promise<Validation> {
  const table = readTable(options.table);
  const seed = Number(options.seed);
  const chosen = splitIndices(table.length, [Math.min(table.length, Number(options.rows))], seed)[0] ?? [];
  const rows = Array.from(chosen)
    .sort((a, b) => a - b)
    .map((index) => table[index] as Row);
  const entries = rows.map((row, index) => ({
    seed: trialSeed(seed, index),
    values: valuesOf(row),
  }));
  const settings = mnistStdpSettings.parse({ evaluateSilent: true });
  const started = performance.now();
  let device = '';
  let networkSamples = 0;
  let done = 0;
  const outcomes = await runEvaluation({ recipe: 'mnist-stdp', settings }, entries, {
    devices: options.device,
    onEvent: (event) => {
      if (event.kind === 'ready') device = event.device.name;
      if (event.kind === 'chunk') networkSamples += event.samples;
      if (event.kind !== 'outcome') return;
      done += 1;
      const seconds = (performance.now() - started) / 1000;
      const rate = networkSamples / seconds;
      console.error(
        `${done} of ${rows.length}, ${seconds.toFixed(0)} s, ${rate.toFixed(0)} samples x networks/s`,
      );
    },
  });
  return {
    command: `node bench/validate-stdp.ts --device ${options.device} --rows ${rows.length} --seed ${seed}`,
    device,
    date: new Date().toISOString().slice(0, 10),
    minutes: (performance.now() - started) / 60_000,
    networkSamples,
    comparisons: rows.map((row, index) => compare(row, outcomes[index] as TrialOutcome)),
  };
}

function compare(row: Row, outcome: TrialOutcome): Comparison {
  const holdOut = outcome.phases.find((phase) => phase.phase === 'hold-out');
  const spikes = holdOut?.layers[0]?.spikes ?? Number.NaN;
  return {
    row: Number(row.row),
    stopped: row.stopped === 'True',
    stoppedHere: outcome.state === 'silent',
    neurons: Number(row.map_size),
    accuracies: Object.fromEntries(
      DECODERS.map((name) => [
        name,
        { recorded: Number(row[`${name}_valid`]), here: outcome.accuracies[name] ?? Number.NaN },
      ]),
    ),
    spikes: {
      recorded: Number(row.test_outpt_otspikes) / 12_000,
      here: spikes / (holdOut?.samples ?? 1),
    },
    plainConstraints: outcome.plainConstraints.map((here, index) => ({
      recorded: Number(row[`constraint_${index}`]),
      here,
    })),
  };
}

function spearman(a: readonly number[], b: readonly number[]): number {
  return correlation(ranks(a), ranks(b));
}

interface Bar {
  readonly what: string;
  readonly value: number;
  readonly bar: string;
  readonly holds: boolean;
}

function bars(comparisons: readonly Comparison[]): Bar[] {
  const agree =
    comparisons.filter(({ stopped, stoppedHere }) => stopped === stoppedHere).length / comparisons.length;
  const complete = comparisons.filter(({ stopped, stoppedHere }) => !stopped && !stoppedHere);
  const all = complete.map(({ accuracies }) => accuracies.all as { recorded: number; here: number });
  const difference = median(all.map(({ recorded, here }) => Math.abs(recorded - here)));
  const rank = spearman(
    all.map(({ recorded }) => recorded),
    all.map(({ here }) => here),
  );
  const spikes = median(complete.map(({ spikes }) => Math.abs(spikes.here / spikes.recorded - 1)));
  return [
    { what: 'agreement on stopped or not', value: agree, bar: 'at least 0.93', holds: agree >= 0.93 },
    {
      what: 'median absolute difference of all-activity accuracy, not stopped',
      value: difference,
      bar: 'at most 0.03',
      holds: difference <= 0.03,
    },
    { what: "Spearman's rank correlation of the same", value: rank, bar: 'at least 0.9', holds: rank >= 0.9 },
    {
      what: 'median relative difference of excitatory spikes in a hold-out sample, not stopped',
      value: spikes,
      bar: 'at most 0.05',
      holds: spikes <= 0.05,
    },
  ];
}

function render(validation: Validation): string {
  const { comparisons } = validation;
  const complete = comparisons.filter(({ stopped, stoppedHere }) => !stopped && !stoppedHere);
  const decoderLines = DECODERS.map((name) => {
    const pairs = complete.map(({ accuracies }) => accuracies[name] as { recorded: number; here: number });
    const difference = median(pairs.map(({ recorded, here }) => Math.abs(recorded - here)));
    const bias = median(pairs.map(({ recorded, here }) => here - recorded));
    const rank = spearman(
      pairs.map(({ recorded }) => recorded),
      pairs.map(({ here }) => here),
    );
    return `| ${name} | ${difference.toFixed(4)} | ${bias.toFixed(4)} | ${rank.toFixed(4)} |`;
  });
  const count = (stopped: boolean, here: boolean) =>
    comparisons.filter((c) => c.stopped === stopped && c.stoppedHere === here).length;
  return `# Validation: STDP on MNIST against the recorded experiment

Written by \`${validation.command} --render docs/validation.md\`; do not edit by hand.

${comparisons.length} of the 434 networks of \`shared/data/bindsnet-mnist-stdp.csv\` (real evaluations with BindsNET), each trained and
evaluated here with its hyperparameters, a seed and a split of our own: ${validation.networkSamples} samples x networks in
${validation.minutes.toFixed(1)} minutes on ${validation.device}, ${validation.date}.

| | value | bar | holds |
|---|---|---|---|
${bars(comparisons)
  .map(
    ({ what, value, bar, holds }) =>
      `| ${what} | ${value.toFixed(4)} | ${bar} | ${holds ? 'yes' : '**no**'} |`,
  )
  .join('\n')}

| | stopped here | not stopped here |
|---|---|---|
| stopped in the record | ${count(true, true)} | ${count(true, false)} |
| not stopped in the record | ${count(false, true)} | ${count(false, false)} |

Per decoder, over the ${complete.length} networks stopped in neither (median absolute difference; median difference, here minus recorded;
rank correlation):

| decoder | difference | bias | rank correlation |
|---|---|---|---|
${decoderLines.join('\n')}

${ceiling(comparisons)}
## The silence thresholds of the record

The record does not state its alpha. Its columns bound it. A network that was stopped in its first epoch has n silent
samples among its N processed ones and S spikes in them. The N - n others have at least alpha spikes each, so
alpha <= S / (N - n); if no more than alpha - 1 spikes fall on each silent sample when all are silent, alpha >= S / N.

${inferAlpha()}

With the released scripts' alpha of 5 and 1 both bounds hold, and the shares of silent samples agree, so 5 and 1 are the
defaults:

| plain constraint c = n/N - beta, networks stopped in neither | median absolute difference |
|---|---|
${constraintLines(complete)}

## What is known to differ

- The record draws fresh Poisson spikes at each presentation; here a sample's spikes are drawn once and shared by all
  trials and epochs.
- The record looks at the silent share about every 1,000 samples; here it is looked at after every sample, so a
  stopped network has seen up to 1,000 samples fewer.
- The decay of the adaptive threshold is exact here. In single precision, as the record computed it step by step, a
  time constant of 10^7 steps rounds to one 19 % shorter.
`;
}

/** What a second run of our own says about the rank correlation that can be reached. */
function ceiling(comparisons: readonly Comparison[]): string {
  const twice = comparisons.filter(({ repeated }) => repeated !== undefined);
  if (twice.length === 0) return '';
  const recorded = twice.map(({ accuracies }) => accuracies.all?.recorded ?? Number.NaN);
  const first = twice.map(({ accuracies }) => accuracies.all?.here ?? Number.NaN);
  const second = twice.map(({ repeated }) => repeated ?? Number.NaN);
  const line = (what: string, a: readonly number[], b: readonly number[]) => {
    const difference = median(a.map((value, index) => Math.abs(value - (b[index] as number))));
    return `| ${what} | ${spearman(a, b).toFixed(4)} | ${correlation(a, b).toFixed(4)} | ${difference.toFixed(4)} |`;
  };
  return `## Why the rank correlation is what it is

Most networks that were not stopped lie between 0.78 and 0.89, closer together than two runs of one network. The
${twice.length} of them with one epoch were run here a second time, with other seeds, another split and other spikes
(\`node bench/validate-stdp.ts --repeat\`):

| all-activity accuracy | rank correlation | correlation | median absolute difference |
|---|---|---|---|
${line('record and first run', recorded, first)}
${line('record and second run', recorded, second)}
${line('first run and second run', first, second)}

The record agrees with a run of ours as well as two runs of ours agree with each other. So a rank correlation of 0.9
between single runs is out of reach for any model of these networks, this one and BindsNET included; the bar would need
several recorded runs of each network.
`;
}

/** Bounds of alpha for both layers from the rows stopped in their first epoch. */
function inferAlpha(): string {
  if (!existsSync(options.table)) return 'The table is not here.';
  const rows = readTable(options.table).filter((row) => row.stopped === 'True' && row.epochs === '1');
  const lines = [
    ['excitatory', 'constraint_0', 'train_outpt_otspikes'],
    ['inhibitory', 'constraint_1', 'train_inhib_otspikes'],
  ].map(([layer = '', constraint = '', column = '']) => {
    let above = Number.POSITIVE_INFINITY;
    let below = 0;
    for (const row of rows) {
      const processed = Number(row.processed_images) - 12_000;
      const silent = Math.round((Number(row[constraint]) + 0.1) * 48_000);
      const spikes = Number(row[column]);
      if (silent < processed) above = Math.min(above, spikes / (processed - silent));
      else below = Math.max(below, spikes / processed);
    }
    return `- ${layer}: the tightest rows give ${below.toFixed(2)} < alpha <= ${above.toFixed(2)}`;
  });
  return lines.join('\n');
}

function constraintLines(complete: readonly Comparison[]): string {
  return ['excitatory', 'inhibitory']
    .map((layer, index) => {
      const differences = complete.map(({ plainConstraints }) => {
        const pair = plainConstraints[index] as { recorded: number; here: number };
        return Math.abs(pair.recorded - pair.here);
      });
      return `| ${layer} | ${median(differences).toFixed(5)} |`;
    })
    .join('\n');
}

let current: Validation;
if ((options.render || options.repeat) && existsSync(options.out)) {
  current = JSON.parse(readFileSync(options.out, 'utf8')) as Validation;
  if (options.repeat) current = await repeat(current);
} else {
  current = await validate();
}
writeFileSync(options.out, JSON.stringify(current));
for (const { what, value, bar, holds } of bars(current.comparisons)) {
  console.log(`${holds ? 'holds' : 'FAILS'}: ${what} ${value.toFixed(4)} (${bar})`);
}
if (options.render) writeFileSync(options.render, render(current));
if (!bars(current.comparisons).every(({ holds }) => holds)) process.exitCode = 1;
