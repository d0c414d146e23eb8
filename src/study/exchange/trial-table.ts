/** Trials as one flat table: a row a trial, a column for everything that has a number or a name. */
import { isFeasible } from '../ranking.ts';
import type { StudySpec, TrialRecord } from '../store.ts';

export type ColumnValues =
  | { readonly type: 'whole' | 'real' | 'time'; readonly values: readonly (number | null)[] }
  | { readonly type: 'text'; readonly values: readonly (string | null)[] }
  | { readonly type: 'truth'; readonly values: readonly (boolean | null)[] };

/** A column; null where a trial has nothing there. Times are Unix ms. */
export type TrialColumn = { readonly name: string } & ColumnValues;

/**
 * The columns: the trial's own, constraints (graded by their names, the plain form as `plain_<name>`), hyperparameters,
 * `accuracy_<decoder>`, and per phase `<phase>_samples`, `<phase>_input_spikes`, `<phase>_<layer>_spikes`,
 * `<phase>_<layer>_silent_samples`. A hyperparameter that has the name of another column is `parameter_<name>`.
 */
export function trialColumns(
  trials: readonly TrialRecord[],
  spec: StudySpec,
  constraints: readonly string[],
): TrialColumn[] {
  const real = (name: string, value: (trial: TrialRecord) => number | undefined): TrialColumn => ({
    name,
    type: 'real',
    values: trials.map((trial) => finite(value(trial))),
  });
  const whole = (name: string, value: (trial: TrialRecord) => number | undefined): TrialColumn => ({
    name,
    type: 'whole',
    values: trials.map((trial) => value(trial) ?? null),
  });
  const time = (name: string, value: (trial: TrialRecord) => number | undefined): TrialColumn => ({
    name,
    type: 'time',
    values: trials.map((trial) => value(trial) ?? null),
  });
  const text = (name: string, value: (trial: TrialRecord) => string | undefined): TrialColumn => ({
    name,
    type: 'text',
    values: trials.map((trial) => value(trial) ?? null),
  });
  const own: TrialColumn[] = [
    whole('trial', ({ number }) => number),
    text('state', ({ state }) => state),
    {
      name: 'feasible',
      type: 'truth',
      values: trials.map((trial) => (trial.outcome ? isFeasible(trial) : null)),
    },
    real('objective', ({ outcome }) => outcome?.objective),
    ...constraints.map((name, index) => real(name, ({ outcome }) => outcome?.constraints[index])),
    ...constraints.map((name, index) =>
      real(`plain_${name}`, ({ outcome }) => outcome?.plainConstraints[index]),
    ),
    real('seconds', ({ outcome }) => outcome?.seconds),
    text('device', ({ outcome }) => outcome?.device),
    text('reason', ({ outcome }) => outcome?.reason),
    time('started', ({ startedAt }) => startedAt),
    time('finished', ({ finishedAt }) => finishedAt),
    whole('finish_order', ({ finishOrder }) => finishOrder),
    whole('seed', ({ seed }) => seed),
  ];
  const taken = new Set(own.map(({ name }) => name));
  const parameters = Object.keys((spec.space as { readonly parameters?: object }).parameters ?? {}).map(
    (name) => {
      const column = taken.has(name) ? `parameter_${name}` : name;
      const values = trials.map((trial) => trial.values[name]);
      if (values.some((value) => typeof value === 'string')) {
        return text(column, (trial) =>
          trial.values[name] === undefined ? undefined : String(trial.values[name]),
        );
      }
      const isWhole = values.every((value) => value === undefined || Number.isSafeInteger(value));
      return (isWhole ? whole : real)(column, (trial) => trial.values[name] as number | undefined);
    },
  );
  const decoders = unique(trials.flatMap(({ outcome }) => Object.keys(outcome?.accuracies ?? {})));
  const phases = unique(trials.flatMap(({ outcome }) => outcome?.phases.map(({ phase }) => phase) ?? []));
  const counts = phases.flatMap((phase) => {
    const prefix = phase.replaceAll('-', '_');
    const phaseOf = ({ outcome }: TrialRecord) => outcome?.phases.find((one) => one.phase === phase);
    const layers = unique(trials.flatMap((trial) => phaseOf(trial)?.layers.map(({ layer }) => layer) ?? []));
    return [
      whole(`${prefix}_samples`, (trial) => phaseOf(trial)?.samples),
      whole(`${prefix}_input_spikes`, (trial) => phaseOf(trial)?.inputSpikes),
      ...layers.flatMap((layer) => {
        const layerOf = (trial: TrialRecord) => phaseOf(trial)?.layers.find((one) => one.layer === layer);
        return [
          whole(`${prefix}_${layer}_spikes`, (trial) => layerOf(trial)?.spikes),
          whole(`${prefix}_${layer}_silent_samples`, (trial) => layerOf(trial)?.silentSamples),
        ];
      }),
    ];
  });
  return [
    ...own,
    ...parameters,
    ...decoders.map((name) => real(`accuracy_${name}`, ({ outcome }) => outcome?.accuracies[name])),
    ...counts,
  ];
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
