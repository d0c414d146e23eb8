/** A study as a new Optuna storage (SQLite), for optuna-dashboard and whatever else reads one. */
import { DatabaseSync } from 'node:sqlite';
import type { Parameter } from '../../search/index.ts';
import type { StudySpec, TrialRecord } from '../store.ts';
import type { JsonValue, TrialState } from '../trial.ts';
import { OPTUNA_LIBRARY, OPTUNA_MIGRATION, OPTUNA_SCHEMA, OPTUNA_TABLES } from './optuna-schema.ts';

/** A silent trial was stopped early, which is what Optuna calls pruned. */
const STATES: Readonly<Record<TrialState, string>> = {
  waiting: 'WAITING',
  running: 'RUNNING',
  complete: 'COMPLETE',
  silent: 'PRUNED',
  failed: 'FAIL',
};

/**
 * Writes a storage into a file that is not there yet. Hyperparameters get Optuna's distributions; constraints are what
 * Optuna 5 calls `constraints:<name>` (earlier versions don't show them); accuracies, device, seconds, seed
 * and reason are user attributes. Optuna knows no reversed-logarithmic scale: such hyperparameters are uniform there.
 */
export function writeOptuna(
  path: string,
  spec: StudySpec,
  trials: readonly TrialRecord[],
  constraints: readonly string[],
): void {
  using database = new DatabaseSync(path);
  database.exec(`begin; ${OPTUNA_TABLES}`);
  const insert = (table: string, row: Readonly<Record<string, string | number | null>>) => {
    const columns = Object.keys(row).map((name) => `"${name}"`);
    const marks = columns.map(() => '?').join(', ');
    database
      .prepare(`insert into ${table} (${columns.join(', ')}) values (${marks})`)
      .run(...Object.values(row));
  };
  insert('alembic_version', { version_num: OPTUNA_MIGRATION });
  insert('version_info', {
    version_info_id: 1,
    schema_version: OPTUNA_SCHEMA,
    library_version: OPTUNA_LIBRARY,
  });
  insert('studies', { study_id: 1, study_name: spec.name });
  insert('study_directions', { direction: 'MAXIMIZE', study_id: 1, objective: 0 });
  insert('study_system_attributes', { study_id: 1, key: 'study:metric_names', value_json: '["objective"]' });
  const { recipe, seed, settings, optimizer } = spec;
  for (const [key, value] of Object.entries({ recipe, seed, settings, optimizer })) {
    insert('study_user_attributes', { study_id: 1, key, value_json: JSON.stringify(value) });
  }
  const { parameters, fixed } = spec.space as unknown as {
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly fixed: Readonly<Record<string, JsonValue>>;
  };
  for (const trial of trials) {
    const { number, state, values, outcome, startedAt, finishedAt } = trial;
    const trial_id = number + 1;
    insert('trials', {
      trial_id,
      number,
      study_id: 1,
      state: STATES[state],
      datetime_start: localTime(startedAt),
      datetime_complete: finishedAt === undefined ? null : localTime(finishedAt),
    });
    for (const [name, parameter] of Object.entries(parameters)) {
      const value = values[name];
      if (value === undefined || Object.hasOwn(fixed, name)) continue;
      insert('trial_params', {
        trial_id,
        param_name: name,
        param_value: parameter.type === 'categorical' ? parameter.choices.indexOf(value) : (value as number),
        distribution_json: JSON.stringify(distributionOf(parameter)),
      });
    }
    const attributes = { ...fixed, ...userAttributes(trial) };
    for (const [key, value] of Object.entries(attributes)) {
      insert('trial_user_attributes', { trial_id, key, value_json: JSON.stringify(value) });
    }
    if (outcome === undefined) continue;
    if (outcome.objective !== undefined && Number.isFinite(outcome.objective)) {
      insert('trial_values', { trial_id, objective: 0, value: outcome.objective, value_type: 'FINITE' });
    }
    if (outcome.constraints.length !== constraints.length || !outcome.constraints.every(Number.isFinite))
      continue;
    outcome.constraints.forEach((value, index) => {
      const key = `constraints:${constraints[index]}`;
      insert('trial_system_attributes', { trial_id, key, value_json: JSON.stringify(value) });
    });
  }
  database.exec('commit');
}

function userAttributes({ outcome, seed }: TrialRecord): Record<string, JsonValue> {
  if (outcome === undefined) return { seed };
  const accuracies = Object.entries(outcome.accuracies).map(
    ([name, value]) => [`accuracy ${name}`, value] as const,
  );
  return {
    seed,
    seconds: outcome.seconds,
    device: outcome.device,
    ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
    ...Object.fromEntries(accuracies),
  };
}

function distributionOf(parameter: Parameter): object {
  if (parameter.type === 'categorical') {
    return { name: 'CategoricalDistribution', attributes: { choices: parameter.choices } };
  }
  const { low, high, scale, type } = parameter;
  const log = scale === 'log';
  return type === 'integer'
    ? { name: 'IntDistribution', attributes: { log, step: 1, low, high } }
    : { name: 'FloatDistribution', attributes: { step: null, low, high, log } };
}

/** Optuna's times are local, without a zone. */
function localTime(unixMs: number): string {
  const local = new Date(unixMs - new Date(unixMs).getTimezoneOffset() * 60_000);
  return local.toISOString().replace('T', ' ').replace('Z', '000');
}
