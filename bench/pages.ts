/**
 * Reports and the dashboard with 2,000 trials: how large a report is and how soon it is open, what the live page costs
 * at five updates a second, and what it takes from a search on the same machine. The browser is a headless Chromium
 * that draws by software, so its cost is an upper bound.
 *
 *   node bench/pages.ts
 *   node bench/pages.ts --only live
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { collectStudy } from '../src/report/collect.ts';
import { reportHtml } from '../src/report/html.ts';
import { pageBundle } from '../src/report/page-bundle.ts';
import { openSqliteStore } from '../src/study/sqlite-store.ts';
import { Browser } from '../test/report/browser.ts';
import { addTrials } from '../test/report/studies.ts';
import { median } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    trials: { type: 'string', default: '2000' },
    repetitions: { type: 'string', default: '5' },
    'search-trials': { type: 'string', default: '60' },
  },
});
const trials = Number(options.trials);
const repetitions = Number(options.repetitions);
const BIN = fileURLToPath(new URL('../bin/tacet.js', import.meta.url));
/** Clock ticks a second in /proc. */
const TICKS = 100;
const LIVE_SECONDS = 20;

const folder = mkdtempSync(join(tmpdir(), 'tacet-pages-'));
const store = join(folder, 'pages.db');
addTrials(store, 'many', 0, trials);
const wanted = (part: string) => options.only === undefined || options.only === part;
try {
  if (wanted('report')) await report();
  if (wanted('live')) await live();
  if (wanted('search')) await search();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function startBrowser(): Promise<Browser> {
  const browser = await Browser.start();
  if (typeof browser === 'string') throw new Error(browser);
  await browser.resize(1400, 1000);
  return browser;
}

async function report(): Promise<void> {
  const bundle = await pageBundle();
  using opened = openSqliteStore(store);
  const started = performance.now();
  const html = reportHtml(await collectStudy(opened, 'many'), bundle);
  const file = join(folder, 'report.html');
  writeFileSync(file, html);
  const wrote = performance.now() - started;
  await using browser = await startBrowser();
  const times: number[] = [];
  for (let k = 0; k < repetitions; k++) {
    await browser.open('about:blank');
    const from = performance.now();
    await browser.open(pathToFileURL(file).href);
    await browser.until(`document.querySelectorAll('canvas').length >= 4`);
    times.push(performance.now() - from);
  }
  console.log(
    `report of ${trials} trials: ${(Buffer.byteLength(html) / 1e6).toFixed(2)} MB, written in ${wrote.toFixed(0)} ms; from navigation to the figures in view ${spread(times)} ms`,
  );
}

/** Seconds of processor time that a process has used. */
function processorSeconds({ pid }: { readonly pid?: number | undefined }): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

async function startDashboard(db: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [BIN, 'dashboard', '--db', db, '--listen', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve) => {
    child.stdout?.once('data', (data) => resolve(String(data)));
  });
  return { child, url: (JSON.parse(line) as { readonly url: string }).url };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await exit;
}

async function live(): Promise<void> {
  const { child, url } = await startDashboard(store);
  await using browser = await startBrowser();
  await browser.open(`${url}?study=many`);
  await browser.until(`document.querySelectorAll('canvas').length >= 4`);
  await sleep(5_000);
  await browser.value(
    `(() => { window.updates = 0; new MutationObserver(() => window.updates++).observe(document.querySelector('[data-count=ended]'), { characterData: true, childList: true, subtree: true }); })()`,
  );
  const before = [processorSeconds(browser), processorSeconds(child)];
  const from = performance.now();
  let next = trials + 2;
  for (; performance.now() - from < LIVE_SECONDS * 1000; ) {
    const started = performance.now();
    addTrials(store, 'many', next, 1);
    next += 3;
    await sleep(Math.max(0, 200 - (performance.now() - started)));
  }
  const seconds = (performance.now() - from) / 1000;
  const [page = 0, server = 0] = [browser, child].map(
    (one, index) => (processorSeconds(one) - (before[index] as number)) / seconds,
  );
  const rate = (await browser.value<number>('window.updates')) / seconds;
  console.log(
    `live page of ${trials} trials: ${rate.toFixed(1)} updates a second; browser ${(100 * page).toFixed(0)} % of a core, server ${(100 * server).toFixed(1)} %`,
  );
  await ended(child);
}

/** Samples x networks per second of one search. */
async function rateOfSearch(name: string, db: string): Promise<number> {
  const args = [BIN, 'search', 'mnist-stdp', '--name', name, '--db', db, '--json', '--optimizer', 'sobol'];
  // Without silence all searches do the same work; with it, 40 trials are over before a rate can be told.
  const small = [
    'settings.trainSamples=3000',
    'settings.holdOutSamples=1000',
    'settings.excitatoryAlpha=0',
    'settings.inhibitoryAlpha=0',
    'space.epochs=1',
  ];
  const child = spawn(
    process.execPath,
    [...args, '--trials', options['search-trials'], ...small.flatMap((one) => ['--set', one])],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let out = '';
  child.stdout.on('data', (data) => {
    out += String(data);
  });
  await new Promise((resolve) => child.once('exit', resolve));
  const last = out.trim().split('\n').at(-1) ?? '{}';
  return (JSON.parse(last) as { readonly samplesPerSecond: number }).samplesPerSecond;
}

/** Searches alone, with the dashboard's server and a reader elsewhere, and with a browser on this machine. */
async function search(): Promise<void> {
  const db = join(folder, 'search.db');
  await rateOfSearch('warm-up', db);
  const rates: Record<string, number[]> = { alone: [], 'with a reader': [], 'with a browser here': [] };
  const { child, url } = await startDashboard(db);
  for (let k = 0; k < repetitions; k++) {
    const name = `search-${k}`;
    rates.alone?.push(await rateOfSearch(`${name}-alone`, db));
    const reading = new AbortController();
    const followed = `${name}-read`;
    // Told of the study once it is there.
    void read(`${url}events?study=${followed}`, reading.signal);
    rates['with a reader']?.push(await rateOfSearch(followed, db));
    reading.abort();
    await using browser = await startBrowser();
    const shown = `${name}-shown`;
    await browser.open(`${url}?study=${shown}`);
    rates['with a browser here']?.push(await rateOfSearch(shown, db));
  }
  const alone = median(rates.alone ?? []);
  for (const [what, list] of Object.entries(rates)) {
    console.log(
      `search ${what}: ${spread(list)} samples x networks per second, ${(100 * (median(list) / alone - 1)).toFixed(1)} %`,
    );
  }
  await ended(child);
}

/** Takes in a stream of events as a page elsewhere would. */
async function read(url: string, signal: AbortSignal): Promise<void> {
  try {
    const { body } = await fetch(url, { signal });
    for await (const _ of body ?? []);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return `${median(values).toFixed(0)} [${sorted[0]?.toFixed(0)} .. ${sorted.at(-1)?.toFixed(0)}]`;
}
