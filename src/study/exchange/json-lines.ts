/** A study as JSON lines, with nothing left out: read back, it is the same study, and its search goes on. */
import { type StudyContents, StudyError, type StudySpec, type TrialRecord } from '../store.ts';
import type { JsonValue } from '../trial.ts';

export function jsonLinesOf({ spec, createdAt, trials, optimizer }: StudyContents): string {
  const lines = [
    { kind: 'study', format: 1, createdAt, ...spec },
    ...trials.map((trial) => ({ kind: 'trial', ...trial })),
    ...(optimizer === undefined ? [] : [{ kind: 'optimizer', state: optimizer }]),
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** @throws {StudyError} `bad-input`, naming the line */
export function parseJsonLines(text: string, place: string): StudyContents {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        return JSON.parse(line) as Readonly<Record<string, unknown>>;
      } catch (cause) {
        throw new StudyError('bad-input', `${place} line ${index + 1} is no JSON: export the study again`, {
          cause,
        });
      }
    });
  const [first] = lines;
  if (first?.kind !== 'study' || first.format !== 1) {
    throw new StudyError('bad-input', `${place} line 1 is no study of format 1: give a file of tacet export`);
  }
  const { kind: _, format: __, createdAt, ...spec } = first;
  const trials = lines.flatMap(({ kind, ...trial }) => (kind === 'trial' ? [revived(trial as never)] : []));
  const gap = trials.findIndex(({ number }, index) => number !== index);
  if (gap >= 0)
    throw new StudyError('bad-input', `${place}: trial ${gap} is missing: export the study again`);
  const state = lines.find(({ kind }) => kind === 'optimizer')?.state;
  return {
    spec: spec as unknown as StudySpec,
    createdAt: Number(createdAt),
    trials,
    optimizer: state as JsonValue | undefined,
  };
}

/** JSON has null for numbers that are none. */
function revived(trial: TrialRecord): TrialRecord {
  const { outcome } = trial;
  if (outcome === undefined) return trial;
  const number = (value: number | null) => value ?? Number.NaN;
  return {
    ...trial,
    outcome: {
      ...outcome,
      constraints: outcome.constraints.map(number),
      plainConstraints: outcome.plainConstraints.map(number),
      accuracies: Object.fromEntries(
        Object.entries(outcome.accuracies).map(([name, value]) => [name, number(value)]),
      ),
      history: outcome.history.map((chunk) => ({ ...chunk, silentShares: chunk.silentShares.map(number) })),
    },
  };
}
