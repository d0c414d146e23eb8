/** A study on a cluster of processes to which faults happen, and what it comes to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openPostgresStore } from '../../../src/study/postgres-store.ts';
import type { StudySpec } from '../../../src/study/store.ts';
import { resultOf } from '../disturbed-runs.ts';
import type { CoordinatorTask } from '../fixtures/cluster-coordinator.ts';
import type { ClusterWorkerTask } from '../fixtures/cluster-worker.ts';
import type { TemporaryPostgres } from '../temporary-postgres.ts';
import { EventProcess, Link } from './processes.ts';

export const CLUSTER_FAULTS = [
  'kill a worker',
  'cut a link',
  'kill the coordinator',
  'freeze a worker',
  'crash PostgreSQL',
  "cut the coordinator's link",
  'restart PostgreSQL',
] as const;
export type ClusterFault = (typeof CLUSTER_FAULTS)[number];

export interface ClusterRun {
  readonly server: TemporaryPostgres;
  readonly spec: StudySpec;
  readonly workers: number;
  readonly slots: number;
  readonly chunkMs: number;
  /** In their order, spread over the study. */
  readonly faults: readonly ClusterFault[];
  /** How long a worker is frozen: longer than its heartbeat, ms. */
  readonly frozenMs: number;
  readonly say?: (text: string) => void;
}

export interface ClusterResult {
  /** Each trial's results without what depends on times and devices. */
  readonly results: readonly object[];
  readonly happened: Readonly<Record<string, number>>;
  /** Outcomes that were refused, as far as the workers that were not killed say. */
  readonly refused: number;
  /** Trials that were handed out again, summed over their times. */
  readonly again: number;
  /** Rows that should be none: outcomes not recorded, jobs not ended. */
  readonly leftOver: number;
  readonly finishOrders: readonly number[];
  readonly seconds: number;
}

interface Seat {
  process: EventProcess;
  readonly link: Link;
  /** Something happens to it already. */
  busy: boolean;
}

export async function runCluster(run: ClusterRun): Promise<ClusterResult> {
  const { server, spec, slots, chunkMs, faults, frozenMs, say = () => {} } = run;
  const database = await server.createDatabase();
  const began = performance.now();
  const startWorker = (link: Link): EventProcess => {
    const task: ClusterWorkerTask = {
      url: server.urlOf(database, link.port),
      timeoutMs: 4_000,
      slots,
      chunkMs,
    };
    return new EventProcess('cluster-worker.ts', task);
  };
  const startCoordinator = (link: Link): EventProcess => {
    const lease = { lastMs: 3_000, renewMs: 800 };
    const task: CoordinatorTask = { url: server.urlOf(database, link.port), spec, timeoutMs: 4_000, lease };
    return new EventProcess('cluster-coordinator.ts', task);
  };
  const seat = async (start: (link: Link) => EventProcess): Promise<Seat> => {
    const link = await Link.to(server.port);
    return { process: start(link), link, busy: false };
  };
  const coordinator = await seat(startCoordinator);
  const workers = await Promise.all(Array.from({ length: run.workers }, () => seat(startWorker)));
  const gone: EventProcess[] = [];
  const happened: Record<string, number> = {};
  const pending: Promise<void>[] = [];

  const ended = async (): Promise<number> => {
    try {
      const rows = await server.query(
        database,
        `select count(*)::int as ended from tacet.trial where finish_order is not null`,
      );
      return Number(rows[0]?.ended);
    } catch {
      return -1;
    }
  };
  /** The next worker that nothing happens to. */
  let turn = 0;
  const free = (): Seat | undefined => {
    for (let tried = 0; tried < workers.length; tried++) {
      const worker = workers[turn++ % workers.length];
      if (worker && !worker.busy) return worker;
    }
    return undefined;
  };
  const after = (of: Seat, milliseconds: number, work: () => void): void => {
    of.busy = true;
    pending.push(
      sleep(milliseconds).then(() => {
        work();
        of.busy = false;
      }),
    );
  };
  const cause: Record<ClusterFault, () => Promise<void> | boolean | void> = {
    'kill a worker': async () => {
      const worker = free();
      if (!worker) return;
      gone.push(worker.process);
      worker.process.kill('SIGKILL');
      await worker.process.ended;
      worker.process = startWorker(worker.link);
    },
    'freeze a worker': () => {
      const worker = free();
      if (!worker) return;
      worker.process.kill('SIGSTOP');
      after(worker, frozenMs, () => worker.process.kill('SIGCONT'));
    },
    'cut a link': () => {
      const worker = free();
      if (!worker) return;
      worker.link.cut();
      after(worker, happened['cut a link'] === undefined ? frozenMs : 3_000, () => worker.link.restore());
    },
    "cut the coordinator's link": () => {
      if (coordinator.busy) return;
      coordinator.link.cut();
      after(coordinator, 2_500, () => coordinator.link.restore());
    },
    'kill the coordinator': async () => {
      gone.push(coordinator.process);
      coordinator.process.kill('SIGKILL');
      await coordinator.process.ended;
      coordinator.process = startCoordinator(coordinator.link);
    },
    'crash PostgreSQL': () => server.restart('immediate'),
    'restart PostgreSQL': () => server.restart('fast'),
  };

  await Promise.all(workers.map((worker) => worker.process.said('ready')));
  for (const [index, fault] of faults.entries()) {
    const due = Math.floor(((index + 0.5) / faults.length) * 0.9 * spec.trials);
    while ((await ended()) < due) await sleep(50);
    say(`${index + 1}/${faults.length} after ${await ended()} trials: ${fault}`);
    await cause[fault]();
    happened[fault] = (happened[fault] ?? 0) + 1;
  }
  await Promise.all(pending);
  await coordinator.process.said('end');
  const codes = [coordinator.process.ended];
  for (const { process } of workers) {
    process.kill('SIGTERM');
    codes.push(process.ended);
  }
  const failures = (await Promise.all(codes)).filter((code) => code !== 0);
  if (failures.length > 0) throw new Error(workers.map(({ process }) => process.stderr).join('\n'));
  for (const { link } of [coordinator, ...workers]) await link[Symbol.asyncDispose]();

  await using store = await openPostgresStore(server.urlOf(database));
  const trials = await store.trials(spec.name, { history: true });
  const sum = async (sql: string) => Number((await server.query(database, sql))[0]?.sum ?? 0);
  const all = [...gone, coordinator.process, ...workers.map(({ process }) => process)];
  return {
    results: trials.map(resultOf),
    happened,
    refused: all
      .flatMap(({ events }) => events.filter(({ kind }) => kind === 'refused'))
      .reduce((count, { trials: refused }) => count + (refused as readonly number[]).length, 0),
    again: await sum('select sum(retry_count) from tacet_queue.job'),
    leftOver: await sum(
      `select (select count(*) from tacet.delivery)
         + (select count(*) from tacet_queue.job where state <> 'completed') as sum`,
    ),
    finishOrders: trials.map(({ finishOrder }) => finishOrder ?? -1).sort((a, b) => a - b),
    seconds: (performance.now() - began) / 1000,
  };
}
