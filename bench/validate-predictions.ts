/**
 * The model of `tacet bench predict` against measurements, on the devices that are here.
 *
 *   npx tacet bench kernels training lyapunov sizes --device native -o native.json
 *   node bench/validate-predictions.ts native.json llvmpipe.json [--from 1] [--all]
 *
 * Reports with the suite `sizes`. Two questions: what a case takes, from other sizes of its kind on the same device; and what
 * a device takes, from its roofs and from what another device of the same kind reaches of its own. Printed is how many are
 * within a factor of 1.5, of the cases that take at least `--from` ms (what takes less is a matter of launches, and of
 * what else the machine does), and prediction over measurement of all others; of all with `--all`.
 */
import { parseArgs } from 'node:util';
import { predictFrom } from '../src/bench/predict.ts';
import { type BenchReport, readReport } from '../src/bench/report.ts';
import { acrossSizes, type Verdict, verdictLines } from './predictions.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { from: { type: 'string', default: '1' }, all: { type: 'boolean', default: false } },
});
const leastMs = Number(values.from);

const reports = positionals.map(readReport);

function nameOf({ device }: BenchReport): string {
  return device.name.split(' ')[0] ?? device.name;
}

/** Predicted for `to` from what `from` reaches of its roofs. */
function acrossDevices(from: BenchReport, to: BenchReport): Verdict[] {
  if (!to.roofs) throw new Error(`the report of ${to.device.name} has no roofs`);
  return predictFrom(from, to.roofs).flatMap(({ case: name, kernel, likelyMs }) => {
    const there = to.cases.find((one) => one.name === name)?.kernels.find((one) => one.kernel === kernel);
    if (!there) return [];
    return [{ what: `${kernel} in ${name}`, measuredMs: there.milliseconds.low, predictedMs: likelyMs }];
  });
}

function print(title: string, verdicts: readonly Verdict[]): void {
  const [counts, ...lines] = verdictLines(verdicts, leastMs, values.all);
  console.log(`${title}: ${counts}`);
  for (const line of lines) console.log(`  ${line}`);
}

for (const report of reports) {
  print(`${nameOf(report)}, each size from the others of its kind`, acrossSizes(report));
}
for (const from of reports) {
  for (const to of reports) {
    if (from === to || from.device.kind !== to.device.kind) continue;
    print(`${nameOf(to)}, from what ${nameOf(from)} reaches of its roofs`, acrossDevices(from, to));
  }
}
