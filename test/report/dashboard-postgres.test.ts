/** The dashboard over a database: what its events tell is what the store holds, and follows it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StudyData } from '../../src/report/figures/study-data.ts';
import { merged } from '../../src/report/page/live.ts';
import { copyStudy } from '../../src/study/copy-study.ts';
import { openPostgresStore } from '../../src/study/postgres-store.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { jsonLines, startTacet, temporaryFolder } from '../cli/tacet.ts';
import { NO_POSTGRES, startPostgres, type TemporaryPostgres } from '../study/temporary-postgres.ts';
import { addTrials } from './studies.ts';

interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

/** The events of a stream, as they come. */
async function* eventsOf(url: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const { body } = await fetch(url, { signal });
  if (body === null) throw new Error(`${url} answered nothing`);
  let text = '';
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const match = /^event: (.+)\ndata: (.+)$/.exec(text.slice(0, end));
      text = text.slice(end + 2);
      if (match) yield { event: match[1] as string, data: JSON.parse(match[2] as string) };
    }
  }
}

describe.skipIf(NO_POSTGRES)(`the dashboard over PostgreSQL${NO_POSTGRES ? `: ${NO_POSTGRES}` : ''}`, () => {
  const folder = temporaryFolder();
  let server: TemporaryPostgres;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    url = server.urlOf(await server.createDatabase());
  }, 60_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    folder.remove();
  });

  it('shows a study of the database, and then what ends in it', { timeout: 60_000 }, async () => {
    const file = join(folder.path, 'from.db');
    addTrials(file, 'far', 0, 50);
    await using store = await openPostgresStore(url);
    {
      using from = openSqliteStore(file);
      await copyStudy('far', from, store);
    }
    const dashboard = startTacet(['dashboard', '--db', url, '--listen', '0', '--json'], folder.path);
    const reading = new AbortController();
    try {
      for (; !dashboard.stdout().includes('\n'); ) await new Promise((wake) => setTimeout(wake, 50));
      const [{ url: page } = {}] = jsonLines(dashboard.stdout());
      const events = eventsOf(`${page}events?study=far`, reading.signal);
      const next = async (event: string): Promise<unknown> => {
        for (;;) {
          const { value, done } = await events.next();
          if (done) throw new Error(`the stream ended before ${event}`);
          if (value.event === event) return value.data;
        }
      };
      expect(await next('studies')).toMatchObject([{ name: 'far', ended: 50 }]);
      const first = (await next('study')) as StudyData;
      const asJson = async () => JSON.parse(JSON.stringify(await store.trials('far'))) as unknown;
      expect(first.trials).toEqual(await asJson());

      const running = first.trials.find(({ state }) => state === 'running');
      const outcome = first.trials[0]?.outcome;
      if (running === undefined || outcome === undefined) throw new Error('the study has neither');
      await store.finish('far', [{ number: running.number, outcome }], null);
      const change = (await next('change')) as Parameters<typeof merged>[1];
      expect(change.trials.map(({ number }) => number)).toEqual([running.number]);
      expect(merged(first, change).trials).toEqual(await asJson());
    } finally {
      reading.abort();
      dashboard.child.kill('SIGINT');
    }
    expect((await dashboard.finished).code).toBe(0);
  });
});
