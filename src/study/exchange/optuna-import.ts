/** Studies in an Optuna storage (SQLite) as studies of ours. */
import { DatabaseSync } from 'node:sqlite';
import { type Parameter, SearchSpace, SpaceError, type SpaceInput } from '../../search/index.ts';
import { recipeOf } from '../recipes.ts';
import { StudyError } from '../store.ts';
import type { Hyperparameters, JsonObject, JsonValue, TrialOutcome } from '../trial.ts';
import type { ForeignStudy, ForeignTrial } from './foreign-study.ts';
import { OPTUNA_SCHEMA } from './optuna-schema.ts';

interface Distribution {
  readonly name: string;
  readonly attributes: {
    readonly low?: number;
    readonly high?: number;
    readonly log?: boolean;
    readonly choices?: readonly unknown[];
  };
}

interface TrialRow {
  readonly trial_id: number;
  readonly state: string;
  readonly datetime_start: string | null;
  readonly datetime_complete: string | null;
}

export interface OptunaImport {
  /** Which study of the storage; may be left out where there is one. */
  readonly study?: string;
  /** Its name here. */
  readonly name?: string;
  /** The recipe whose search space it is to have, to be searched on; without one it can only be looked at. */
  readonly recipe?: string;
}

/**
 * Reads a study with one objective. What is minimized there is negated here. Pruned trials become silent ones: stopped
 * early. Trials that had not ended, and trials without some of the hyperparameters, are left out.
 *
 * @throws {StudyError} `bad-input` for another kind of file, several objectives, or choices that are neither text nor
 *   numbers
 */
export function readOptuna(path: string, { study: wanted, name, recipe }: OptunaImport): ForeignStudy {
  using database = new DatabaseSync(path, { readOnly: true });
  const all = <Row>(sql: string, ...values: (string | number)[]) =>
    database.prepare(sql).all(...values) as Row[];
  const bad = (message: string) => new StudyError('bad-input', `${path}: ${message}`);
  const [version] = all<{ schema_version: number }>('select schema_version from version_info');
  if (version?.schema_version !== OPTUNA_SCHEMA) {
    throw bad(
      `a storage of schema ${version?.schema_version}: upgrade it to ${OPTUNA_SCHEMA} with optuna storage upgrade`,
    );
  }
  const studies = all<{ study_id: number; study_name: string }>('select * from studies order by study_id');
  const names = studies.map(({ study_name }) => study_name).join(', ');
  const study = wanted === undefined ? studies[0] : studies.find(({ study_name }) => study_name === wanted);
  if (study === undefined) throw bad(`there is no study ${wanted ?? ''}: it has ${names || 'none'}`);
  if (wanted === undefined && studies.length > 1)
    throw bad(`it has several studies: give one of ${names} by --study`);
  const directions = all<{ direction: string }>(
    'select direction from study_directions where study_id = ? order by objective',
    study.study_id,
  );
  if (directions.length !== 1)
    throw bad(`study ${study.study_name} has ${directions.length} objectives: give one with one`);
  const sign = directions[0]?.direction === 'MINIMIZE' ? -1 : 1;
  const rows = all<TrialRow>('select * from trials where study_id = ? order by number', study.study_id);
  const ended = rows.filter(({ state }) => ['COMPLETE', 'PRUNED', 'FAIL'].includes(state));

  const own = (table: string) =>
    Map.groupBy(
      all<{ trial_id: number } & Record<string, string | number | null>>(
        `select part.* from ${table} part join trials using (trial_id) where study_id = ?`,
        study.study_id,
      ),
      ({ trial_id }) => trial_id,
    );
  const params = own('trial_params');
  const values = own('trial_values');
  const attributes = own('trial_system_attributes');

  const distributions = new Map<string, Distribution>();
  for (const row of ended.flatMap(({ trial_id }) => params.get(trial_id) ?? [])) {
    const distribution = JSON.parse(String(row.distribution_json)) as Distribution;
    distributions.set(
      String(row.param_name),
      widened(distributions.get(String(row.param_name)), distribution),
    );
  }
  const space =
    recipe === undefined
      ? SearchSpace.from(
          Object.fromEntries(
            [...distributions].map(([key, one]) => [key, parameterOf(key, one, bad)]),
          ) as SpaceInput,
        )
      : SearchSpace.from(recipeOf(recipe).space);
  const constraintsOf = (id: number) => readConstraints(attributes.get(id) ?? []);
  const constraintNames =
    recipe === undefined
      ? [...new Set(ended.flatMap(({ trial_id }) => Object.keys(constraintsOf(trial_id))))]
      : [...recipeOf(recipe).constraints];

  const reasons = new Map<string, number>();
  const leaveOut = (reason: string): [] => {
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    return [];
  };
  for (const _ of rows.slice(ended.length)) leaveOut('had not ended');
  const trials = ended.flatMap((row): ForeignTrial[] => {
    const found = Object.fromEntries(
      (params.get(row.trial_id) ?? []).map((one) => {
        const { choices } = (JSON.parse(String(one.distribution_json)) as Distribution).attributes;
        const value = Number(one.param_value);
        return [String(one.param_name), (choices === undefined ? value : choices[value]) as number | string];
      }),
    );
    const problem = misfit(space, found);
    if (problem !== undefined) return leaveOut(problem);
    const constraints = constraintsOf(row.trial_id);
    const value = (values.get(row.trial_id) ?? [])[0]?.value;
    const startedAt = timeOf(row.datetime_start);
    const finishedAt = timeOf(row.datetime_complete) || startedAt;
    const given = constraintNames.map((key) => constraints[key] ?? Number.NaN);
    const outcome: TrialOutcome = {
      state: row.state === 'COMPLETE' ? 'complete' : row.state === 'PRUNED' ? 'silent' : 'failed',
      ...(typeof value === 'number' && Number.isFinite(value) ? { objective: sign * value } : {}),
      ...(row.state === 'COMPLETE'
        ? {}
        : { reason: row.state === 'PRUNED' ? 'pruned in Optuna' : 'failed in Optuna' }),
      constraints: row.state === 'FAIL' ? [] : given,
      plainConstraints: row.state === 'FAIL' ? [] : given,
      accuracies: {},
      phases: [],
      history: [],
      seconds: (finishedAt - startedAt) / 1000,
      device: 'Optuna',
    };
    return [{ values: found as Hyperparameters, outcome, startedAt, finishedAt }];
  });
  trials.sort((a, b) => a.finishedAt - b.finishedAt);
  const settings = {
    importedFrom: `Optuna study ${study.study_name}`,
    constraints: constraintNames,
    negated: sign < 0,
  };
  return {
    spec: {
      name: name ?? study.study_name,
      recipe: recipe ?? 'optuna',
      space: JSON.parse(JSON.stringify(space)) as JsonObject,
      settings: (recipe === undefined
        ? settings
        : recipeOf(recipe).settings.parse({})) as unknown as JsonObject,
      optimizer: { name: 'scbo' },
      seed: 0,
      trials: trials.length,
    },
    space,
    trials,
    leftOut: [...reasons].map(([reason, count]) => `${count} ${count === 1 ? 'trial' : 'trials'}: ${reason}`),
  };
}

/** Bounds that hold the values of both; Optuna lets them change from trial to trial. */
function widened(before: Distribution | undefined, { name, attributes }: Distribution): Distribution {
  if (before === undefined || attributes.choices !== undefined) return { name, attributes };
  const low = Math.min(before.attributes.low ?? Infinity, attributes.low ?? Infinity);
  const high = Math.max(before.attributes.high ?? -Infinity, attributes.high ?? -Infinity);
  return { name, attributes: { ...attributes, low, high } };
}

function parameterOf(
  key: string,
  { name, attributes }: Distribution,
  bad: (message: string) => StudyError,
): Parameter {
  const { low = 0, high = 0, log = false, choices } = attributes;
  if (name === 'CategoricalDistribution' && choices !== undefined) {
    const odd = choices.find((choice) => typeof choice !== 'string' && typeof choice !== 'number');
    if (odd !== undefined) {
      throw bad(`${key} has the choice ${JSON.stringify(odd)}: only texts and numbers can be imported`);
    }
    return { type: 'categorical', choices: choices as (string | number)[] };
  }
  const scale = log ? 'log' : 'uniform';
  // Earlier versions of Optuna have names such as IntUniformDistribution.
  return { type: name.startsWith('Int') ? 'integer' : 'real', low, high, scale };
}

/** Why a trial does not fit into a space; undefined where it does. */
function misfit(space: SearchSpace, values: Readonly<Record<string, number | string>>): string | undefined {
  const missing = space.names.find((name) => values[name] === undefined);
  if (missing !== undefined) return `without ${missing}`;
  try {
    space.toUnit(values);
    return undefined;
  } catch (error) {
    if (!(error instanceof SpaceError)) throw error;
    return 'outside the search space';
  }
}

/** Constraints by name: those of Optuna 5, or the list of earlier versions. */
function readConstraints(
  rows: readonly Readonly<Record<string, string | number | null>>[],
): Record<string, number> {
  const named: Record<string, number> = {};
  for (const { key, value_json } of rows) {
    const value = JSON.parse(String(value_json)) as JsonValue;
    if (String(key).startsWith('constraints:'))
      named[String(key).slice('constraints:'.length)] = Number(value);
  }
  if (Object.keys(named).length > 0) return named;
  const list = rows.find(({ key }) => key === 'constraints')?.value_json;
  const values = list === undefined ? [] : (JSON.parse(String(list)) as number[] | null);
  return Object.fromEntries((values ?? []).map((value, index) => [`constraint_${index}`, value]));
}

/** Local time without a zone, as Optuna writes it. */
function timeOf(text: string | null): number {
  const time = text === null ? Number.NaN : new Date(text.replace(' ', 'T').slice(0, 23)).getTime();
  return Number.isFinite(time) ? time : 0;
}
