/** `tacet prune compare`: methods of pruning side by side, over densities and seeds. */
import { Command, InvalidArgumentError } from 'commander';
import { openDevice } from '../device/index.ts';
import { loadLinearAlgebra } from '../linalg/index.ts';
import {
  type ComparisonRecord,
  type ComparisonSpec,
  compareSeed,
  estimateOf,
  methodSettings,
  variantsOf,
} from '../pruning/comparison.ts';
import { ComparisonStore } from '../pruning/comparison-store.ts';
import { seriesOf, TASKS } from '../pruning/tasks.ts';
import { comparisonFigure, type Panel } from '../report/comparison-figure.ts';
import { checkFigureName, writeFigure } from './figure-file.ts';
import { formatDuration, formatTable } from './format.ts';
import { printJson } from './json-lines.ts';
import { jsonOption, wholeNumber } from './options.ts';
import { ProgressDisplay } from './progress-display.ts';
import { routeOption, share } from './prune-options.ts';

interface CompareOptions {
  readonly size: number;
  readonly methods: readonly string[];
  readonly densities: readonly number[];
  readonly neurons: number;
  readonly tasks: readonly string[];
  readonly seeds: number;
  readonly route: 'rate' | 'surrogate' | 'saltation';
  readonly exponents: number;
  readonly train: number;
  readonly results: string;
  readonly device: string;
  readonly output?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  tacet prune compare
  tacet prune compare --methods lnp,random --densities 0.1,0.2,0.4 --seeds 5 -o pruning.svg
  tacet prune compare --tasks lorenz,series.csv:wind --json

Results are kept in --results. The same command goes on where it stood; more methods, densities and seeds add to it.`;

export function compareCommand(): Command {
  return new Command('compare')
    .description('prune the same networks by several methods, and let all of them predict series')
    .option('--size <neurons>', 'neurons of the dense networks', wholeNumber(10), 1000)
    .option(
      '--methods <list>',
      'methods, with commas between',
      names,
      names('lnp,noise,weight,resistance,random,activity'),
    )
    .option('--densities <list>', 'shares of the synapses that stay', shares, [0.2])
    .option('--neurons <share>', 'share of the neurons that stay', share, 0.5)
    .option('--tasks <list>', `series: ${TASKS.join(', ')}, or files (a column after a colon)`, names, [
      ...TASKS,
    ])
    .option('--seeds <count>', 'networks of each kind', wholeNumber(1), 5)
    .addOption(routeOption())
    .option('--exponents <count>', 'the largest exponents that are computed', wholeNumber(1), 64)
    .option('--train <samples>', 'samples to which readouts are fitted', wholeNumber(50), 2000)
    .option('--results <file.jsonl>', 'where results are kept', './pruning.jsonl')
    .option('--device <device>', 'auto, webgpu, webgpu:<part of the name>, or native', 'auto')
    .option('-o, --output <file.svg|file.png>', 'draw errors over densities, and spectra')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .allowExcessArguments(false)
    .action(run);
}

function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.some((name) => name === '')) throw new InvalidArgumentError('Give names with commas between.');
  return list;
}

function shares(text: string): number[] {
  return text.split(',').map(share);
}

async function run(options: CompareOptions): Promise<void> {
  const { size, methods, densities, neurons, tasks, seeds, route, exponents, output, json = false } = options;
  checkFigureName(output);
  for (const method of methods) methodSettings(method);
  for (const task of tasks) seriesOf(task, 1, 0);
  const spec: ComparisonSpec = {
    size,
    methods,
    densities,
    neurons,
    tasks,
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    settings: {},
    spectrum: { route, exponents },
    forecast: { train: options.train },
  };
  const store = new ComparisonStore(options.results, spec);
  const algebra = loadLinearAlgebra();
  await using device = await openDevice(options.device);
  const started = performance.now();
  let doing = 'starting';
  const line = () => `${doing}; ${formatDuration((performance.now() - started) / 1000)}`;
  const display = new ProgressDisplay({ live: line, line }, { quiet: json });
  try {
    for (const seed of spec.seeds) {
      const missing = variantsOf(spec).filter((variant) => !store.has(variant, seed));
      if (missing.length === 0) continue;
      store.add(
        await compareSeed(device, algebra, spec, seed, missing, (what) => {
          doing = `seed ${seed} of ${seeds}: ${what}`;
        }),
      );
    }
  } finally {
    display[Symbol.dispose]();
  }
  const variants = variantsOf(spec);
  const chosen = store.records.filter(
    ({ method, density, seed }) =>
      seed < seeds && variants.some((variant) => variant.method === method && variant.density === density),
  );
  if (json) for (const record of chosen) printJson({ kind: 'pruning', ...record });
  else process.stdout.write(`${table(chosen, spec)}\n`);
  if (output !== undefined) await draw(output, chosen, spec);
}

/** A row for each variant: means over seeds with standard errors. */
function table(records: readonly ComparisonRecord[], spec: ComparisonSpec): string {
  const shown = (values: readonly number[], digits: number): string => {
    const { mean, standardError } = estimateOf(values);
    return Number.isNaN(standardError)
      ? mean.toFixed(digits)
      : `${mean.toFixed(digits)} ± ${standardError.toFixed(digits)}`;
  };
  const rows = variantsOf(spec).map(({ method, density }) => {
    const own = records.filter((record) => record.method === method && record.density === density);
    const of = (figure: (record: ComparisonRecord) => number, digits: number) =>
      shown(own.map(figure), digits);
    return [
      method,
      String(density),
      of(({ synapses }) => synapses, 0),
      of(({ neurons }) => neurons, 0),
      ...spec.tasks.map((task) => of(({ tasks }) => tasks[task]?.nrmse ?? Number.NaN, 4)),
      of(({ exponents }) => exponents[0] ?? Number.NaN, 1),
      of(({ tasks }) => megaOperations(tasks), 2),
      of(({ pruningSeconds }) => pruningSeconds, 1),
    ];
  });
  const head = [
    'method',
    'density',
    'synapses',
    'neurons',
    ...spec.tasks.map((task) => `${task}: NRMSE`),
    'exponent 1 (1/s)',
    '10^6 operations/s',
    'seconds',
  ];
  return `${formatTable(head, rows)}\nMeans over ${spec.seeds.length} seeds with standard errors.`;
}

/** Synaptic operations of the recurrent synapses, mean over tasks, millions a second. */
function megaOperations(tasks: ComparisonRecord['tasks']): number {
  const all = Object.values(tasks);
  return all.reduce((sum, { synapticOperationsHz }) => sum + synapticOperationsHz, 0) / all.length / 1e6;
}

async function draw(file: string, records: readonly ComparisonRecord[], spec: ComparisonSpec): Promise<void> {
  const variants = variantsOf(spec);
  const errors = spec.tasks.map((task): Panel => {
    const curves = [...new Set(variants.map(({ method }) => method))].map((method) => ({
      name: method,
      points: variants
        .filter((variant) => variant.method === method)
        .sort((a, b) => a.density - b.density)
        .map(({ density }) => {
          const own = records.filter((record) => record.method === method && record.density === density);
          const { mean, standardError } = estimateOf(
            own.map(({ tasks }) => tasks[task]?.nrmse ?? Number.NaN),
          );
          return { x: density, y: mean, error: standardError };
        }),
    }));
    return { title: task, xLabel: 'density', yLabel: 'NRMSE', curves };
  });
  const [density] = spec.densities;
  const spectra: Panel = {
    title: `spectra at density ${density}, seed 0`,
    xLabel: 'index / neurons',
    yLabel: 'exponent (1/s)',
    curves: records
      .filter((record) => record.seed === 0 && (record.method === 'dense' || record.density === density))
      .map(({ method, exponents, neurons }) => ({
        name: method,
        points: exponents.map((y, i) => ({ x: (i + 0.5) / neurons, y })),
      })),
  };
  await writeFigure(file, comparisonFigure('Pruning: error over density', [...errors, spectra]));
}
