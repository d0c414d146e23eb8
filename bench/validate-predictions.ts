/**
 * The model of `tacet bench predict` against measurements, on the devices that are here.
 *
 *   node bench/validate-predictions.ts llvmpipe.json swiftshader.json native.json
 *
 * Reports of the suite `kernels`. Two questions: what a device takes, from its roofs and from what another device of the
 * same kind reaches of its own; and what a case takes, from what the same kernel reaches in another case on the device.
 * Printed is the prediction over the measurement; the model is called right within a factor of 1.5.
 */
import { predictFrom } from '../src/bench/predict.ts';
import { type BenchReport, readReport } from '../src/bench/report.ts';
import { spreadOf } from '../src/bench/statistics.ts';

const FACTOR = 1.5;

interface Verdict {
  readonly what: string;
  readonly ratio: number;
}

const reports = process.argv.slice(2).map(readReport);

function nameOf({ device }: BenchReport): string {
  return device.name.split(' ')[0] ?? device.name;
}

/** Predicted for `to` from what `from` reaches of its roofs. */
function acrossDevices(from: BenchReport, to: BenchReport): Verdict[] {
  if (!to.roofs) throw new Error(`the report of ${to.device.name} has no roofs`);
  return predictFrom(from, to.roofs).flatMap(({ case: name, kernel, likelyMs }) => {
    const there = to.cases.find((one) => one.name === name)?.kernels.find((one) => one.kernel === kernel);
    if (!there) return [];
    return [{ what: `${kernel} in ${name}`, ratio: likelyMs / there.milliseconds.median }];
  });
}

/** Each case of a kernel from the shares of the roof that the kernel reaches in all other cases. */
function acrossCases(report: BenchReport): Verdict[] {
  const all = report.cases
    // Its one sample for each network is no work to tell anything from.
    .filter(({ name }) => name !== 'uniform_weights')
    .flatMap((one) => one.kernels.map((kernel) => ({ name: one.name, ...kernel })));
  return all.flatMap(({ name, kernel, share }) => {
    const others = all.flatMap((one) =>
      one.kernel === kernel && one.name !== name ? (one.share ?? []) : [],
    );
    if (share === undefined || others.length === 0) return [];
    return [{ what: `${kernel} in ${name}`, ratio: share / spreadOf(others).median }];
  });
}

function print(title: string, verdicts: readonly Verdict[]): void {
  const right = verdicts.filter(({ ratio }) => ratio < FACTOR && ratio > 1 / FACTOR).length;
  console.log(`${title}: ${right} of ${verdicts.length} within a factor of ${FACTOR}`);
  for (const { what, ratio } of verdicts) console.log(`  ${ratio.toFixed(2)}  ${what}`);
}

for (const report of reports)
  print(`${nameOf(report)}, from other cases of the same kernel`, acrossCases(report));
for (const from of reports) {
  for (const to of reports) {
    if (from === to || from.device.kind !== to.device.kind) continue;
    print(`${nameOf(to)}, from what ${nameOf(from)} reaches of its roofs`, acrossDevices(from, to));
  }
}
