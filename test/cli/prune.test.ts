/** `tacet prune` and `tacet prune compare` as a user runs them, on small networks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { algebra } from '../pruning/graphs.ts';
import { DEVICE, jsonLines, tacet, temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const SMALL = ['--network', 'neurons=80', '--network', 'degree=12', '--device', DEVICE];

describe('tacet prune', () => {
  // The eigenvalues of the linearization are the native engine's.
  const native = algebra.kind === 'native';

  it.runIf(native)('saves a network that tacet simulate runs', async () => {
    const run = await tacet(['prune', 'hrsnn', ...SMALL, '-o', 'sparse.json', '--json'], folder.path);
    expect(run.stderr).toBe('');
    const [line] = jsonLines(run.stdout);
    expect(line).toMatchObject({ kind: 'pruned', method: 'lnp', neurons: { before: 80, after: 40 } });
    const { before, after } = (line as { synapses: { before: number; after: number } }).synapses;
    expect(before).toBe(960);
    expect(Math.abs(after / before - 0.2)).toBeLessThan(0.02);
    const simulated = await tacet(
      ['simulate', 'sparse.json', '--duration', '100', '--device', DEVICE, '--json'],
      folder.path,
    );
    expect(jsonLines(simulated.stdout)[0]).toMatchObject({ neurons: 40, synapses: after });
  });

  it.each([
    [['--method', 'lpn'], 'there is no method "lpn": give one of lnp'],
    [['--density', '0'], 'Give a share above 0, up to 1'],
    [['--set', 'rescaling=most'], '--set rescaling is "most": give one of mask, rescale, capped'],
    [['--set', 'densty=0.1'], 'densty is not known: use density'],
    [['-o', 'sparse.yaml'], 'give a name that ends in .json'],
  ])('answers %s with what to give', async (args, message) => {
    const run = await tacet(['prune', 'hrsnn', ...SMALL, ...args], folder.path);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(message);
    expect(run.stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('tacet prune compare', () => {
  const compare = (...args: string[]) =>
    tacet(['prune', 'compare', '--size', '60', '--train', '200', '--device', DEVICE, ...args], folder.path);

  it.runIf(algebra.kind === 'native')('goes on where it stood, and draws', async () => {
    const tasks = ['--tasks', 'lorenz'];
    const first = await compare(...tasks, '--methods', 'random', '--seeds', '1', '--json');
    expect(first.code, first.stderr).toBe(0);
    const before = jsonLines(first.stdout);
    expect(before.map((record) => (record as { method: string }).method)).toEqual(['dense', 'random']);
    const more = await compare(
      ...tasks,
      '--methods',
      'random,weight',
      '--seeds',
      '2',
      '--json',
      '-o',
      'f.svg',
    );
    const after = jsonLines(more.stdout);
    expect(after).toHaveLength(6);
    // What was there is not computed again.
    for (const record of before) expect(after).toContainEqual(record);
    const figure = readFileSync(join(folder.path, 'f.svg'), 'utf8');
    for (const name of ['dense', 'random', 'weight', 'lorenz', 'spectra']) expect(figure).toContain(name);
    const shown = await compare(...tasks, '--methods', 'random,weight', '--seeds', '2');
    expect(shown.stdout).toContain('Means over 2 seeds');
    const other = await compare('--tasks', 'rossler', '--methods', 'random', '--seeds', '1');
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('holds a comparison with tasks ["lorenz"], not ["rossler"]');
  });

  it.each([
    [['--tasks', 'lorentz'], 'there is no task "lorentz": give one of lorenz, rossler, mackey-glass'],
    [['--methods', 'lnp,none'], 'there is no method "none"'],
    [['--tasks', 'none.csv'], "none.csv can't be read (ENOENT)"],
  ])('answers %s with what to give', async (args, message) => {
    const run = await compare(...args);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(message);
  });
});
