/** A report against an earlier one of the same device: what is slower, beyond the noise of both. */
import { BenchError } from './errors.ts';
import { type BenchReport, isSameDevice } from './report.ts';

export interface Comparison {
  readonly suite: string;
  readonly name: string;
  readonly verdict: 'slower' | 'faster' | 'same' | 'new' | 'gone';
  /** Time now over time then; undefined where one is missing. */
  readonly ratio: number | undefined;
  /** What a ratio may differ from 1 by without meaning anything. */
  readonly noise: number;
}

/**
 * Deviations of both medians that a ratio has to leave behind. A deviation is half the distance of the quartiles; three
 * of them hold all but one in some twenty medians of undisturbed repetitions.
 */
const DEVIATIONS = 3;

/**
 * @param least ratios within 1 +- this are the same however little the repetitions spread
 * @throws {BenchError} `bad-input` for reports of different devices
 */
export function compareReports(now: BenchReport, before: BenchReport, least = 0.1): Comparison[] {
  if (!isSameDevice(now.device, before.device)) {
    throw new BenchError(
      'bad-input',
      `the baseline is of ${before.device.name}, and this is ${now.device.name}: give a baseline of the same device`,
    );
  }
  const key = ({ suite, name }: { readonly suite: string; readonly name: string }) => `${suite}/${name}`;
  const old = new Map(before.cases.map((one) => [key(one), one]));
  const compared = now.cases.map((one): Comparison => {
    const { suite, name } = one;
    const then = old.get(key(one));
    if (!then) return { suite, name, verdict: 'new', ratio: undefined, noise: least };
    const ratio = one.msPerUnit.median / then.msPerUnit.median;
    const relative = ({ msPerUnit }: typeof one) => msPerUnit.deviation / msPerUnit.median;
    const noise = Math.max(least, DEVIATIONS * Math.hypot(relative(one), relative(then)));
    const verdict = ratio > 1 + noise ? 'slower' : ratio < 1 / (1 + noise) ? 'faster' : 'same';
    return { suite, name, verdict, ratio, noise };
  });
  const present = new Set(now.cases.map(key));
  const run = new Set(now.settings.suites);
  const gone = before.cases.filter((one) => run.has(one.suite) && !present.has(key(one)));
  return [
    ...compared,
    ...gone.map(
      ({ suite, name }): Comparison => ({ suite, name, verdict: 'gone', ratio: undefined, noise: least }),
    ),
  ];
}
