/** Outcomes as JSON, which has no NaN and no infinities. */
import type { TrialOutcome } from '../trial.ts';

/** The key of an object that stands for a number that JSON lacks. */
const NOT_FINITE = 'notFinite';

export function outcomeText(outcome: TrialOutcome): string {
  return JSON.stringify(outcome, (_, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) return { [NOT_FINITE]: String(value) };
    // PostgreSQL's JSON has no character 0 that could be taken out of it.
    return typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;
  });
}

/** What {@link outcomeText} made. */
export function outcomeOfText(text: string): TrialOutcome {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !(NOT_FINITE in value)) return value;
    return Number(value[NOT_FINITE]);
  }) as TrialOutcome;
}
