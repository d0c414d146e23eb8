/** How well sizes that were measured follow from the others of their kind, in words: for reports with the suite `sizes`. */
import { checkSizes, type SizeCheck } from '../src/bench/predict.ts';
import type { BenchReport } from '../src/bench/report.ts';
import { formatMs } from '../src/bench/units.ts';

/** What a prediction may be off by. */
export const FACTOR = 1.5;

export interface Verdict {
  readonly what: string;
  readonly measuredMs: number;
  readonly predictedMs: number;
}

/** Each kernel of each case from the other sizes of its kind. */
export function acrossSizes(report: BenchReport): Verdict[] {
  return (
    checkSizes(report)
      // Its one sample for each network is no work to tell anything from.
      .filter(({ kind, kernel }) => kind !== 'uniform_weights' || kernel === kind)
      .map(({ case: name, kernel, ...times }: SizeCheck) => ({ what: `${kernel} in ${name}`, ...times }))
  );
}

/**
 * A line that counts, and a line for each verdict that is off.
 *
 * @param leastMs what takes less is not counted: a matter of launches, and of what else the machine does
 * @param all a line for each other verdict too
 */
export function verdictLines(verdicts: readonly Verdict[], leastMs: number, all = false): string[] {
  const counted = verdicts.filter(({ measuredMs }) => measuredMs >= leastMs);
  const wrong = ({ measuredMs, predictedMs }: Verdict) =>
    Math.abs(Math.log(predictedMs / measuredMs)) > Math.log(FACTOR);
  const right = counted.filter((one) => !wrong(one)).length;
  const share = counted.length === 0 ? '' : ` (${Math.round((100 * right) / counted.length)} %)`;
  const short = verdicts.length - counted.length;
  return [
    `${right} of ${counted.length}${share} within a factor of ${FACTOR}; ${short} below ${formatMs(leastMs)} not counted`,
    ...counted
      .filter((one) => all || wrong(one))
      .map(
        ({ what, measuredMs, predictedMs }) =>
          `${(predictedMs / measuredMs).toFixed(2)} ${what} (${formatMs(measuredMs)})`,
      ),
  ];
}
