/** Searches of recipes of training: the same commands as for `mnist-stdp`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEVICE, jsonLines, tacet, temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const SETTINGS = { classes: 3, samplesPerClass: 20, steps: 24, splitSeed: 7 };
const SET = Object.entries(SETTINGS).flatMap(([name, value]) => ['--set', `settings.${name}=${value}`]);
const SPACE = [
  '--set',
  'space.hidden.high=40',
  '--set',
  'space.epochs.high=4',
  '--set',
  'space.batchSize.high=32',
];
const STUDY = ['--db', 'study.db', '--devices', DEVICE];

describe('tacet search randman', { timeout: 120_000 }, () => {
  it('searches, resumes and shows; a trial runs again by evaluate', async () => {
    const search = ['search', 'randman', ...STUDY, ...SET, ...SPACE, '--optimizer', 'casbo', '--slots', '2'];
    const first = await tacet([...search, '--trials', '4'], folder.path);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout).toMatch(/trial │ objective │ feasible │ silence_hidden/);
    expect(first.stdout).toMatch(/^best trial \d: [\d.]+ on what it was chosen by, [\d.]+ on the test set$/m);
    expect(first.stderr).toMatch(/^Study randman: 4 trials of randman, optimizer casbo, in study\.db$/m);
    const more = await tacet([...search, '--trials', '6', '--json'], folder.path);
    const lines = jsonLines(more.stdout);
    expect(
      lines
        .filter(({ kind }) => kind === 'trial')
        .map(({ number }) => number)
        .sort(),
    ).toEqual([4, 5]);
    const show = await tacet(['show', 'randman', '--db', 'study.db', '--json'], folder.path);
    const trials = jsonLines(show.stdout).filter(({ kind }) => kind === 'trial');
    expect(trials.length).toBe(6);
    const complete = trials.find(({ state }) => state === 'complete') as Record<string, unknown> | undefined;
    expect(complete).toBeDefined();
    const { number, values } = complete as { number: number; values: object };
    const report = await tacet(
      ['show', 'randman', '--db', 'study.db', '--trial', String(number)],
      folder.path,
    );
    expect(report.stdout).toMatch(
      /│ samples +│ accuracy │[\s\S]*│ hold_out │ +[\d.]+ │[\s\S]*│ test +│ +[\d.]+ │/,
    );
    writeFileSync(join(folder.path, 'params.json'), JSON.stringify(values));
    const again = await tacet(
      ['evaluate', 'randman', '--params', 'params.json', ...SET, '--devices', DEVICE, '--json'],
      folder.path,
    );
    expect(again.code).toBe(0);
    expect(jsonLines(again.stdout)[0]).toMatchObject({
      state: 'complete',
      accuracies: { test: expect.any(Number) },
    });
    // The same values are what train takes.
    writeFileSync(
      join(folder.path, 'train.json'),
      JSON.stringify({ ...values, classes: 3, samplesPerClass: 20, steps: 24 }),
    );
    const trained = await tacet(
      ['train', 'randman', '--params', 'train.json', '--epochs', '1', '-o', 'n.json', '--devices', DEVICE],
      folder.path,
    );
    expect(trained).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder.path, 'n.json'), 'utf8')).toContain('tacet-network');
  });

  it('refuses what makes no study, before there is one', async () => {
    const missing = await tacet(
      ['search', 'spoken-digits', '--db', 'none.db', '--devices', DEVICE],
      folder.path,
    );
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toMatch(/needs the recordings.*a search by --set settings\.path=/);
    const setting = await tacet(['search', 'randman', '--set', 'settings.epochs=3'], folder.path);
    expect(setting).toMatchObject({ code: 2, stdout: '' });
    expect(setting.stderr).toMatch(/settings\.epochs is not known/);
    const parameter = await tacet(['search', 'randman', '--set', 'space.learning_rate=3'], folder.path);
    expect(parameter.stderr).toMatch(/space\.learning_rate is not known: randman has learningRate/);
  });
});
