/** `tacet prune compare` with a database: workers run its trials, and it comes to what it comes to on one machine. */
import { afterAll, describe, expect, it } from 'vitest';
import { NO_POSTGRES, startPostgres } from '../study/temporary-postgres.ts';
import { DEVICE, jsonLines, startTacet, tacet, temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

describe.skipIf(NO_POSTGRES !== undefined)('tacet prune compare with workers', () => {
  it('comes to the same as alone', async () => {
    await using server = await startPostgres({});
    const url = server.urlOf(await server.createDatabase());
    const work = [
      '--size',
      '50',
      '--train',
      '200',
      '--tasks',
      'lorenz',
      '--methods',
      'random',
      '--seeds',
      '1',
    ];
    const compare = ['prune', 'compare', ...work, '--json'];
    const worker = startTacet(
      ['worker', '--db', url, '--devices', DEVICE, '--exit-when-idle', '2'],
      folder.path,
    );
    const run = await tacet([...compare, '--db', url], folder.path);
    expect(run.code, run.stderr).toBe(0);
    const alone = await tacet([...compare, '--db', 'alone.db', '--devices', DEVICE], folder.path);
    const recordsOf = (stdout: string) =>
      jsonLines(stdout).map((line) => ({ ...(line as { method: string }), pruningSeconds: 0 }));
    expect(recordsOf(run.stdout)).toEqual(recordsOf(alone.stdout));
    expect(recordsOf(run.stdout).map(({ method }) => method)).toEqual(['dense', 'dense-half-read', 'random']);
    await worker.finished;
  });
});
