/** A PostgreSQL server of its own for a test, in a folder of its own, as a user who is not root. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const USER = 'tacet';
/** PostgreSQL refuses to run as root: then it runs as nobody. */
const NOBODY = 65_534;
/** CI sets this: there a server that is missing is a failure and nothing to skip. */
const REQUIRED = process.env.TACET_TEST_POSTGRES === 'required';

/** The folder of PostgreSQL's programs: Debian keeps them out of the path. */
function findPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  return folders.find((folder) => {
    const programs = ['initdb', 'postgres'].map((name) => join(folder, name));
    return (
      programs.every((program) => existsSync(program)) && spawnSync(programs[1] ?? '', ['-V']).status === 0
    );
  });
}

const PROGRAMS = findPrograms();

/** Why tests with PostgreSQL are skipped; undefined where they run. */
export const NO_POSTGRES: string | undefined =
  PROGRAMS === undefined && !REQUIRED
    ? 'PostgreSQL is not installed (Debian: apt-get install postgresql)'
    : undefined;

export interface TemporaryPostgres extends AsyncDisposable {
  readonly port: number;
  readonly serverProcess: number;
  /** Makes an empty database. */
  createDatabase(): Promise<string>;
  /** The address of a database; through another port when one is given. */
  urlOf(database: string, port?: number): string;
  /** Ends the server, at once (as a crash does) or after the connections' current queries, and starts it again. */
  restart(mode: 'immediate' | 'fast'): Promise<void>;
  /** Runs SQL as the server's owner. */
  query(database: string, sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

/**
 * Starts a server.
 *
 * @param durable whether it waits for the disk; a process that ends by force loses nothing without
 * @param settings more of postgresql.conf
 */
export async function startPostgres({
  durable = false,
  settings = {},
}: {
  readonly durable?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
} = {}): Promise<TemporaryPostgres> {
  if (PROGRAMS === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const folder = mkdtempSync(join(tmpdir(), 'tacet-postgres-'));
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
  const data = join(folder, 'data');
  const init = ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
  execFileSync(join(PROGRAMS, 'initdb'), init, { ...owner, stdio: 'pipe', cwd: folder });
  const port = await freePort();
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    max_connections: '200',
    ...(durable ? {} : { fsync: 'off' }),
    ...settings,
  };
  const lines = Object.entries(all).map(([key, value]) => `${key} = '${value}'\n`);
  writeFileSync(join(data, 'postgresql.auto.conf'), lines.join(''));
  if (isRoot) chownSync(join(data, 'postgresql.auto.conf'), NOBODY, NOBODY);

  const urlOf = (database: string, at = port) => `postgres://${USER}@127.0.0.1:${at}/${database}`;
  let server: ChildProcess;
  let log = '';
  async function start(): Promise<void> {
    server = spawn(join(PROGRAMS as string, 'postgres'), ['-D', data], {
      ...owner,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000);
    });
    for (;;) {
      if (server.exitCode !== null) throw new Error(`PostgreSQL ended: ${log}`);
      const client = new pg.Client({ connectionString: urlOf('postgres') });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.end();
        return;
      } catch {
        await sleep(25);
      }
    }
  }
  /** SIGQUIT leaves at once and repairs at the next start; SIGINT ends connections first. */
  async function end(signal: 'SIGQUIT' | 'SIGINT'): Promise<void> {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  }
  async function query(database: string, sql: string, values: readonly unknown[] = []) {
    const client = new pg.Client({ connectionString: urlOf(database) });
    await client.connect();
    try {
      return (await client.query(sql, [...values])).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }
  await start();
  let databases = 0;
  return {
    port,
    get serverProcess() {
      return server.pid as number;
    },
    urlOf,
    query,
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      await query('postgres', `create database ${name}`);
      return name;
    },
    async restart(mode) {
      await end(mode === 'immediate' ? 'SIGQUIT' : 'SIGINT');
      await start();
    },
    async [Symbol.asyncDispose]() {
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
