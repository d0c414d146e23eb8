import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStore, type PostgresStore } from '../../src/study/postgres-store.ts';
import { StudyError } from '../../src/study/store.ts';
import { fullOutcome, SPEC, startedTrial, testStore } from './store-suite.ts';
import { NO_POSTGRES, startPostgres, type TemporaryPostgres } from './temporary-postgres.ts';

const IMPATIENT = { lastMs: 5_000, renewMs: 250 };

describe.skipIf(NO_POSTGRES)(`PostgreSQL${NO_POSTGRES ? `: ${NO_POSTGRES}` : ''}`, () => {
  let server: TemporaryPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  testStore('PostgreSQL store', async () => {
    const url = server.urlOf(await server.createDatabase());
    return { open: () => openPostgresStore(url), remove: () => {} };
  });

  async function refusal(work: () => Promise<unknown>): Promise<StudyError> {
    try {
      await work();
    } catch (error) {
      expect(error).toBeInstanceOf(StudyError);
      return error as StudyError;
    }
    throw new Error('nothing was refused');
  }

  describe('opening', () => {
    it('makes the tables once, however many open it at the same time', async () => {
      const url = server.urlOf(await server.createDatabase());
      const stores = await Promise.all(Array.from({ length: 5 }, () => openPostgresStore(url)));
      expect(await Promise.all(stores.map((store) => store.studies()))).toEqual([[], [], [], [], []]);
      for (const store of stores) await store[Symbol.asyncDispose]();
    });

    it('does not make tables only to read', async () => {
      const name = await server.createDatabase();
      const error = await refusal(() => openPostgresStore(server.urlOf(name), { create: false }));
      expect(error.code).toBe('bad-store');
      expect(error.message).toContain('has no store: tacet search makes one');
      const schemas = await server.query(name, `select to_regclass('tacet.study') as made`);
      expect(schemas).toEqual([{ made: null }]);
    });

    it('refuses a store of a later version', async () => {
      const name = await server.createDatabase();
      await (await openPostgresStore(server.urlOf(name)))[Symbol.asyncDispose]();
      await server.query(name, 'update tacet.version set number = 99');
      const error = await refusal(() => openPostgresStore(server.urlOf(name)));
      expect(error.message).toContain('later version of Tacet');
    });

    it('says what is wrong without the password', async () => {
      const secret = 'hunter2%40x';
      const wrong: [string, string, RegExp][] = [
        [`postgres://me:${secret}@127.0.0.1:1/none`, 'offline', /127\.0\.0\.1:1\/none can't be reached/],
        [`postgres://tacet:${secret}@127.0.0.1:${server.port}/none`, 'bad-store', /not have that database/],
        [`postgres://me:${secret}@127.0.0.1:${server.port}/postgres`, 'bad-store', /refuses the user/],
        [`postgres://me:${secret}@[::1/none`, 'bad-store', /is malformed/],
      ];
      for (const [url, code, message] of wrong) {
        const error = await refusal(() => openPostgresStore(url));
        expect(error.code).toBe(code);
        expect(error.message).toMatch(message);
        for (const text of [error.message, JSON.stringify(error)]) expect(text).not.toMatch(/hunter2/);
      }
    });
  });

  describe('a lease', () => {
    let url: string;
    let one: PostgresStore;
    let other: PostgresStore;
    beforeAll(async () => {
      url = server.urlOf(await server.createDatabase());
      one = await openPostgresStore(url, { lease: IMPATIENT });
      other = await openPostgresStore(url, { lease: IMPATIENT });
      await one.openStudy(SPEC);
    });
    afterAll(async () => {
      await one?.[Symbol.asyncDispose]();
      await other?.[Symbol.asyncDispose]();
    });

    it('is refused while its holder lives, and given when it is given back', async () => {
      const claim = await one.claim('first');
      const error = await refusal(() => other.claim('first'));
      expect(error.code).toBe('conflict');
      expect(error.message).toMatch(/is run by process \d+ on /);
      const begun = await refusal(() => other.begin('first', [startedTrial(0)], null));
      expect(begun.code).toBe('conflict');
      await one.begin('first', [startedTrial(0)], null);
      const finished = await refusal(() =>
        other.finish('first', [{ number: 0, outcome: fullOutcome(1) }], null),
      );
      expect(finished.code).toBe('conflict');
      await claim[Symbol.asyncDispose]();
      const next = await other.claim('first');
      await other.finish('first', [{ number: 0, outcome: fullOutcome(1) }], null);
      await next[Symbol.asyncDispose]();
    });

    it('runs out when its holder is not heard of, who then can write nothing more', async () => {
      // One that says nothing for an hour, as if its machine had stopped.
      const mute = await openPostgresStore(url, { lease: { lastMs: 300, renewMs: 3_600_000 } });
      await mute.claim('first');
      const next = await other.claim('first');
      const late = await refusal(() => mute.begin('first', [startedTrial(1)], null));
      expect(late.code).toBe('conflict');
      await other.begin('first', [startedTrial(1)], null);
      await next[Symbol.asyncDispose]();
      await mute[Symbol.asyncDispose]();
    });

    it('tells its holder when it is lost', async () => {
      await using claim = await one.claim('first');
      const lost = new Promise((resolve) => claim.lost.addEventListener('abort', resolve));
      await server.query(
        new URL(url).pathname.slice(1),
        `update tacet.lease set holder = gen_random_uuid(), expires_at = now() + interval '1 hour'`,
      );
      await lost;
      expect(() => claim.lost.throwIfAborted()).toThrow(/is run by somebody else now/);
    });
  });
});
