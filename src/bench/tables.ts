/** Tables of a report: rows of text, for the terminal and for Markdown. */
import { bytesOf } from '../kernels/costs.ts';
import type { Comparison } from './compare.ts';
import type { Prediction } from './predict.ts';
import type { BenchReport } from './report.ts';
import { formatMs, formatPercent, formatRate, three } from './units.ts';

export interface TextTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function roofTable({ roofs }: BenchReport): TextTable | undefined {
  if (!roofs) return undefined;
  const rows = [
    ['copy beyond all caches, read and written', formatRate(roofs.copyBytesPerSecond, 'B/s')],
    ...roofs.reads.map((level) => [
      `reading ${level.withinBytes / 1024} KiB a workgroup again and again`,
      formatRate(level.bytesPerSecond, 'B/s'),
    ]),
    ...roofs.gathers.map((level) => [
      `words at random in ${level.withinBytes < 2 ** 20 ? `${level.withinBytes / 1024} KiB` : `${level.withinBytes / 2 ** 20} MiB`}`,
      formatRate(level.perSecond, 'words/s'),
    ]),
    ['fused multiply-adds, each counted as two', formatRate(roofs.flopsPerSecond, 'FLOP/s')],
    ['a launch that does next to nothing, on the device', formatMs(roofs.launchMs)],
    ['one more launch in a list, from the host', formatMs(roofs.dispatchMs)],
    ['a small launch and its result on the host', formatMs(roofs.roundTripMs)],
  ];
  return { title: 'roofs', head: ['roof', 'measured'], rows };
}

/** Wall times of the cases of a suite. */
export function caseTable(report: BenchReport, suite: string): TextTable {
  const rows = report.cases
    .filter((one) => one.suite === suite)
    .map(({ name, work, unit, msPerUnit }) => [
      name,
      work,
      `${formatMs(msPerUnit.median)} (${formatMs(msPerUnit.low)} to ${formatMs(msPerUnit.high)})`,
      unit,
      formatRate(1000 / msPerUnit.median, '/s'),
    ]);
  return { title: suite, head: ['case', 'a repetition', 'time of one', 'what', 'rate'], rows };
}

/** Times of kernels by the device's clock against the roofs. */
export function kernelTable(report: BenchReport, suite = 'kernels'): TextTable {
  const rows = report.cases
    .filter((one) => one.suite === suite)
    .flatMap(({ name, kind = name, kernels }) =>
      kernels
        // What another case is about is not said twice.
        .filter(
          (kernel) => kernel.share !== undefined && (kind !== 'uniform_weights' || kernel.kernel === kind),
        )
        .map((kernel) => {
          const seconds = kernel.milliseconds.median / 1000;
          const { cost } = kernel;
          const bytes = cost ? bytesOf(cost) : Number.NaN;
          const operations = cost?.operations ?? Number.NaN;
          return [
            kernel.kernel === name
              ? name
              : name.startsWith(kernel.kernel)
                ? name
                : `${kernel.kernel}, ${name}`,
            String(kernel.launches),
            `${formatMs(kernel.milliseconds.median)} (${formatMs(kernel.milliseconds.low)} to ${formatMs(kernel.milliseconds.high)})`,
            formatRate(bytes / seconds, 'B/s'),
            formatRate(operations / seconds, 'op/s'),
            three(operations / bytes),
            kernel.bound?.by ?? '–',
            formatPercent(kernel.share),
          ];
        }),
    );
  return {
    title: suite,
    head: ['kernel', 'launches', 'time', 'moved', 'computed', 'op/B', 'bound by', 'of its roof'],
    rows,
  };
}

export function comparisonTable(compared: readonly Comparison[]): TextTable {
  const rows = compared.map(({ suite, name, verdict, ratio, noise }) => [
    suite,
    name,
    ratio === undefined ? '–' : three(ratio),
    `± ${formatPercent(noise)}`,
    verdict,
  ]);
  return {
    title: 'against the baseline',
    head: ['suite', 'case', 'time now / then', 'noise', 'verdict'],
    rows,
  };
}

export function predictionTable({ title, kernels }: Prediction): TextTable {
  const rows = kernels.map(({ case: name, kernel, measuredMs, bound, likelyMs }) => [
    kernel === name || name.startsWith(kernel) ? name : `${kernel}, ${name}`,
    formatMs(measuredMs),
    formatMs(bound.milliseconds),
    bound.by,
    formatMs(likelyMs),
  ]);
  return { title, head: ['kernel', 'measured here', 'at best there', 'bound by', 'likely there'], rows };
}

export function markdownTable({ head, rows }: TextTable): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
