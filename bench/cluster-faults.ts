/**
 * Faults in a cluster: many short trials over several worker processes, each behind a link that can be cut, against a run
 * on one machine to which nothing happens. Fails unless every trial is recorded once and comes to the same.
 *
 *     node bench/cluster-faults.ts [--trials 2000] [--workers 4] [--faults 35]
 *
 * Needs PostgreSQL (Debian: apt-get install postgresql), of which it starts a server of its own.
 */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CLUSTER_FAULTS, type ClusterFault, runCluster } from '../test/study/cluster/disturbed-cluster.ts';
import { madeUpDevices, resultsOf, runDisturbed, smallStudy } from '../test/study/disturbed-runs.ts';
import { startPostgres } from '../test/study/temporary-postgres.ts';

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '2000' },
    workers: { type: 'string', default: '4' },
    faults: { type: 'string', default: '35' },
  },
});
const trials = Number(values.trials);
const spec = smallStudy({ name: 'study', trials, deterministic: 64 });
const folder = mkdtempSync(join(tmpdir(), 'tacet-cluster-'));
try {
  const calm = { spec, store: join(folder, 'calm.db'), devices: madeUpDevices(2), slots: 16, chunk: 8 };
  await runDisturbed({ ...calm, madeUp: { chunkMs: 1 } });
  await using server = await startPostgres({ durable: true });
  const faults = Array.from({ length: Number(values.faults) }, (_, index): ClusterFault => {
    return CLUSTER_FAULTS[index % CLUSTER_FAULTS.length] as ClusterFault;
  });
  const { results, happened, refused, again, leftOver, finishOrders, seconds } = await runCluster({
    server,
    spec,
    workers: Number(values.workers),
    slots: 4,
    chunkMs: 50,
    faults,
    frozenMs: 18_000,
    say: (text) => process.stderr.write(`${text}\n`),
  });
  deepStrictEqual(results, resultsOf(calm.store, 'study'));
  deepStrictEqual(
    finishOrders,
    Array.from({ length: trials }, (_, i) => i),
  );
  strictEqual(leftOver, 0);
  const list = Object.entries(happened).map(([fault, times]) => `${times} x ${fault}`);
  process.stdout.write(
    `${trials} trials over ${values.workers} workers in ${seconds.toFixed(0)} s with ${faults.length} faults (${list.join(', ')}): each recorded once, all results those of an undisturbed run. Handed out again: ${again}; outcomes refused: ${refused}.\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
