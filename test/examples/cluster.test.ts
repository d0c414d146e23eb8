import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { createProgram } from '../../src/cli/main.ts';
import { coordinate } from '../../src/study/cluster/coordinator.ts';
import { serveStudies } from '../../src/study/cluster/serve.ts';
import { openPostgres } from '../../src/study/postgres.ts';
import { openPostgresStore } from '../../src/study/postgres-store.ts';
import { ThreadSession } from '../../src/study/session.ts';
import { madeUpDevices, smallStudy } from '../study/disturbed-runs.ts';
import { NO_POSTGRES, startPostgres, type TemporaryPostgres } from '../study/temporary-postgres.ts';

const FOLDER = new URL('../../examples/cluster/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8');

/** Parses the arguments of `tacet` without running it; what it does not know throws. */
async function understood(args: readonly string[]): Promise<string | undefined> {
  const program = createProgram();
  let command: string | undefined;
  for (const one of program.commands) {
    one.action(() => {
      command = one.name();
    });
  }
  await program.parseAsync(['node', 'tacet', ...args]);
  return command;
}

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

describe('the example for Kubernetes', () => {
  const documents = parseAllDocuments(read('kubernetes.yaml'));

  it('is two jobs whose commands tacet knows', async () => {
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    const commands: (string | undefined)[] = [];
    for (const document of documents) {
      const job = document.toJS();
      expect(job).toMatchObject({ apiVersion: 'batch/v1', kind: 'Job' });
      // A pod of a job is never restarted by `Always`, the default, which the server refuses.
      expect(job.spec.template.spec.restartPolicy).toBe('OnFailure');
      for (const { args, env } of job.spec.template.spec.containers as Container[]) {
        commands.push(await understood(args));
        // From a secret, and not written into the manifest.
        expect(env.find(({ name }) => name === 'TACET_DB')).not.toHaveProperty('value');
      }
    }
    expect(commands).toEqual(['search', 'worker']);
  });
});

describe('the example for Docker', () => {
  it('has commands that tacet knows, and volumes and secrets that are there', async () => {
    const { services, secrets, volumes } = parse(read('docker-compose.yaml'), { merge: true });
    expect(await understood(services.search.command)).toBe('search');
    expect(await understood(services.worker.command)).toBe('worker');
    for (const service of [services.db, services.search, services.worker]) {
      for (const secret of service.secrets) expect(secrets).toHaveProperty(secret);
    }
    expect(volumes).toHaveProperty(services.db.volumes[0].split(':')[0]);
    expect(read('Dockerfile')).toContain(
      services.search.build.dockerfile.replace('Dockerfile', 'entrypoint.sh'),
    );
  });

  it('starts tacet with the password from a file', () => {
    const path = fileURLToPath(new URL('entrypoint.sh', FOLDER));
    execFileSync('sh', ['-n', path]);
    const shown = read('entrypoint.sh').replace(/^exec .*/m, 'printf %s "$PGPASSWORD $*"');
    const output = execFileSync('sh', ['-c', shown, 'entrypoint.sh', 'search', 'a b'], {
      encoding: 'utf8',
      env: { ...process.env, TACET_DB_PASSWORD_FILE: fileURLToPath(new URL('roles.sql', FOLDER)) },
    });
    expect(output).toBe(`${read('roles.sql').trimEnd()} search a b`);
  });
});

describe('the example for Slurm', () => {
  const script = read('worker.sbatch');

  it('is a script with options of sbatch before its first command', () => {
    execFileSync('bash', ['-n', fileURLToPath(new URL('worker.sbatch', FOLDER))]);
    const lines = script.split('\n');
    expect(lines[0]).toBe('#!/bin/bash');
    const first = lines.findIndex((line) => line !== '' && !line.startsWith('#'));
    const last = lines.findLastIndex((line) => line.startsWith('#SBATCH'));
    expect(first).toBeGreaterThan(last);
  });

  it('runs a command that tacet knows, and says when it has no database', async () => {
    const [, args = ''] = /tacet (worker .*)$/m.exec(script) ?? [];
    expect(await understood(args.split(' '))).toBe('worker');
    const run = () => {
      const { TACET_DB: _, ...env } = process.env;
      execFileSync('bash', [fileURLToPath(new URL('worker.sbatch', FOLDER))], { env, stdio: 'pipe' });
    };
    expect(run).toThrow(/give the address of the database/);
  });
});

describe.skipIf(NO_POSTGRES)(`the roles in SQL${NO_POSTGRES ? `: ${NO_POSTGRES}` : ''}`, () => {
  let server: TemporaryPostgres;
  let database: string;
  const as = (user: string) => server.urlOf(database).replace('tacet@', `${user}@`);
  beforeAll(async () => {
    server = await startPostgres();
    database = await server.createDatabase();
    await server.query(database, read('roles.sql'));
    for (const [user, role] of [
      ['boss', 'tacet_coordinator'],
      ['hand', 'tacet_worker'],
      ['eye', 'tacet_reader'],
    ]) {
      await server.query(database, `create role ${user} login in role ${role}`);
      // What a coordinator's user makes belongs to the role, so that another one may coordinate too.
      await server.query(database, `alter role ${user} set role ${role}`);
    }
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  it('let coordinators coordinate, workers work, readers read, and no more', async () => {
    const spec = smallStudy({ name: 'study', trials: 6 });
    await using store = await openPostgresStore(as('boss'));
    await server.query(database, read('roles-after-first-search.sql'));
    const over = new AbortController();
    const coordination = coordinate(spec, store).finally(() => over.abort());
    const work = async () => {
      await using worker = await openPostgres(as('hand'));
      await serveStudies(worker, {
        devices: madeUpDevices(1),
        slots: 2,
        stop: over.signal,
        startSession: (setup, listener) => {
          const task = { setup, madeUp: { chunkMs: 1, startMs: 0 } };
          return new ThreadSession(
            new URL('../study/fixtures/faulty-worker.ts', import.meta.url),
            task,
            listener,
          );
        },
      });
    };
    await Promise.all([coordination, work()]);
    expect(await coordination).toBe(true);

    await using reader = await openPostgresStore(as('eye'), { create: false });
    expect((await reader.study('study')).counts.complete).toBe(6);
    const refused: [string, string][] = [
      ['eye', `update tacet.study set trials = 1`],
      ['eye', 'select from tacet_queue.job'],
      ['hand', `update tacet.trial set objective = 1`],
      ['hand', `delete from tacet.delivery`],
      ['hand', `insert into tacet.study (name) values ('mine')`],
      ['hand', 'update tacet.lease set expires_at = now()'],
      ['hand', 'drop table tacet_queue.job'],
      ['hand', 'create table tacet.mine ()'],
    ];
    for (const [user, sql] of refused) {
      await using connection = await openPostgres(as(user));
      await expect(connection.query(sql)).rejects.toThrow(/permission denied|must be owner/);
    }
  });
});
