import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { madeUpDevices, resultsOf, runDisturbed, smallStudy } from '../disturbed-runs.ts';
import { NO_POSTGRES, startPostgres, type TemporaryPostgres } from '../temporary-postgres.ts';
import { CLUSTER_FAULTS, runCluster } from './disturbed-cluster.ts';

describe.skipIf(NO_POSTGRES)(`a study on a cluster${NO_POSTGRES ? `: ${NO_POSTGRES}` : ''}`, () => {
  let server: TemporaryPostgres;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tacet-cluster-'));
    server = await startPostgres({ durable: true });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it('comes to what an undisturbed run on one machine comes to, after every kind of fault', {
    timeout: 400_000,
  }, async () => {
    const spec = smallStudy({
      name: 'study',
      trials: 160,
      optimizer: 'scbo',
      initial: 145,
      deterministic: 24,
    });
    const calm = { spec, store: join(folder, 'calm.db'), devices: madeUpDevices(2), slots: 4, chunk: 8 };
    await runDisturbed({ ...calm, madeUp: { chunkMs: 1 } });
    const disturbed = await runCluster({
      server,
      spec,
      workers: 3,
      slots: 4,
      chunkMs: 60,
      faults: CLUSTER_FAULTS,
      frozenMs: 18_000,
    });
    expect(disturbed.results).toEqual(resultsOf(calm.store, 'study'));
    expect(disturbed.finishOrders).toEqual(Array.from({ length: 160 }, (_, i) => i));
    expect(disturbed.leftOver).toBe(0);
    // The killed worker's trials, and those of the frozen one, were run again.
    expect(disturbed.again).toBeGreaterThan(0);
  });
});
