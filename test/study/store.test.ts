import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { StudyError } from '../../src/study/store.ts';
import { SCHEMA_VERSION } from '../../src/study/store-schema.ts';
import { fullOutcome, SPEC, startedTrial, testStore } from './store-suite.ts';

testStore('SQLite store', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tacet-store-'));
  return {
    open: () => openSqliteStore(join(directory, 'tacet.db')),
    remove: () => rmSync(directory, { recursive: true }),
  };
});

describe('SQLite file', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tacet-store-'));
    path = join(directory, 'tacet.db');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function refusal(at: string, options?: { create: boolean }): string {
    try {
      openSqliteStore(at, options)[Symbol.dispose]();
    } catch (error) {
      expect(error).toBeInstanceOf(StudyError);
      const { code, message } = error as StudyError;
      expect(code).toBe('bad-store');
      expect(message).toContain(at);
      expect(message).not.toContain('\n');
      expect(message).toMatch(/: [^:]*(--db|update tacet)/);
      return message;
    }
    throw new Error(`${at} was opened`);
  }

  it('refuses a directory', () => {
    expect(refusal(directory)).toContain('is a directory');
  });

  it('refuses a file that is no database and leaves it alone', () => {
    const text = 'name: my-study\n'.repeat(100);
    writeFileSync(path, text);
    expect(refusal(path)).toContain('is not a SQLite database');
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it("refuses another program's database and leaves it alone", () => {
    const other = new DatabaseSync(path);
    other.exec('create table cookie (name text)');
    other.close();
    const before = readFileSync(path);
    expect(refusal(path)).toContain("another program's database");
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('refuses a store of a later version', () => {
    openSqliteStore(path)[Symbol.dispose]();
    const database = new DatabaseSync(path);
    database.exec(`pragma user_version = ${SCHEMA_VERSION + 1}`);
    database.close();
    expect(refusal(path)).toContain('later version of Tacet');
  });

  it('refuses a directory that is not there', () => {
    expect(refusal(join(directory, 'none', 'tacet.db'))).toContain('there is no directory');
  });

  it.skipIf(process.platform !== 'linux')('refuses a place where nothing can be written', () => {
    // Not even root makes files there.
    expect(refusal('/proc/tacet.db')).toContain("can't be opened or made");
  });

  it('refuses a damaged store', () => {
    const store = openSqliteStore(path);
    store.openStudy(SPEC);
    store[Symbol.dispose]();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096);
    writeFileSync(path, bytes);
    using damaged = openSqliteStore(path);
    expect(() => damaged.studies()).toThrow(/is damaged/);
  });

  it('does not make a file only to read it', () => {
    expect(refusal(path, { create: false })).toContain('there is no store');
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('is written ahead, so that others read while a search writes', () => {
    openSqliteStore(path)[Symbol.dispose]();
    const database = new DatabaseSync(path);
    expect(database.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' });
    database.close();
  });

  it('can be asked in SQL', () => {
    using store = openSqliteStore(path);
    store.openStudy(SPEC);
    store.begin('first', [startedTrial(0), startedTrial(1)], null);
    store.finish('first', [{ number: 1, outcome: fullOutcome(0.5) }], null);
    const database = new DatabaseSync(path, { readOnly: true });
    const rows = database
      .prepare(
        `select trial.number, "values" ->> 'neurons' as neurons, objective, layer, spikes
         from trial join layer on layer.study = trial.study and layer.trial = trial.number
         where state = 'complete' and layer.phase = 0 order by layer.position`,
      )
      .all();
    database.close();
    expect(rows).toEqual([
      { number: 1, neurons: 21, objective: 0.5, layer: 'excitatory', spikes: 12_345_678_901 },
      { number: 1, neurons: 21, objective: 0.5, layer: 'inhibitory', spikes: 0 },
    ]);
  });

  it('takes under 5 kB a trial, so that 10,000 fit into 50 MB', () => {
    using store = openSqliteStore(path);
    store.openStudy({ ...SPEC, trials: 10_000 });
    const values = Object.fromEntries(Array.from({ length: 18 }, (_, i) => [`parameter_${i}`, Math.sqrt(i)]));
    const outcome = fullOutcome(0.5);
    const trials = 2_000;
    const numbers = Array.from({ length: trials }, (_, i) => i);
    store.begin(
      'first',
      numbers.map((number) => ({ ...startedTrial(number), values })),
      { asked: trials },
    );
    store.finish(
      'first',
      numbers.map((number) => ({ number, outcome })),
      { told: trials },
    );
    const database = new DatabaseSync(path);
    database.exec('pragma wal_checkpoint(truncate)');
    database.close();
    expect(statSync(path).size).toBeLessThan(trials * 5e3);
    expect(store.study('first').counts.complete).toBe(trials);
    expect(store.trials('first').at(-1)?.outcome?.objective).toBe(0.5);
  });

  it('lets several processes make the same store at once', async () => {
    mkdirSync(join(directory, 'shared'));
    const shared = join(directory, 'shared', 'tacet.db');
    const module = new URL('../../src/study/sqlite-store.ts', import.meta.url).href;
    const program = (name: string) => `
      import { openSqliteStore } from ${JSON.stringify(module)};
      using store = openSqliteStore(${JSON.stringify(shared)});
      store.openStudy({ ...${JSON.stringify(SPEC)}, name: ${JSON.stringify(name)} });
      for (let i = 0; i < 20; i++) {
        store.begin(${JSON.stringify(name)}, [{ ...${JSON.stringify(startedTrial(0))}, number: i }], i);
        store.finish(${JSON.stringify(name)}, [{ number: i, outcome: ${JSON.stringify(fullOutcome(0.5))} }], i);
      }`;
    const codes = await Promise.all(
      ['a', 'b', 'c'].map(
        (name) =>
          new Promise((resolve) => {
            const child = spawn(process.execPath, ['--input-type=module', '-e', program(name)], {
              stdio: ['ignore', 'ignore', 'inherit'],
            });
            child.on('exit', resolve);
          }),
      ),
    );
    expect(codes).toEqual([0, 0, 0]);
    using store = openSqliteStore(shared);
    expect(store.studies().map(({ counts }) => counts.complete)).toEqual([20, 20, 20]);
  });

  it('keeps what was finished when the process is killed', () => {
    const module = new URL('../../src/study/sqlite-store.ts', import.meta.url).href;
    const program = `
      import { openSqliteStore } from ${JSON.stringify(module)};
      const store = openSqliteStore(${JSON.stringify(path)});
      store.openStudy(${JSON.stringify(SPEC)});
      store.begin('first', [${JSON.stringify(startedTrial(0))}, ${JSON.stringify(startedTrial(1))}], 'asked');
      store.finish('first', [{ number: 1, outcome: ${JSON.stringify(fullOutcome(0.5))} }], 'told');
      process.kill(process.pid, 'SIGKILL');`;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
    expect(signal).toBe('SIGKILL');
    using store = openSqliteStore(path);
    expect(store.trials('first').map((trial) => trial.state)).toEqual(['running', 'complete']);
    expect(store.optimizer('first')).toBe('told');
  });
});
