/** What came of a comparison of pruning methods as tables and as a figure. */
import {
  type ComparisonRecord,
  DENSE,
  type Estimate,
  estimateOf,
  type TaskScore,
  type Variant,
} from '../pruning/comparison.ts';
import type { Panel } from '../report/comparison-figure.ts';
import { formatTable } from './format.ts';

/** What a comparison is about: variants in the order of the tables. */
export interface Compared {
  readonly methods: readonly string[];
  readonly densities: readonly number[];
  readonly tasks: readonly string[];
  readonly training: 'readout' | 'stdp';
}

/** Tables for a terminal, or in Markdown for a page. */
export function comparisonTables(
  records: readonly ComparisonRecord[],
  compared: Compared,
  markdown: boolean,
): string {
  const format = markdown ? markdownTable : formatTable;
  const seeds = new Set(records.map(({ seed }) => seed)).size;
  const differences = differenceRows(records, compared);
  return [
    format(...meanTable(records, compared)),
    `Means over ${seeds} seeds with standard errors. Error: of a series the root mean squared error one sample ahead over the\nstandard deviation, of classes the share of test samples that were not found.`,
    ...(differences.length === 0
      ? []
      : [
          format(['method', 'density', 'against', ...compared.tasks.map(nameOf)], differences),
          'Differences by seed with standard errors: above 0 the method is better; in brackets, in standard errors.',
        ]),
  ].join('\n\n');
}

/** All variants, those that prune nothing once. */
function variantsOf({ methods, densities }: Compared): Variant[] {
  const [first = 0] = densities;
  return [
    ...methods.filter((method) => DENSE.includes(method)).map((method) => ({ method, density: first })),
    ...densities.flatMap((density) =>
      methods.filter((method) => !DENSE.includes(method)).map((method) => ({ method, density })),
    ),
  ];
}

function meanTable(
  records: readonly ComparisonRecord[],
  compared: Compared,
): [head: string[], rows: string[][]] {
  const { tasks, training } = compared;
  const valid = tasks.filter((task) =>
    records.some((record) => Number.isFinite(record.tasks[task]?.validPredictionTime)),
  );
  const trained = training === 'stdp';
  const head = [
    'method',
    'density',
    'synapses',
    'neurons',
    'read',
    ...tasks.map((task) => `${nameOf(task)}: error`),
    ...valid.map((task) => `${nameOf(task)}: valid (Lyapunov times)`),
    'exponent 1 (1/s), largest',
    'time constants x',
    'rate (Hz)',
    '10^6 operations/s',
    'nW',
    ...(trained ? [...tasks.map((task) => `${nameOf(task)}: before`), '10^6 operations/s before'] : []),
    'seconds',
  ];
  const rows = variantsOf(compared).map((variant) => {
    const own = recordsOf(records, variant);
    const of = (figure: (record: ComparisonRecord) => number, digits: number) =>
      shown(estimateOf(own.map(figure)), digits);
    const meanOf = (key: keyof TaskScore, unit: number, digits: number) =>
      of(({ tasks: all }) => mean(Object.values(all).map((score) => score[key])) / unit, digits);
    return [
      variant.method,
      DENSE.includes(variant.method) ? '1' : String(variant.density),
      of(({ synapses }) => synapses, 0),
      of(({ neurons }) => neurons, 0),
      of(({ read }) => read, 0),
      ...tasks.map((task) => of((record) => record.tasks[task]?.error ?? Number.NaN, 3)),
      ...valid.map((task) => of((record) => record.tasks[task]?.validPredictionTime ?? Number.NaN, 3)),
      `${of(firstExponent, 1)}, ${Math.max(...own.map(firstExponent)).toFixed(1)}`,
      of(({ timescale }) => timescale, 2),
      meanOf('rateHz', 1, 0),
      meanOf('synapticOperationsHz', 1e6, 2),
      meanOf('energyNanowatts', 1, 0),
      ...(trained
        ? [
            ...tasks.map((task) => of((record) => record.tasks[task]?.errorBefore ?? Number.NaN, 3)),
            meanOf('synapticOperationsBeforeHz', 1e6, 2),
          ]
        : []),
      of(({ pruningSeconds }) => pruningSeconds, 1),
    ];
  });
  return [head, rows];
}

function firstExponent({ exponents }: ComparisonRecord): number {
  return exponents[0]?.[1] ?? Number.NaN;
}

/** Methods prune the same networks and do the same tasks, so what counts is the difference by seed. */
function differenceRows(records: readonly ComparisonRecord[], compared: Compared): string[][] {
  const rows: string[][] = [];
  for (const variant of variantsOf(compared)) {
    if (variant.method === 'dense') continue;
    for (const reference of ['random', ...DENSE]) {
      if (!compared.methods.includes(reference) || reference === variant.method) continue;
      const pruned = reference === 'random';
      if (pruned && DENSE.includes(variant.method)) continue;
      const [first = 0] = compared.densities;
      const others = recordsOf(records, {
        method: reference,
        density: pruned ? variant.density : first,
      });
      const cells = compared.tasks.map((task) => {
        const differences = recordsOf(records, variant).flatMap((record) => {
          const other = others.find(({ seed }) => seed === record.seed);
          const [a, b] = [record.tasks[task]?.error, other?.tasks[task]?.error];
          return a === undefined || b === undefined ? [] : [b - a];
        });
        const estimate = estimateOf(differences);
        const share = estimate.mean / estimate.standardError;
        return Number.isFinite(share) ? `${shown(estimate, 3)} (${share.toFixed(1)})` : shown(estimate, 3);
      });
      const density = DENSE.includes(variant.method) ? '1' : String(variant.density);
      rows.push([variant.method, density, reference, ...cells]);
    }
  }
  return rows;
}

function recordsOf(records: readonly ComparisonRecord[], { method, density }: Variant): ComparisonRecord[] {
  return records.filter((record) => record.method === method && record.density === density);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shown({ mean: value, standardError, count }: Estimate, digits: number): string {
  if (count === 0) return '-';
  if (Number.isNaN(standardError) || standardError === 0) return value.toFixed(digits);
  return `${value.toFixed(digits)} ± ${standardError.toFixed(digits)}`;
}

/** A task without the folders of its file. */
function nameOf(task: string): string {
  const [kind, rest] = task.split(':');
  return rest !== undefined && /^(spoken-digits|cifar10)$/.test(kind ?? '')
    ? (kind as string)
    : task.replace(/^.*[\\/]/, '');
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Errors over densities, a panel a task, and spectra of seed 0 at the first density. */
export function comparisonPanels(records: readonly ComparisonRecord[], compared: Compared): Panel[] {
  const { methods, densities, tasks } = compared;
  const [first = 0] = densities;
  const errors = tasks.map(
    (task): Panel => ({
      title: nameOf(task),
      xLabel: 'density',
      yLabel: 'error',
      curves: methods.map((method) => ({
        name: method,
        points: (DENSE.includes(method) ? [first] : [...densities].sort((a, b) => a - b)).map((density) => {
          const own = recordsOf(records, { method, density });
          const { mean: y, standardError } = estimateOf(
            own.map((one) => one.tasks[task]?.error ?? Number.NaN),
          );
          return { x: DENSE.includes(method) ? 1 : density, y, error: standardError };
        }),
      })),
    }),
  );
  const spectra: Panel = {
    title: `spectra at density ${first}, seed 0`,
    xLabel: 'index / neurons',
    yLabel: 'exponent (1/s)',
    curves: records
      .filter(({ seed, density }) => seed === 0 && density === first)
      .map(({ method, exponents, neurons }) => ({
        name: method,
        points: exponents.map(([index, y]) => ({ x: (index + 0.5) / neurons, y })),
      })),
  };
  return [...errors, spectra];
}
