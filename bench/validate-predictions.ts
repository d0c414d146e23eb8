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
import { checkSizes, predictFrom } from '../src/bench/predict.ts';
import { type BenchReport, readReport } from '../src/bench/report.ts';
import { formatMs } from '../src/bench/units.ts';

const FACTOR = 1.5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { from: { type: 'string', default: '1' }, all: { type: 'boolean', default: false } },
});
const leastMs = Number(values.from);

interface Verdict {
  readonly what: string;
  readonly measuredMs: number;
  readonly predictedMs: number;
}

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

function print(title: string, all: readonly Verdict[]): void {
  const verdicts = all.filter(({ measuredMs }) => measuredMs >= leastMs);
  const wrong = ({ measuredMs, predictedMs }: Verdict) =>
    Math.abs(Math.log(predictedMs / measuredMs)) > Math.log(FACTOR);
  const right = verdicts.filter((one) => !wrong(one)).length;
  const share = verdicts.length === 0 ? '' : ` (${Math.round((100 * right) / verdicts.length)} %)`;
  console.log(
    `${title}: ${right} of ${verdicts.length}${share} within a factor of ${FACTOR}; ${all.length - verdicts.length} below ${leastMs} ms not counted`,
  );
  for (const one of verdicts) {
    if (!values.all && !wrong(one)) continue;
    const { what, measuredMs, predictedMs } = one;
    console.log(`  ${(predictedMs / measuredMs).toFixed(2)}  ${what} (${formatMs(measuredMs)})`);
  }
}

for (const report of reports) {
  const checked = checkSizes(report)
    // Its one sample for each network is no work to tell anything from.
    .filter(({ kind, kernel }) => kind !== 'uniform_weights' || kernel === kind)
    .map(({ case: name, kernel, ...times }) => ({ what: `${kernel} in ${name}`, ...times }));
  print(`${nameOf(report)}, each size from the others of its kind`, checked);
}
for (const from of reports) {
  for (const to of reports) {
    if (from === to || from.device.kind !== to.device.kind) continue;
    print(`${nameOf(to)}, from what ${nameOf(from)} reaches of its roofs`, acrossDevices(from, to));
  }
}
