/**
 * Renders tables into docs/performance.md from reports that `tacet bench -o` and `tacet profile` have written, so that
 * nobody types figures by hand.
 *
 *   node bench/render-performance.ts native.json llvmpipe.json [--file docs/performance.md]
 *
 * What stands between `<!-- tacet bench: begin -->` and `<!-- tacet bench: end -->` is replaced. Reports come in the order
 * of the arguments, one a device; a second report of a device adds its suites.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type BenchReport, isSameDevice, readReport } from '../src/bench/report.ts';
import { SUITES } from '../src/bench/suites/index.ts';
import { caseTable, kernelTable, markdownTable, roofTable } from '../src/bench/tables.ts';

const BEGIN = '<!-- tacet bench: begin -->';
const END = '<!-- tacet bench: end -->';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: { type: 'string', default: 'docs/performance.md' } },
});
if (positionals.length === 0) throw new Error('give reports of tacet bench');
const reports = positionals.map(readReport);
const text = readFileSync(values.file, 'utf8');
const [before, rest = ''] = text.split(BEGIN);
const [, after] = rest.split(END);
if (before === undefined || after === undefined) throw new Error(`${values.file} has no ${BEGIN} and ${END}`);
writeFileSync(values.file, `${before}${BEGIN}\n\n${reports.map(section).join('\n\n')}\n\n${END}${after}`);

function section(report: BenchReport, index: number): string {
  const again = reports.slice(0, index).some(({ device }) => isSameDevice(device, report.device));
  const { device, machine, versions, settings, madeAt } = report;
  const spec = device.kind === 'native' ? 'native' : `webgpu:${device.name.split(' ')[0]?.toLowerCase()}`;
  const load = machine.loadAtStart.toFixed(1);
  const options = settings.repetitions === 5 ? '' : ` --repetitions ${settings.repetitions}`;
  const command = `npx tacet bench ${settings.suites.join(' ')} --device ${spec}${options}`;
  const parts = [
    ...(again ? [] : [`### ${device.name} (${device.driver}, ${device.backend})`]),
    `\`${command}\`, ${madeAt.slice(0, 10)}, commit ${versions.commit}, medians of ${settings.repetitions} repetitions, in brackets the fastest and the slowest. Load of the machine at the start: ${load} on ${machine.processors} processors.`,
  ];
  const roofs = roofTable(report);
  if (roofs) parts.push(markdownTable(roofs));
  for (const { name, timesKernels } of SUITES) {
    if (!settings.suites.includes(name)) continue;
    parts.push(markdownTable(timesKernels ? kernelTable(report, name) : caseTable(report, name)));
  }
  return parts.join('\n\n');
}
