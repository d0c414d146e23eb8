/**
 * Renders tables into docs/performance.md from reports that `tacet bench -o` and `tacet profile` have written, so that
 * nobody types figures by hand.
 *
 *   node bench/render-performance.ts native.json llvmpipe.json [--file docs/performance.md]
 *
 *   node bench/render-performance.ts --peers bench/results/peers
 *
 * The whole of it, on a machine at rest (some minutes a device):
 *
 *   npx tacet bench --device native -o native.json
 *   npx tacet bench --device webgpu:llvmpipe -o llvmpipe.json
 *   node bench/render-performance.ts native.json llvmpipe.json
 *
 * What stands between `<!-- tacet bench: begin -->` and `<!-- tacet bench: end -->` is replaced, and likewise `peers` by the
 * results of `bench/peers.ts`. Reports come in the order of the arguments, one a device; a second report of a device adds
 * its suites.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchReport, isSameDevice, readReport } from '../src/bench/report.ts';
import { SUITES } from '../src/bench/suites/index.ts';
import { caseTable, kernelTable, markdownTable, roofTable } from '../src/bench/tables.ts';
import { peerResult } from './peers/result.ts';
import { acrossSizes, verdictLines } from './predictions.ts';

const BENCH = 'tacet bench';
const PEERS = 'peers';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: { type: 'string', default: 'docs/performance.md' }, peers: { type: 'string' } },
});
if (positionals.length === 0 && values.peers === undefined) {
  throw new Error('give reports of tacet bench, or --peers with the folder of results of bench/peers.ts');
}
const reports = positionals.map(readReport);
if (reports.length > 0) replace(BENCH, reports.map(section).join('\n\n'));
if (values.peers !== undefined) replace(PEERS, peerSections(values.peers));

/** Writes a text between the marks of a name. */
function replace(name: string, text: string): void {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const page = readFileSync(values.file, 'utf8');
  const [before, rest = ''] = page.split(begin);
  const [, after] = rest.split(end);
  if (before === undefined || after === undefined)
    throw new Error(`${values.file} has no ${begin} and ${end}`);
  writeFileSync(values.file, `${before}${begin}\n\n${text}\n\n${end}${after}`);
}

/** Each comparison as it was printed: tables as tables, anything else as it stands. */
function peerSections(folder: string): string {
  const files = globSync('*.json', { cwd: folder }).sort();
  if (files.length === 0) throw new Error(`${folder} has no results: run node bench/peers.ts`);
  return files
    .map((file) => {
      const parsed = peerResult.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));
      const { name, about, command, madeAt, output } = parsed;
      const how = command === undefined ? [] : [`\`${command}\`, ${madeAt.slice(0, 10)}`];
      const text = output.trim();
      const shown = text === '' ? [] : [/^\|/m.test(text) ? text : `\`\`\`text\n${text}\n\`\`\``];
      return [`### Against others: ${name}`, about, ...how, ...shown].join('\n\n');
    })
    .join('\n\n');
}

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
  for (const { name, about, timesKernels } of SUITES) {
    // What is there for predictions alone is shown by them.
    if (!settings.suites.includes(name) || name === 'sizes') continue;
    parts.push(
      `\`${name}\`: ${about}`,
      markdownTable(timesKernels ? kernelTable(report, name) : caseTable(report, name)),
    );
  }
  if (settings.suites.includes('sizes')) {
    const [counts, ...off] = verdictLines(acrossSizes(report), 1);
    parts.push(
      `Predictions, each size from the others of its kind (\`node bench/validate-predictions.ts\`): ${counts}.`,
      ...(off.length === 0 ? [] : [`Off, as predicted over measured: ${off.join('; ')}.`]),
    );
  }
  return parts.join('\n\n');
}
