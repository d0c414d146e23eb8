/**
 * The optimizer against published problems, side by side with BoTorch's SCBO, and its own speed.
 *
 *     node bench/optimizer.ts [--quick] [--seeds 10] [--results FOLDER] [--peers [--python FILE]]
 *       [--only bars,async,ablations,time]
 *
 * Runs are spread over two processes; each is kept as a file in the results folder (`bench/results/optimizer`
 * unless given), so a stopped bench goes on where it stood. `--peers` makes a virtual environment there and runs
 * `bench/peers/botorch_scbo.py` for the same problems, budgets, batches and number of seeds. Whatever runs are in the
 * folder are then put together in `docs/optimizer.json` and in the tables of `docs/optimizer.md`. Run on an otherwise
 * idle machine for the times; the values do not depend on it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { timeAsks } from './optimizer/ask-times.ts';
import { runPeers } from './optimizer/peers.ts';
import { type Job, jobsOf, SLOW } from './optimizer/plan.ts';
import { runAll, serveJobs } from './optimizer/runs.ts';
import { asyncTable, barsTable, render, timeTable } from './optimizer/tables.ts';

const RESULTS = fileURLToPath(new URL('./results/optimizer', import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      seeds: { type: 'string', default: '10' },
      results: { type: 'string', default: RESULTS },
      only: { type: 'string', default: 'bars,async,ablations,time' },
      peers: { type: 'boolean', default: false },
      child: { type: 'boolean', default: false },
      python: { type: 'string' },
    },
  });
  if (values.child) {
    serveJobs();
    return;
  }
  const folder = values.quick ? `${values.results}-quick` : values.results;
  mkdirSync(folder, { recursive: true });
  const seeds = values.quick ? 1 : Number(values.seeds);
  const parts = values.only.split(',');
  const jobs = parts
    .flatMap((part) => jobsOf(part, seeds))
    .filter(({ problem }) => !values.quick || !SLOW.includes(problem));
  if (parts.includes('time')) {
    const times = await timeAsks(values.quick ? 300 : 1000);
    writeFileSync(join(folder, 'ask-times.json'), JSON.stringify(times));
    console.log(`\n${timeTable(times)}\n`);
  }
  const last = (job: Job) => Number(SLOW.includes(job.problem));
  await runAll(
    jobs.toSorted((a, b) => last(a) - last(b)),
    folder,
  );
  if (values.peers) runPeers(folder, seeds, values.python);
  if (values.quick) console.log(`\n${barsTable(folder)}\n\n${asyncTable(folder)}`);
  else render(folder);
}

await main();
