import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import {
  DEVICE,
  type Finished,
  jsonLines,
  SMALL_SEARCH,
  startTacet,
  tacet,
  temporaryFolder,
} from './tacet.ts';

/** The table and the shares that a search ends with: all of its stdout that does not depend on time. */
function finalTable(stdout: string): { readonly table: string; readonly shares: string } {
  const lines = stdout.split('\n');
  const table = lines.filter((line) => /^[┌├│└]/.test(line)).join('\n');
  return { table, shares: lines.find((line) => /^\d+ trials?:/.test(line)) ?? '' };
}

describe('tacet search', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());
  let whole: Finished;

  beforeAll(async () => {
    whole = await tacet([...SMALL_SEARCH, '--trials', '12', '--name', 'whole'], folder.path);
  }, 120_000);

  it('ends with a table, shares, speed and the place of the study', () => {
    expect(whole).toMatchObject({ code: 0 });
    const { stdout, stderr } = whole;
    expect(stdout).toMatch(/trial │ objective │ feasible │ silence_excitatory/);
    expect(stdout).toMatch(/^12 trials: 12 complete \(100 %\), 0 silent \(0 %\), 0 failed \(0 %\)$/m);
    expect(stdout).toMatch(/^[\d,]+ samples x networks per second in this run: 384 in .* no trial left$/m);
    expect(stdout).toMatch(/^Saved in study\.db\. .*tacet show whole --db study\.db/m);
    expect(stderr).toMatch(/^Study whole: 12 trials of mnist-stdp, optimizer \w+, in study\.db$/m);
  });

  it('is seen by studies and show', async () => {
    const studies = await tacet(['studies', '--db', 'study.db'], folder.path);
    expect(studies.stdout).toMatch(/│ whole +│ mnist-stdp +│ \w+ +│ 12\/12 +│ +12 +│/);
    const show = await tacet(['show', 'whole', '--db', 'study.db'], folder.path);
    expect(show.stdout).toContain('12 trials: 12 complete');
    expect(show.stdout).toContain('trainSamples 24');
    expect(finalTable(show.stdout)).toEqual(finalTable(whole.stdout));
    const trial = await tacet(['show', 'whole', '--db', 'study.db', '--trial', '3'], folder.path);
    expect(trial.stdout).toMatch(/trial 3 of whole: complete/);
    expect(trial.stdout).toMatch(/│ map_size +│ \d+ +│/);
    expect(trial.stdout).toMatch(/│ hold-out │ +8 │ excitatory +│/);
    const beyond = await tacet(['show', 'whole', '--db', 'study.db', '--trial', '12'], folder.path);
    expect(beyond).toMatchObject({ code: 2, stdout: '' });
    expect(beyond.stderr).toBe('tacet: study whole has no trial 12: give a number from 0 to 11\n');
    const other = await tacet(['show', 'part', '--db', 'study.db'], folder.path);
    expect(other).toMatchObject({ code: 2, stdout: '' });
    expect(other.stderr).toBe('tacet: there is no study part in study.db: it has whole\n');
  });

  it('prints JSON lines and nothing else with --json', async () => {
    const args = [...SMALL_SEARCH, '--trials', '3', '--name', 'json', '--json'];
    const { code, stdout, stderr } = await tacet(args, folder.path);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = jsonLines(stdout);
    expect(lines.map(({ kind }) => kind)).toEqual(['study', 'device', 'trial', 'trial', 'trial', 'end']);
    expect(lines[0]).toMatchObject({ name: 'json', recipe: 'mnist-stdp', seed: 0, trials: 3 });
    expect(lines.slice(2, 5).map(({ number }) => number)).toEqual(expect.arrayContaining([0, 1, 2]));
    expect(lines[2]).toMatchObject({
      state: 'complete',
      objective: expect.any(Number),
      constraints: [expect.any(Number), expect.any(Number)],
      accuracies: { all: expect.any(Number) },
    });
    expect(lines[5]).toMatchObject({ finished: true, counts: { complete: 3 }, samples: 96 });

    const shown = await tacet(['show', 'json', '--db', 'study.db', '--json'], folder.path);
    expect(jsonLines(shown.stdout).map(({ kind }) => kind)).toEqual(['study', 'trial', 'trial', 'trial']);
    const listed = await tacet(['studies', '--db', 'study.db', '--json'], folder.path);
    expect(jsonLines(listed.stdout).map(({ name }) => name)).toContain('json');
  });

  it('goes on to the same end as without an interruption', async () => {
    const args = [...SMALL_SEARCH, '--name', 'part'];
    expect(await tacet([...args, '--trials', '5'], folder.path)).toMatchObject({ code: 0 });
    const rest = await tacet([...args, '--trials', '12'], folder.path);
    expect(rest.stderr).toMatch(/^Resuming part: 12 trials/m);
    expect(finalTable(rest.stdout)).toEqual(finalTable(whole.stdout));
    // With nothing left to do it shows the same again.
    const again = await tacet(args, folder.path);
    expect(again.code).toBe(0);
    expect(finalTable(again.stdout)).toEqual(finalTable(whole.stdout));
  });

  it('goes on with a study of the store by its name alone', async () => {
    expect(await tacet([...SMALL_SEARCH, '--name', 'named', '--trials', '5'], folder.path)).toMatchObject({
      code: 0,
    });
    const here = ['--db', 'study.db', '--devices', DEVICE, '--slots', '4'];
    const rest = await tacet(['search', 'named', '--trials', '12', ...here], folder.path);
    expect(rest.stderr).toMatch(/^Resuming named: 12 trials of mnist-stdp/m);
    expect(finalTable(rest.stdout)).toEqual(finalTable(whole.stdout));
    const changed = await tacet(['search', 'named', '--set', 'space.epochs=2', ...here], folder.path);
    expect(changed).toMatchObject({ code: 2, stdout: '' });
    expect(changed.stderr).toMatch(
      /^tacet: --set would make another study of named, [^\n]+ tacet search mnist-stdp --name [^\n]+\n$/,
    );
    const slip = await tacet(['search', 'nmaed', '--db', 'elsewhere.db'], folder.path);
    expect(slip).toMatchObject({ code: 2, stdout: '' });
    expect(slip.stderr).toMatch(
      /^tacet: there is no recipe "nmaed": give mnist-stdp, [^\n]+ \(see tacet studies\)/,
    );
    expect(existsSync(join(folder.path, 'elsewhere.db'))).toBe(false);
  });

  it('says what to do when every trial fell silent', async () => {
    const alpha = ['settings.excitatoryAlpha=1000', 'settings.beta=0'].flatMap((one) => ['--set', one]);
    const { code, stdout } = await tacet(
      [...SMALL_SEARCH, '--name', 'mute', '--trials', '3', ...alpha],
      folder.path,
    );
    expect(code).toBe(0);
    expect(stdout).toContain('No trial has an objective yet: 3 fell silent');
    expect(stdout).toContain('tacet search mute --trials <number>');
  });

  it('reads a study file as it reads options', async () => {
    const file = `
      recipe: mnist-stdp
      name: from-file
      trials: 12
      settings: { trainSamples: 24, holdOutSamples: 8, steps: 50, excitatoryAlpha: 0, inhibitoryAlpha: 0 }
      space:
        map_size: { high: 40 }
        epochs: 1
    `;
    writeFileSync(join(folder.path, 'study.yaml'), file);
    const device = SMALL_SEARCH.slice(SMALL_SEARCH.indexOf('--slots'), SMALL_SEARCH.indexOf('--set'));
    const result = await tacet(['search', 'study.yaml', '--db', 'file.db', ...device], folder.path);
    expect(finalTable(result.stdout)).toEqual(finalTable(whole.stdout));
    using store = openSqliteStore(join(folder.path, 'file.db'));
    expect(store.studies().map(({ spec }) => spec.name)).toEqual(['from-file']);
  });

  it.each([
    ['space.parameters.map_size.high = 40, not 30', ['--set', 'space.map_size.high=30']],
    ['space.fixed.epochs = 1, not 2', ['--set', 'space.epochs=2']],
    ['settings.beta = 0.1, not 0.2', ['--set', 'settings.beta=0.2']],
    ['seed = 0, not 1', ['--seed', '1']],
    ['optimizer.name = ', ['--optimizer', 'random']],
  ])('refuses another study under the same name: %s', async (message, change) => {
    const { code, stdout, stderr } = await tacet(
      [...SMALL_SEARCH, '--name', 'whole', ...change],
      folder.path,
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^tacet: study whole in study\.db has [^\n]+ --name[^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  it('finishes the chunks in flight at the first interrupt, and says how to go on', async () => {
    const args = [...SMALL_SEARCH, '--trials', '400', '--name', 'interrupted', '--json'];
    const run = startTacet(args, folder.path);
    while (!run.stdout().includes('"kind":"trial"')) await new Promise((resolve) => setTimeout(resolve, 5));
    run.child.kill('SIGINT');
    const { code, signal, stdout, stderr } = await run.finished;
    expect({ code, signal }).toEqual({ code: 130, signal: null });
    expect(stderr).toContain('Ctrl-C again stops at once');
    expect(stderr).toMatch(/go on with: tacet search mnist-stdp --db study\.db .*--name interrupted/);
    const reported = jsonLines(stdout).filter(({ kind }) => kind === 'trial');
    using store = openSqliteStore(join(folder.path, 'study.db'));
    const finished = store.trials('interrupted').filter(({ outcome }) => outcome !== undefined);
    expect(finished.map(({ number }) => number).sort()).toEqual(reported.map(({ number }) => number).sort());
    expect(finished.length).toBeLessThan(400);
  });

  it('stops at once at the second interrupt', async () => {
    const args = [...SMALL_SEARCH, '--trials', '400', '--name', 'stopped', '--json'];
    const run = startTacet(args, folder.path);
    while (!run.stdout().includes('"kind":"trial"')) await new Promise((resolve) => setTimeout(resolve, 5));
    run.child.kill('SIGINT');
    run.child.kill('SIGTERM');
    const { signal, stderr } = await run.finished;
    expect(signal).toBe('SIGKILL');
    expect(stderr).toMatch(/^Stopped\. /m);
    expect(stderr).toMatch(/go on with: tacet search mnist-stdp/);
  });
});
