import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { SqliteRunner, sqliteQueries } from '../../src/study/node-sqlite-dialect.ts';

describe('Kysely over node:sqlite', () => {
  const database = new DatabaseSync(':memory:');
  database.exec('create table note (id integer primary key, text text not null) strict');
  const queries = sqliteQueries<{ note: { id: number; text: string } }>();
  const runner = new SqliteRunner(database);
  const notes = queries.selectFrom('note').selectAll().orderBy('id');
  afterEach(() => database.exec('delete from note'));

  it('runs what was built', () => {
    const rows = [1, 2, 3].map((id) => ({ id, text: `note ${id}` }));
    expect(runner.run(queries.insertInto('note').values(rows))).toBe(3);
    expect(runner.all(notes).map((row) => ({ ...row }))).toEqual(rows);
    expect(runner.first(notes.where('id', '=', 2))).toMatchObject({ text: 'note 2' });
    expect(runner.first(notes.where('id', '=', 4))).toBeUndefined();
    expect(runner.run(queries.updateTable('note').set({ text: '' }).where('id', '>', 1))).toBe(2);
  });

  it('inserts rows by a statement for their columns, whatever their order', () => {
    runner.insert(queries, 'note', []);
    runner.insert(queries, 'note', [
      { id: 1, text: 'a' },
      { id: 2, text: 'b' },
    ]);
    runner.insert(queries, 'note', [{ text: 'c', id: 3 }]);
    runner.insert(queries, 'note', [{ id: 4, text: 'd' }]);
    expect(runner.all(notes).map(({ id, text }) => `${id}${text}`)).toEqual(['1a', '2b', '3c', '4d']);
  });

  it('takes back a transaction that throws', () => {
    const failing = () =>
      runner.transaction(true, () => {
        runner.run(queries.insertInto('note').values({ id: 1, text: 'a' }));
        runner.run(queries.insertInto('note').values({ id: 1, text: 'b' }));
      });
    expect(failing).toThrow(/UNIQUE/);
    expect(runner.all(notes)).toEqual([]);
    expect(database.isTransaction).toBe(false);
  });

  it('flushes durable transactions to the disk, and only those', () => {
    const synchronous = () => database.prepare('pragma synchronous').get()?.synchronous;
    // 2 is FULL, 1 is NORMAL: https://sqlite.org/pragma.html#pragma_synchronous
    expect(runner.transaction(true, synchronous)).toBe(2);
    expect(runner.transaction(false, synchronous)).toBe(1);
    expect(runner.transaction(true, synchronous)).toBe(2);
  });

  it('goes on working after more different statements than it keeps', () => {
    const any = sqliteQueries<Record<string, Record<string, number>>>();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 300; i++) {
        const query = any.selectFrom('note').select(({ lit }) => lit(i).as(`value${i}`));
        expect(runner.all(query)).toEqual([]);
      }
    }
  });
});
