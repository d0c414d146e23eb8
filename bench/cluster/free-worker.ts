/** A worker of a cluster whose trials cost nothing: what is left is what dispatching them costs. */
import { serveStudies } from '../../src/study/cluster/serve.ts';
import { openPostgres } from '../../src/study/postgres.ts';
import { ThreadSession } from '../../src/study/session.ts';
import { madeUpDevices } from '../../test/study/disturbed-runs.ts';

const { url, slots } = JSON.parse(process.argv[2] ?? '') as { readonly url: string; readonly slots: number };
await using database = await openPostgres(url);
process.send?.('open');
await serveStudies(database, {
  devices: madeUpDevices(1),
  slots,
  exitAfterIdleMs: 5_000,
  startSession: (setup, listener) => {
    return new ThreadSession(new URL('../overhead/worker.ts', import.meta.url), { setup }, listener);
  },
  onEvent: ({ kind }) => {
    if (kind === 'ready') process.send?.('ready');
  },
});
process.disconnect?.();
