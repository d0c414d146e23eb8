import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentsOf } from '../../src/study/exchange/foreign-study.ts';
import { isHpoSnn, readHpoSnn } from '../../src/study/exchange/hpo-snn.ts';
import { jsonLinesOf, parseJsonLines } from '../../src/study/exchange/json-lines.ts';
import { writeOptuna } from '../../src/study/exchange/optuna-export.ts';
import { readOptuna } from '../../src/study/exchange/optuna-import.ts';
import { OPTUNA_TABLES } from '../../src/study/exchange/optuna-schema.ts';
import { parquetOf } from '../../src/study/exchange/parquet.ts';
import { trialColumns } from '../../src/study/exchange/trial-table.ts';
import { recipeOf } from '../../src/study/recipes.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { studySpace } from '../../src/study/study-space.ts';
import { openStudyTrials } from '../../src/study/study-trials.ts';
import { jsonLines, tacet, temporaryFolder } from '../cli/tacet.ts';
import { addTrials } from '../report/studies.ts';

const CONSTRAINTS = recipeOf('mnist-stdp').constraints;
const folder = temporaryFolder();
afterAll(() => folder.remove());
const path = join(folder.path, 'study.db');
beforeAll(() => addTrials(path, 'study', 0, 80));

function read() {
  using store = openSqliteStore(path);
  return { spec: store.study('study').spec, trials: store.trials('study') };
}

describe('JSON lines', () => {
  it('are the same study again: trials, order of ends, histories, optimizer', () => {
    using store = openSqliteStore(path);
    using other = openSqliteStore(join(folder.path, 'other.db'));
    const whole = parseJsonLines(jsonLinesOf(store.contents('study')), 'study.jsonl');
    other.restore(whole);
    expect(other.contents('study')).toEqual(store.contents('study'));
    expect(() => other.restore(whole)).toThrow('has a study study already');
  });

  it.each([
    ['{"kind":"study"', 'line 1 is no JSON'],
    ['{"kind":"study","format":7}', 'line 1 is no study of format 1'],
    ['{"kind":"study","format":1}\n{"kind":"trial","number":1}', 'trial 0 is missing'],
  ])('that are none are refused: %s', (text, message) => {
    expect(() => parseJsonLines(text, 'x.jsonl')).toThrow(message);
  });
});

describe('a table of trials', () => {
  it('in Parquet has what the store has', async () => {
    const { spec, trials } = read();
    const bytes = parquetOf(trialColumns(trials, spec, CONSTRAINTS));
    const rows = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
    });
    expect(rows).toHaveLength(82);
    for (const [index, trial] of trials.entries()) {
      const row = rows[index] as Record<string, unknown>;
      expect(row.trial).toBe(BigInt(index));
      expect(row.state).toBe(trial.state);
      expect(row.objective ?? undefined).toBe(trial.outcome?.objective);
      expect(row.silence_excitatory ?? undefined).toBe(trial.outcome?.constraints[0]);
      expect(row.norm).toBe(trial.values.norm);
      expect(row.decoder).toBe(trial.values.decoder);
      expect((row.started as Date).getTime()).toBe(trial.startedAt);
      const spikes = trial.outcome?.phases[0]?.layers[1]?.spikes;
      expect(row.train_inhibitory_spikes ?? undefined).toBe(
        spikes === undefined ? undefined : BigInt(spikes),
      );
    }
  });
});

describe('an Optuna storage', () => {
  const file = join(folder.path, 'optuna.db');
  beforeAll(() => {
    const { spec, trials } = read();
    writeOptuna(file, spec, trials, CONSTRAINTS);
  });

  it('has the tables and the versions by which Optuna knows it', () => {
    using database = new DatabaseSync(file, { readOnly: true });
    expect(database.prepare('select version_num from alembic_version').get()).toEqual({
      version_num: 'v3.2.0.a',
    });
    expect(database.prepare('select schema_version from version_info').get()).toEqual({ schema_version: 12 });
    const states = database.prepare('select state, count(*) count from trials group by state').all();
    const { trials } = read();
    const count = (state: string) => trials.filter((trial) => trial.state === state).length;
    expect(Object.fromEntries(states.map(({ state, count: n }) => [String(state), n]))).toEqual({
      COMPLETE: count('complete'),
      PRUNED: count('silent'),
      FAIL: count('failed'),
      RUNNING: 2,
    });
    const first = trials.find(({ state }) => state === 'complete');
    const attribute = database
      .prepare(
        `select value_json from trial_system_attributes where trial_id = ? and "key" = 'constraints:silence_excitatory'`,
      )
      .get((first?.number ?? 0) + 1);
    expect(JSON.parse(String(attribute?.value_json))).toBe(first?.outcome?.constraints[0]);
    expect(database.prepare('pragma foreign_key_check').all()).toEqual([]);
  });

  it('comes back as a study of the same recipe: values, objectives, constraints, states', () => {
    const foreign = readOptuna(file, { recipe: 'mnist-stdp', name: 'back' });
    const ended = read().trials.filter(({ outcome }) => outcome !== undefined);
    expect(foreign.leftOut).toEqual(['2 trials: had not ended']);
    const byValues = new Map(foreign.trials.map((trial) => [JSON.stringify(trial.values.norm), trial]));
    expect(foreign.trials).toHaveLength(ended.length);
    for (const trial of ended) {
      const back = byValues.get(JSON.stringify(trial.values.norm));
      expect(back?.values).toEqual(trial.values);
      expect(back?.outcome.state).toBe(trial.state);
      expect(back?.outcome.objective).toBe(trial.outcome?.objective);
      expect(back?.outcome.constraints).toEqual(trial.outcome?.constraints);
      expect(back?.finishedAt).toBe(trial.finishedAt);
    }
  });

  it('of any problem becomes a study to look at: spaces by their distributions, what is minimized negated', async () => {
    const foreignFile = join(folder.path, 'demo.db');
    writeDemo(foreignFile, ['a', 'b', 3]);
    const { code, stdout, stderr } = await tacet(['import', 'demo.db', '--db', 'imported.db'], folder.path);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('demo: 3 trials in imported.db');
    expect(stdout).toContain('left out 1 trial: without kind');
    using store = openSqliteStore(join(folder.path, 'imported.db'));
    const trials = store.trials('demo');
    expect(trials.map(({ state, outcome }) => [state, outcome?.objective, outcome?.constraints])).toEqual([
      ['complete', -0.5, [-1]],
      ['silent', undefined, [2]],
      ['failed', undefined, []],
    ]);
    expect(trials[0]?.values).toEqual({ x: 0.25, n: 3, kind: 3 });
    expect(store.study('demo').spec.space.parameters).toMatchObject({
      x: { type: 'real', low: -2, high: 1, scale: 'uniform' },
      n: { type: 'integer', low: 1, high: 9, scale: 'log' },
      kind: { type: 'categorical', choices: ['a', 'b', 3] },
    });
    const shown = await tacet(['show', 'demo', '--db', 'imported.db'], folder.path);
    expect(shown.stdout).toContain('imported from Optuna study demo');
    const report = await tacet(['report', 'demo', '--db', 'imported.db', '--json'], folder.path);
    expect(jsonLines(report.stdout)).toMatchObject([{ kind: 'report', trials: 3, file: 'demo.html' }]);
    const searched = await tacet(['search', 'optuna', '--name', 'demo', '--db', 'imported.db'], folder.path);
    expect([searched.code, searched.stderr]).toEqual([
      2,
      expect.stringContaining('there is no recipe "optuna"'),
    ]);
  });

  it('with choices that are neither text nor numbers is refused by name', () => {
    const odd = join(folder.path, 'odd.db');
    writeDemo(odd, ['a', null, 3]);
    expect(() => readOptuna(odd, {})).toThrow('kind has the choice null: only texts and numbers');
    expect(() => readOptuna(odd, { study: 'other' })).toThrow('there is no study other: it has demo');
  });
});

/** A storage as Optuna itself writes it, with values from scripts/check-optuna.py cut down. */
function writeDemo(file: string, choices: readonly unknown[]): void {
  using database = new DatabaseSync(file);
  const float = (low: number) =>
    `{"name": "FloatDistribution", "attributes": {"step": null, "low": ${low}, "high": 1.0, "log": false}}`;
  const int = '{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 9}}';
  const kind = JSON.stringify({ name: 'CategoricalDistribution', attributes: { choices } });
  database.exec(`${OPTUNA_TABLES}
    insert into version_info values (1, 12, '5.0.0');
    insert into studies values (1, 'demo');
    insert into study_directions values (1, 'MINIMIZE', 1, 0);`);
  const trials = [
    ['COMPLETE', 0.5, -1, true],
    ['PRUNED', null, 2, true],
    ['FAIL', null, null, true],
    ['COMPLETE', 9, 0, false],
  ] as const;
  for (const [index, [state, value, constraint, whole]] of trials.entries()) {
    const id = index + 1;
    const second = String(10 + index);
    database.exec(`insert into trials values (${id}, ${index}, 1, '${state}', '2026-01-02 03:04:05.000000', '2026-01-02 03:04:${second}.500000');
      insert into trial_params (trial_id, param_name, param_value, distribution_json) values (${id}, 'x', 0.25, '${float(index === 1 ? -2 : -1)}'), (${id}, 'n', 3, '${int}');`);
    if (whole)
      database.exec(
        `insert into trial_params (trial_id, param_name, param_value, distribution_json) values (${id}, 'kind', 2, '${kind}')`,
      );
    if (value !== null)
      database.exec(
        `insert into trial_values (trial_id, objective, value, value_type) values (${id}, 0, ${value}, 'FINITE')`,
      );
    if (constraint !== null) {
      database.exec(
        `insert into trial_system_attributes (trial_id, "key", value_json) values (${id}, 'constraints:g', '${constraint}')`,
      );
    }
  }
}

const HEAD =
  'row,decoder,epochs,map_size,nu_pre,nu_post,strength_exc,strength_inh,norm,e_thresh,e_rest,e_refrac,theta_plus,tc_theta_decay,e_tc_decay,i_thresh,i_rest,i_refrac,i_tc_decay,valid,all_valid,vote_valid,2gram_valid,3gram_valid,stopped,processed_images,constraint_0,constraint_1,train_time,test_time';
const PARAMETERS = (decoder: string, exc: number) =>
  `${decoder},2,148,0.001,0.008,${exc},115,85,-8,-64,1,0.4,9000000,3890,-20,-53,19,4917`;
const TABLE = [
  HEAD,
  `0,${PARAMETERS('all', 221)},0.8,0.8,0.7,0.6,0.5,False,96000,-0.05,-0.1,100,20`,
  // Stopped in its second epoch, after 12,000 images of which 4,848 were silent.
  `1,${PARAMETERS('vote', 300)},0.2,0.1,0.2,0.1,0.1,True,60000,0.001,-0.1,60,20`,
  `2,${PARAMETERS('vote', 0.5)},0.2,0.1,0.2,0.1,0.1,True,60000,0.001,-0.1,60,20`,
].join('\n');

describe('a table of the recorded experiment', () => {
  it('is known by its columns', () => {
    expect(isHpoSnn(HEAD)).toBe(true);
    expect(isHpoSnn('trial,state,objective')).toBe(false);
  });

  it('is a study of the recipe; constraints of stopped networks are graded as here', () => {
    const { trials, leftOut, spec } = readHpoSnn(TABLE, 'recorded', 'x.csv');
    expect(spec).toMatchObject({
      recipe: 'mnist-stdp',
      trials: 2,
      settings: { trainSamples: 48_000, evaluateSilent: true },
    });
    expect(leftOut).toEqual([expect.stringMatching(/^1 of 3 rows .* line 4: parameter strength_exc is 0.5/)]);
    const [whole, stopped] = trials;
    expect(whole?.outcome).toMatchObject({ state: 'complete', objective: 0.8, constraints: [-0.05, -0.1] });
    expect(stopped?.outcome.plainConstraints[0]).toBe(0.001);
    expect(stopped?.outcome.constraints[0]).toBeCloseTo(1 - (12_000 - 4_848) / 48_000 - 0.1, 12);
    expect(stopped?.outcome.reason).toBe('excitatory layer silent');
  });

  it('with a hole in it is refused with its place', () => {
    expect(() => readHpoSnn(TABLE.replace('0.8,0.8,', ',0.8,'), 'recorded', 'x.csv')).toThrow(
      'x.csv line 2: valid is "": give a number',
    );
  });

  it('warm-starts a search: the optimizer knows its trials and goes on from them', async () => {
    const table = new URL('../../../shared/data/bindsnet-mnist-stdp.csv', import.meta.url);
    const text = existsSync(table) ? readFileSync(table, 'utf8') : TABLE;
    using store = openSqliteStore(join(folder.path, 'warm.db'));
    const foreign = readHpoSnn(text, 'recorded', 'recorded.csv');
    store.restore(contentsOf(foreign));
    const { spec, best } = store.study('recorded');
    store.openStudy({ ...spec, trials: spec.trials + 2 });
    const supply = await openStudyTrials({ ...spec, trials: spec.trials + 2 }, store, studySpace(spec), 2);
    const { optimizer } = supply.about();
    expect(optimizer).toMatchObject({ asked: spec.trials, told: spec.trials, pending: 0 });
    expect(optimizer?.incumbent?.objective).toBe(best?.outcome?.objective);
    const proposed = await supply.propose(2);
    expect(proposed.map(({ number }) => number)).toEqual([spec.trials, spec.trials + 1]);
    if (spec.trials > 100) {
      for (const { proposal } of proposed) expect(proposal).toMatchObject({ origin: 'trust-region' });
    }
  });
});

describe('tacet export and import', () => {
  it('tell what they wrote, and refuse to write over a file', async () => {
    const run = (...args: string[]) => tacet([...args, '--db', 'study.db'], folder.path);
    const first = await run('export', 'study', '-o', 'trials.csv', '--json');
    expect(jsonLines(first.stdout)).toEqual([
      { kind: 'export', study: 'study', file: 'trials.csv', format: 'csv', trials: 82 },
    ]);
    const lines = readFileSync(join(folder.path, 'trials.csv'), 'utf8').trimEnd().split('\r\n');
    expect(lines).toHaveLength(83);
    expect(lines[40]).toContain('"lost ""it"", somehow"');
    expect(await run('export', 'study', '-o', 'trials.csv')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--overwrite'),
    });
    expect(await run('export', 'study', '-o', 'trials.xyz')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('does not tell the format'),
    });
    writeFileSync(join(folder.path, 'what.txt'), 'something else');
    expect(await run('import', 'what.txt')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing that can be imported'),
    });
    expect(await run('import', 'nowhere.db')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("can't be read"),
    });
  });
});
