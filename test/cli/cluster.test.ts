import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { resultsOf } from '../study/disturbed-runs.ts';
import { NO_POSTGRES, startPostgres, type TemporaryPostgres } from '../study/temporary-postgres.ts';
import { DEVICE, jsonLines, SMALL_SEARCH, startTacet, tacet, temporaryFolder } from './tacet.ts';

describe('tacet worker', () => {
  it('asks for the address of a database', async () => {
    const { code, stderr } = await tacet(['worker', '--db', 'tacet.db'], '.');
    expect(code).toBe(2);
    expect(stderr).toContain('give --db postgres://user@host/database');
  });
});

describe.skipIf(NO_POSTGRES)(`a cluster${NO_POSTGRES ? `: ${NO_POSTGRES}` : ''}`, () => {
  const SECRET = 'correct-horse';
  let server: TemporaryPostgres;
  let url: string;
  const folder = temporaryFolder();
  beforeAll(async () => {
    server = await startPostgres();
    // The server trusts everybody on this machine: any password is right, and none may be shown.
    url = server.urlOf(await server.createDatabase()).replace('tacet@', `tacet:${SECRET}@`);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    folder.remove();
  });

  const search = (...more: readonly string[]) => {
    const at = SMALL_SEARCH.indexOf('--slots');
    const without = [...SMALL_SEARCH.slice(0, at), ...SMALL_SEARCH.slice(at + 4)];
    return [...without.map((word) => (word === 'study.db' ? url : word)), ...more];
  };

  it('of one coordinator and one worker comes to what one machine comes to', {
    timeout: 180_000,
  }, async () => {
    const coordinating = startTacet(search('--trials', '12', '--json'), folder.path);
    // A worker that came before there is a study would end for want of one.
    const database = new URL(url).pathname.slice(1);
    for (;;) {
      const rows = await server.query(database, 'select from tacet.fingerprint').catch(() => []);
      if (rows.length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const args = ['--db', url, '--devices', DEVICE, '--slots', '3', '--exit-when-idle', '1', '--json'];
    const worker = startTacet(['worker', ...args], folder.path);
    const coordinator = await coordinating.finished;
    expect(coordinator).toMatchObject({ code: 0 });
    const alone = await tacet([...SMALL_SEARCH, '--trials', '12'], folder.path);
    expect(alone).toMatchObject({ code: 0 });
    const served = await worker.finished;
    expect(served).toMatchObject({ code: 0 });

    const lines = jsonLines(coordinator.stdout);
    expect(lines.filter(({ kind }) => kind === 'trial')).toHaveLength(12);
    expect(lines.at(-1)).toMatchObject({ kind: 'end', finished: true, counts: { complete: 12 } });
    const kinds = jsonLines(served.stdout).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['serving', 'device', 'trial', 'left', 'idle']));
    expect(kinds.filter((kind) => kind === 'trial')).toHaveLength(12);

    // Looked at, copied to a file, and back to a database.
    const shown = await tacet(['show', 'mnist-stdp', '--db', url, '--trial', '3'], folder.path);
    expect(shown).toMatchObject({ code: 0 });
    const listed = await tacet(['studies', '--json'], folder.path, { TACET_DB: url });
    expect(jsonLines(listed.stdout)).toMatchObject([{ name: 'mnist-stdp', counts: { complete: 12 } }]);
    const copied = await tacet(['copy', 'mnist-stdp', '--db', url, '--to', 'copy.db'], folder.path);
    expect(copied).toMatchObject({ code: 0, stdout: expect.stringContaining('with 12 trials') });
    const both = ['copy.db', 'study.db'].map((name) => resultsOf(join(folder.path, name), 'mnist-stdp'));
    expect(both[0]).toEqual(both[1]);
    const other = server.urlOf(await server.createDatabase());
    await tacet(['copy', 'mnist-stdp', '--db', 'copy.db', '--to', other], folder.path);
    await tacet(['copy', 'mnist-stdp', '--db', other, '--to', 'again.db'], folder.path);
    using first = openSqliteStore(join(folder.path, 'copy.db'));
    using last = openSqliteStore(join(folder.path, 'again.db'));
    expect(last.contents('mnist-stdp')).toEqual(first.contents('mnist-stdp'));
    const refused = await tacet(['copy', 'mnist-stdp', '--db', url, '--to', 'copy.db'], folder.path);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing is written over') });

    for (const { stdout, stderr } of [coordinator, served, shown, listed, copied, refused]) {
      expect(stdout + stderr).not.toContain(SECRET);
    }
    const rows = await server.query(
      new URL(url).pathname.slice(1),
      `select string_agg(t::text, ' ') as text from (select * from tacet.worker, tacet.lease) t`,
    );
    expect(String(rows[0]?.text)).not.toContain(SECRET);
  });

  it('is refused what belongs to workers, and a second coordinator', { timeout: 60_000 }, async () => {
    const devices = await tacet(search('--devices', 'native'), folder.path);
    expect(devices).toMatchObject({ code: 2, stderr: expect.stringContaining('give it to tacet worker') });
    const first = startTacet(search('--name', 'contended'), folder.path);
    for (;;) {
      const rows = await server
        .query(new URL(url).pathname.slice(1), 'select who from tacet.lease')
        .catch(() => []);
      if (rows.length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const second = await tacet(search('--name', 'contended'), folder.path);
    expect(second).toMatchObject({ code: 2, stderr: expect.stringMatching(/is run by process \d+ on/) });
    expect(second.stderr).toMatch(/^Waiting for some seconds: process \d+ on/m);
    first.child.kill('SIGINT');
    expect(await first.finished).toMatchObject({ code: 130 });
  });

  it('says once that the server is not there', async () => {
    const { code, stderr } = await tacet(
      ['worker', '--devices', DEVICE, '--db', `postgres://me:${SECRET}@127.0.0.1:1/none`],
      folder.path,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("tacet: postgres://127.0.0.1:1/none can't be reached");
    expect(stderr).not.toContain(SECRET);
  });
});
