/**
 * What a cluster costs, with a PostgreSQL server of its own on this machine that waits for the disk.
 *
 *     node bench/cluster.ts rates [--trials 4000] [--workers 4] [--slots 16]
 *     node bench/cluster.ts scale
 *     node bench/cluster.ts mnist [--trials 48] [--repetitions 3]
 *
 * `rates`: trials that cost nothing, with outcomes as large as real ones, through one coordinator and worker processes:
 * what is left is dispatching. `scale`: times each call alone, and puts them into a model of up to 1,000 workers. `mnist`:
 * the same search in one process on two native engines, and in two workers with one engine each, in turns.
 *
 * Needs PostgreSQL (Debian: apt-get install postgresql); `mnist` needs taskset (util-linux) and the native engine.
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { coordinate } from '../src/study/cluster/coordinator.ts';
import { TrialQueue } from '../src/study/cluster/trial-queue.ts';
import { openPostgresStore } from '../src/study/postgres-store.ts';
import type { StudySpec } from '../src/study/store.ts';
import type { TrialOutcome } from '../src/study/trial.ts';
import { smallStudy } from '../test/study/disturbed-runs.ts';
import { startPostgres, type TemporaryPostgres } from '../test/study/temporary-postgres.ts';
import { type CallTime, simulateCluster } from './cluster/simulation.ts';
import { median } from './statistics.ts';

const MACHINE = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} threads`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    trials: { type: 'string' },
    workers: { type: 'string', default: '4' },
    slots: { type: 'string', default: '16' },
    repetitions: { type: 'string', default: '3' },
  },
});

/* ---------- rates ---------- */

async function rates(
  server: TemporaryPostgres,
  trials: number,
  workers: number,
  slots: number,
): Promise<void> {
  const url = server.urlOf(await server.createDatabase());
  const file = fileURLToPath(new URL('./cluster/free-worker.ts', import.meta.url));
  const children = Array.from({ length: workers }, () => fork(file, [JSON.stringify({ url, slots })]));
  await Promise.all(children.map((child) => heard(child, 'open')));
  const ready = Promise.all(children.map((child) => heard(child, 'ready')));
  await using store = await openPostgresStore(url);
  const spec: StudySpec = smallStudy({ name: 'rates', trials });
  // From the first end after all workers are there.
  let all = false;
  void ready.then(() => {
    all = true;
  });
  let began = 0;
  let first = 0;
  let ended = 0;
  let processor = process.cpuUsage();
  await coordinate(spec, store, {
    onEvent: ({ kind }) => {
      if (kind !== 'outcome') return;
      ended += 1;
      if (!all || began > 0) return;
      began = performance.now();
      first = ended;
      processor = process.cpuUsage();
    },
  });
  const milliseconds = performance.now() - began;
  const { user, system } = process.cpuUsage(processor);
  const count = ended - first;
  process.stdout.write(
    `${workers} x ${slots} slots, ${count} trials: ${((1000 * count) / milliseconds).toFixed(0)} trials/s, ${(milliseconds / count).toFixed(2)} ms per trial, of which the coordinator computes ${((user + system) / 1000 / count).toFixed(2)} ms\n`,
  );
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
}

function heard(child: ChildProcess, message: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('message', (said) => {
      if (said === message) resolve();
    });
    child.once('exit', () => reject(new Error(`a worker ended before it said ${message}`)));
  });
}

/* ---------- scale ---------- */

const OUTCOME: TrialOutcome = {
  state: 'complete',
  objective: 0.8123456789,
  constraints: [-0.0912345, -0.0987654],
  plainConstraints: [-0.0912345, -0.0987654],
  accuracies: { all: 0.8123456789, vote: 0.8023456789, '2gram': 0.7923456789, '3gram': 0.7823456789 },
  phases: (['train', 'hold-out'] as const).map((phase) => ({
    phase,
    samples: 12_000,
    layers: ['excitatory', 'inhibitory'].map((layer) => ({ layer, spikes: 123_456, silentSamples: 12 })),
    inputSpikes: 1_234_567,
    seconds: 12.3456789,
  })),
  history: Array.from({ length: 40 }, (_, i) => {
    return { phase: 'train', samples: 300 * i, silentShares: [0.0123456, 0.0023456], accuracy: 0.7123456 };
  }),
  seconds: 23.456789,
  device: 'a device that costs nothing',
};

/** Times the calls of coordinator and worker for several numbers of trials; each median is of nine. */
async function callTimes(server: TemporaryPostgres): Promise<Record<'turn' | 'claim' | 'deliver', CallTime>> {
  await using store = await openPostgresStore(server.urlOf(await server.createDatabase()));
  const spec = smallStudy({ name: 'calls', trials: 1 });
  await store.openStudy(spec);
  const study = await store.studyId(spec.name);
  await using queue = await TrialQueue.open(store.database, study, { owner: true });
  store.companion = {
    begun: (sql, _, trials) => queue.send(sql, trials),
    finished: (sql, _, finished) =>
      queue.forget(
        sql,
        finished.map(({ number }) => number),
        [],
      ),
  };
  const points = { turn: [], claim: [], deliver: [] } as Record<string, [number, number][]>;
  let number = 0;
  for (const count of [1, 4, 16, 64]) {
    const times = { turn: [] as number[], claim: [] as number[], deliver: [] as number[] };
    for (let repetition = 0; repetition < 11; repetition++) {
      const trials = Array.from({ length: count }, () => {
        const values = { map_size: 100, nu_pre: 0.00123456789, decoder: 'all' };
        return { number: number++, values, seed: 12_345, proposal: { id: number }, startedAt: Date.now() };
      });
      let turn = await timed(() => store.begin(spec.name, trials, { state: 'x'.repeat(300) }));
      const claimed: Awaited<ReturnType<TrialQueue['claim']>> = [];
      times.claim.push(await timed(async () => claimed.push(...(await queue.claim(count)))));
      times.deliver.push(
        await timed(() => queue.deliver(claimed.map((claim) => ({ claim, outcome: OUTCOME })))),
      );
      turn += await timed(async () => {
        const ended = await queue.deliveries(1000);
        await store.finish(spec.name, ended, { state: 'x'.repeat(300) });
      });
      times.turn.push(turn);
    }
    // The first two warm up.
    for (const [name, list] of Object.entries(times)) points[name]?.push([count, median(list.slice(2))]);
  }
  process.stdout.write(
    `| ms for a call with | 1 | 4 | 16 | 64 trials |\n|---|---|---|---|---|\n${Object.entries(points)
      .map(([name, list]) => `| ${name} | ${list.map(([, ms]) => ms.toFixed(1)).join(' | ')} |\n`)
      .join('')}`,
  );
  return {
    turn: lineOf(points.turn ?? []),
    claim: lineOf(points.claim ?? []),
    deliver: lineOf(points.deliver ?? []),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** The line through the first and the last point. */
function lineOf(points: readonly (readonly [number, number])[]): CallTime {
  const [x0, y0] = points[0] ?? [0, 0];
  const [x1, y1] = points.at(-1) ?? [1, 0];
  const trialMs = Math.max(0, (y1 - y0) / (x1 - x0));
  return { callMs: Math.max(0, y0 - trialMs * x0), trialMs };
}

async function scale(server: TemporaryPostgres): Promise<void> {
  const times = await callTimes(server);
  const lengths = [1, 2, 5, 10, 20, 50, 100, 200].map((seconds) => 1000 * seconds);
  const rows = [1, 10, 100, 1000].map((workers) => {
    const cells = lengths.map((trialMs) => {
      const { occupancy, trialsPerSecond } = simulateCluster({
        ...times,
        workers,
        slots: 16,
        trialMs,
        databaseProcessors: availableParallelism(),
        networkMs: 0.25,
        aheadShare: 1 / 8,
        rounds: workers === 1000 ? 6 : 20,
      });
      return `${(100 * occupancy).toFixed(0)} % (${trialsPerSecond.toFixed(0)}/s)`;
    });
    return `| ${workers} | ${cells.join(' | ')} |`;
  });
  const head = `| workers x 16 slots | ${lengths.map((length) => `${length / 1000} s`).join(' | ')} |`;
  process.stdout.write(
    `\nOccupancy by length of trials:\n\n${head}\n${head.replaceAll(/[^|]+/g, '---')}\n${rows.join('\n')}\n`,
  );
}

/* ---------- mnist ---------- */

const BIN = fileURLToPath(new URL('../bin/tacet.js', import.meta.url));

interface Line {
  readonly at: number;
  readonly line: Record<string, unknown>;
}

/** Runs a command of JSON lines to its end. */
function runTacet(args: readonly string[], { processor }: { readonly processor?: number } = {}) {
  const pinned = processor === undefined ? [] : ['taskset', '-c', String(processor)];
  const [program = '', ...rest] = [...pinned, process.execPath, BIN, ...args, '--json'];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    const parts = (text + part).split('\n');
    text = parts.pop() ?? '';
    lines.push(...parts.map((line) => ({ at: performance.now(), line: JSON.parse(line) as Line['line'] })));
  });
  const ended = new Promise<readonly Line[]>((resolve, reject) => {
    child.on('close', (code) =>
      code === 0 ? resolve(lines) : reject(new Error(`tacet ended with ${code}`)),
    );
  });
  return { lines, ended, pid: child.pid };
}

/** Samples x networks per second from the moment that all devices are ready. */
function throughput(ready: readonly Line[], search: readonly Line[]): number {
  const from = Math.max(...ready.filter(({ line }) => line.kind === 'device').map(({ at }) => at));
  const trials = search.filter(({ line }) => line.kind === 'trial');
  const samples = trials.reduce((sum, { line }) => {
    const phases = (line.phases ?? []) as readonly { readonly samples: number }[];
    return sum + phases.reduce((all, phase) => all + phase.samples, 0);
  }, 0);
  const last = Math.max(...trials.map(({ at }) => at));
  return samples / ((last - from) / 1000);
}

async function mnist(server: TemporaryPostgres, trials: number, repetitions: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-bench-'));
  const study = ['mnist-stdp', '--optimizer', 'sobol', '--trials', String(trials)];
  const settings = [
    'settings.trainSamples=3000',
    'settings.holdOutSamples=1000',
    'space.map_size.high=400',
    'settings.beta=1',
  ];
  const sets = [...settings, 'space.epochs=1'].flatMap((assignment) => ['--set', assignment]);
  const search = ['search', ...study, ...sets];
  const pool: number[] = [];
  const cluster: number[] = [];
  try {
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const db = join(folder, `${repetition}.db`);
      const devices = ['--devices', 'native,native', '--slots', '8'];
      const alone = await runTacet([...search, '--db', db, ...devices]).ended;
      pool.push(throughput(alone, alone));

      const url = server.urlOf(await server.createDatabase());
      const worker = ['worker', '--db', url, '--devices', 'native', '--slots', '8', '--exit-when-idle', '0'];
      const coordinator = runTacet([...search, '--db', url]);
      await sleep(3_000);
      const workers = [0, 1].map((processor) => runTacet(worker, { processor }));
      for (const { pid, lines } of workers) {
        while (!lines.some(({ line }) => line.kind === 'device')) await sleep(20);
        // It has the one thread that its one processor is for; the system may move it as it may those of the pool.
        execFileSync('taskset', ['-a', '-p', '-c', `0-${availableParallelism() - 1}`, String(pid)]);
      }
      const coordinated = await coordinator.ended;
      await Promise.all(workers.map(({ ended }) => ended));
      cluster.push(
        throughput(
          workers.flatMap(({ lines }) => lines),
          coordinated,
        ),
      );
      process.stderr.write(
        `pool ${pool.at(-1)?.toFixed(0)}, cluster ${cluster.at(-1)?.toFixed(0)} samples/s\n`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const [name, of] of [
    ['medians', median],
    ['best', (list: readonly number[]) => Math.max(...list)],
  ] as const) {
    const [one, two] = [of(pool), of(cluster)];
    process.stdout.write(
      `mnist-stdp, ${trials} trials of 4,000 samples, ${name} of ${repetitions}: one process with two native engines ${one.toFixed(0)} samples x networks per second, two workers with one each ${two.toFixed(0)}: ${((100 * two) / one).toFixed(1)} %\n`,
    );
  }
}

/* ---------- */

async function main(): Promise<void> {
  const [what] = positionals;
  process.stdout.write(`${MACHINE}\n`);
  await using server = await startPostgres({ durable: true });
  const { trials, workers, slots, repetitions } = values;
  if (what === 'rates') {
    await rates(server, Number(trials ?? 4000), Number(workers), Number(slots));
    await rates(server, Math.round(Number(trials ?? 4000) / 4), 1, 1);
  } else if (what === 'scale') await scale(server);
  else if (what === 'mnist') await mnist(server, Number(trials ?? 48), Number(repetitions));
  else throw new Error('say what to measure: rates, scale, or mnist');
}

await main();
