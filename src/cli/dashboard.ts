/** `tacet dashboard`: the studies of a store as a live page. */
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { Command, Option } from 'commander';
import { dashboardServer } from '../report/dashboard-server.ts';
import { pageBundle } from '../report/page-bundle.ts';
import { openStore } from '../study/open-store.ts';
import { listenForInterrupt } from './interrupt.ts';
import { printJson } from './json-lines.ts';
import { isLoopback, type ListenAddress, listenAt, parseAddress } from './listen.ts';
import { jsonOption, storeOption } from './options.ts';

const EXAMPLES = `
Examples:
  tacet dashboard
  tacet dashboard --db full.db --listen 8080

It follows searches of other processes that write to the store, and only reads it itself. Ctrl-C ends it.
Without an address before the port only this machine is served: there is no password.`;

interface DashboardOptions {
  readonly db: string;
  readonly listen: ListenAddress;
  readonly json?: boolean;
}

export function dashboardCommand(): Command {
  return new Command('dashboard')
    .description('show the studies of a store as a live page in a browser')
    .addOption(storeOption())
    .addOption(
      new Option('--listen <port|address:port>', 'where to serve it; port 0 is any that is free')
        .argParser(parseAddress('--listen', 8383))
        .default({ host: '127.0.0.1', port: 8383 }, '127.0.0.1:8383'),
    )
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(dashboard);
}

async function dashboard({ db, listen, json = false }: DashboardOptions): Promise<void> {
  await using store = await openStore(db, { create: false });
  // A search on the same machine goes first.
  setPriority(constants.priority.PRIORITY_LOW);
  const page = await pageBundle();
  const loopbackOnly = isLoopback(listen.host);
  await using server = await listenAt(dashboardServer(store, { page, loopbackOnly }), listen, '--listen');
  if (json) printJson({ kind: 'dashboard', url: server.url, store: store.location });
  else process.stdout.write(`${server.url} shows ${store.location}. Ctrl-C ends it.\n`);
  using interruption = listenForInterrupt({ first: () => {}, second: () => {} });
  if (!interruption.stop.aborted) await once(interruption.stop, 'abort');
}
