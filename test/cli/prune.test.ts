/** `tacet prune` and `tacet prune compare` as a user runs them, on small networks. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { algebra } from '../pruning/graphs.ts';
import { DEVICE, jsonLines, startTacet, tacet, temporaryFolder } from './tacet.ts';

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
  const command = (db: string, ...args: string[]) => [
    ...['prune', 'compare', '--size', '60', '--train', '200', '--tasks', 'lorenz', '--devices', DEVICE],
    ...['--slots', '1', '--db', db, ...args],
  ];
  const compare = (db: string, ...args: string[]) => tacet(command(db, ...args), folder.path);
  const FEW = ['--methods', 'random,half', '--seeds', '1'];
  /** What doesn't depend on the clock, in the order of methods and seeds. */
  const recordsOf = (stdout: string) =>
    jsonLines(stdout)
      .map((line) => ({ ...(line as Record<string, unknown>), pruningSeconds: 0 }) as Record<string, unknown>)
      .sort((a, b) => `${a.seed} ${a.method}`.localeCompare(`${b.seed} ${b.method}`));

  it('comes to the same when it is killed and goes on; more seeds add to it', async () => {
    const whole = await compare('whole.db', ...FEW, '--json', '-o', 'f.svg');
    expect(whole.code, whole.stderr).toBe(0);
    const records = recordsOf(whole.stdout);
    expect(records.map(({ method }) => method)).toEqual(['dense', 'dense-half-read', 'half', 'random']);
    const figure = readFileSync(join(folder.path, 'f.svg'), 'utf8');
    for (const name of ['dense', 'random', 'half', 'lorenz', 'spectra']) expect(figure).toContain(name);

    const killed = startTacet(command('killed.db', ...FEW, '--json'), folder.path);
    const ended = () => {
      const path = join(folder.path, 'killed.db');
      if (!existsSync(path)) return 0;
      using store = openSqliteStore(path);
      return store.studies().reduce((sum, { counts }) => sum + counts.complete, 0);
    };
    while (ended() === 0 && killed.child.exitCode === null) await sleep(20);
    killed.child.kill('SIGKILL');
    await killed.finished;
    const known = ended();
    expect(known).toBeGreaterThan(0);
    const again = await compare('killed.db', ...FEW, '--json');
    expect(again.stderr).toBe('');
    expect(recordsOf(again.stdout)).toEqual(records);

    const more = await compare('killed.db', '--methods', 'random,half', '--seeds', '2', '--markdown');
    expect(more.stdout).toContain('Means over 2 seeds');
    expect(more.stdout).toMatch(/^\| half \| 0.2 \| random \| /m);
    const shown = await tacet(['show', 'prune-compare', '--db', 'killed.db'], folder.path);
    expect(shown.stdout).toContain('prune-compare');
    const other = await compare('killed.db', '--methods', 'random', '--seeds', '1');
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('space.parameters.method.choices');
  });

  it.each([
    [['--tasks', 'lorentz'], 'there is no task "lorentz": give one of lorenz, rossler, mackey-glass'],
    [['--methods', 'lnp,none'], 'there is no method "none"'],
    [['--tasks', 'none.csv'], "none.csv can't be read (ENOENT)"],
    [['--tasks', 'spoken-digits:nowhere'], "can't read nowhere: ENOENT"],
    [['--tasks', 'cifar10:nowhere'], "nowhere/data_batch_1.bin can't be read (ENOENT)"],
    [['--training', 'all'], 'Allowed choices are readout, stdp'],
  ])('answers %s with what to give', async (args, message) => {
    const run = await compare('none.db', ...args);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(message);
    expect(existsSync(join(folder.path, 'none.db'))).toBe(false);
  });
});
