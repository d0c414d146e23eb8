/** `tacet train` and `tacet evaluate` of what it saved. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEVICE, tacet, temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const QUICK = { trainSamples: 1500, steps: 8, hidden: 48, epochs: 2, dropout: 0 };

describe('tacet train', () => {
  it('trains, saves, and evaluates to the accuracy that it said', async () => {
    writeFileSync(join(folder.path, 'params.json'), JSON.stringify(QUICK));
    const args = ['--devices', DEVICE, '--json'];
    const trained = await tacet(
      ['train', 'mnist-dense', '--params', 'params.json', '-o', 'n.json', ...args],
      folder.path,
    );
    expect(trained.stderr).toBe('');
    expect(trained.code).toBe(0);
    const lines = trained.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ kind }) => kind)).toEqual(['epoch', 'epoch', 'trained']);
    // Chance is 0.1.
    expect(lines[2].accuracy).toBeGreaterThan(0.7);
    expect(lines[1].train.loss).toBeLessThan(lines[0].train.loss);
    const evaluated = await tacet(['evaluate', 'n.json', ...args], folder.path);
    expect(evaluated.code).toBe(0);
    const report = JSON.parse(evaluated.stdout);
    expect(report.samples).toBe(10_000);
    expect(report.accuracy).toBe(lines[2].accuracy);
  });

  it.each([
    ['an unknown recipe', ['train', 'mnist'], /no training recipe "mnist"; there is mnist-dense/],
    [
      'an unknown hyperparameter',
      ['train', 'mnist-dense', '--params', 'a.json'],
      /a\.json\.hiden is not known: use hidden/,
    ],
    [
      'a hyperparameter out of range',
      ['train', 'mnist-dense', '--params', 'b.json'],
      /b\.json\.dropout is 2: give 0\.95 or less/,
    ],
    [
      'a file that exists',
      ['train', 'mnist-dense', '-o', 'a.json'],
      /a\.json exists: name another file by --output/,
    ],
    ['evaluate without parameters', ['evaluate', 'mnist-stdp'], /--params is missing: give a JSON file/],
    [
      'a spoilt network',
      ['evaluate', 'c.json'],
      /c\.json lacks a description, input or origin; give a file that tacet train has saved/,
    ],
  ])('refuses %s', async (_, args, message) => {
    writeFileSync(join(folder.path, 'a.json'), '{ "hiden": 3 }');
    writeFileSync(join(folder.path, 'b.json'), '{ "dropout": 2 }');
    writeFileSync(join(folder.path, 'c.json'), '{"format":"tacet-network","version":1}');
    const { code, stderr } = await tacet(args, folder.path);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(readFileSync(join(folder.path, 'a.json'), 'utf8')).toBe('{ "hiden": 3 }');
  });
});
