/** Where a server of the command listens, and how it begins and ends. */
import type { Server } from 'node:http';
import { UsageError } from './errors.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** A server that listens. */
export interface ListeningServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Reads `PORT` or `ADDRESS:PORT`; without an address only this machine is served. Port 0 is any that is free.
 *
 * @throws {UsageError}
 */
export function parseAddress(option: string, example: number): (text: string) => ListenAddress {
  return (text) => {
    const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
    const port = Number(digits);
    if (digits === '' || port > 65_535) {
      throw new UsageError(
        `${option} ${text} is no place to listen at: give a port such as ${example}, or an address and a port such as 0.0.0.0:${example}`,
      );
    }
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port };
  };
}

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/**
 * Begins to listen. Disposing ends all connections.
 *
 * @param path of the URL that is told, without a slash before it
 * @throws {UsageError} when it can't listen there
 */
export async function listenAt(
  server: Server,
  { host, port }: ListenAddress,
  option: string,
  path = '',
): Promise<ListeningServer> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'the port is taken' : cause.message;
      reject(new UsageError(`${option}: can't listen at ${host}:${port} (${why}): give another`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const taken = typeof address === 'object' && address ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}/${path}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
