/** Reports and the dashboard in a headless browser. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectStudy } from '../../src/report/collect.ts';
import { reportHtml } from '../../src/report/html.ts';
import { meets, parseConditions } from '../../src/report/page/conditions.ts';
import { merged } from '../../src/report/page/live.ts';
import { pageBundle } from '../../src/report/page-bundle.ts';
import { StudyFeed } from '../../src/report/study-feed.ts';
import { openSqliteStore } from '../../src/study/sqlite-store.ts';
import { jsonLines, SMALL_SEARCH, startTacet, tacet, temporaryFolder } from '../cli/tacet.ts';
import { Browser } from './browser.ts';
import { addTrials } from './studies.ts';

const folder = temporaryFolder();
const path = join(folder.path, 'pages.db');
let browser: Browser | string;

beforeAll(async () => {
  addTrials(path, 'many', 0, 1998);
  await pageBundle();
  browser = await Browser.start();
  if (typeof browser === 'string') console.log(`pages are not looked at in a browser: ${browser}`);
});
afterAll(async () => {
  if (typeof browser !== 'string') await browser[Symbol.asyncDispose]();
  folder.remove();
});

/** Leaves a test out where no browser runs. */
function inBrowser(context: { skip(reason: string): never }): Browser {
  if (typeof browser === 'string') return context.skip(browser);
  browser.errors.length = 0;
  browser.requests.length = 0;
  return browser;
}

const COUNTS = `Object.fromEntries([...document.querySelectorAll('[data-count]')].map((one) => [one.dataset.count, one.textContent]))`;

describe('a report', () => {
  it('of 2,000 trials is one file of less than 5 MB that names no address', async () => {
    using store = openSqliteStore(path);
    const html = reportHtml(await collectStudy(store, 'many'), await pageBundle());
    expect(Buffer.byteLength(html)).toBeLessThan(5e6);
    expect(html).not.toMatch(/(src|href)="(?!data:)/);
    writeFileSync(join(folder.path, 'report.html'), html);
  });

  it('shows what the store holds, asks nobody for anything, and is usable by keyboard', async (context) => {
    const page = inBrowser(context);
    await page.resize(1300, 900);
    await page.open(pathToFileURL(join(folder.path, 'report.html')).href);
    await page.until(`document.querySelector('canvas')`);
    using store = openSqliteStore(path);
    const { counts, best } = store.study('many');
    expect(await page.value(COUNTS)).toMatchObject({
      ended: '1998 / 2000',
      feasible: String(counts.complete),
      silent: String(counts.silent),
      failed: String(counts.failed),
      running: '2',
      best: String(Number(best?.outcome?.objective?.toPrecision(4))),
    });
    // The first stop of the keyboard leads past the header.
    await page.press('Tab');
    expect(await page.value('document.activeElement.className')).toBe('skip');
    // Each figure has a name and a text for those who don't see it.
    await page.until(
      `document.querySelector('#incumbent-over-trials [role=img]').ariaLabel.includes('best so far') || document.querySelector('#incumbent-over-trials [role=img]').ariaLabel.includes('The best is')`,
    );
    expect(page.errors).toEqual([]);
    expect(page.requests.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([]);
  });

  it('filters its table, and says what is wrong with a filter', async (context) => {
    const page = inBrowser(context);
    const type = (text: string) =>
      page.value(
        `(() => { const field = document.querySelector('input[type=search]'); field.value = ${JSON.stringify(text)}; field.dispatchEvent(new Event('input', { bubbles: true })); })()`,
      );
    using store = openSqliteStore(path);
    const expected = store.trials('many').filter(({ values }) => (values.map_size as number) > 1900).length;
    await type('map_size>1900');
    await page.until(`document.querySelector('#filter-note').textContent === '${expected} of 2000 trials'`);
    await type('map_sise>1900');
    await page.until(
      `document.querySelector('#filter-note').textContent.startsWith('there is no column map_sise')`,
    );
  });

  it.for([
    [375, 'light'],
    [375, 'dark'],
    [1300, 'dark'],
  ] as const)('fits a width of %i pixels, %s', async ([width, theme], context) => {
    const page = inBrowser(context);
    await page.resize(width, 800);
    await page.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: theme }],
    });
    await page.open(pathToFileURL(join(folder.path, 'report.html')).href);
    await page.until(`document.querySelector('canvas')`);
    expect(await page.value('document.documentElement.dataset.theme')).toBe(theme);
    expect(await page.value('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  });
});

describe('the dashboard', () => {
  it('follows a search that runs: what it shows equals what the store holds', async (context) => {
    const page = inBrowser(context);
    await page.resize(1300, 900);
    const search = startTacet([...SMALL_SEARCH, '--trials', '60', '--json'], folder.path);
    for (; !search.stdout().includes('"kind":"trial"'); ) await new Promise((wake) => setTimeout(wake, 50));
    const dashboard = startTacet(['dashboard', '--db', 'study.db', '--listen', '0', '--json'], folder.path);
    try {
      for (; !dashboard.stdout().includes('\n'); ) await new Promise((wake) => setTimeout(wake, 50));
      const [{ url } = {}] = jsonLines(dashboard.stdout());
      await page.open(String(url));
      await page.until(`document.querySelector('canvas')`);
      await page.until(`document.querySelector('[data-count=ended]').textContent === '60 / 60'`);
      expect((await search.finished).code).toBe(0);
      using store = openSqliteStore(join(folder.path, 'study.db'));
      const { counts, best } = store.study('mnist-stdp');
      expect(await page.value(COUNTS)).toMatchObject({
        feasible: String(counts.complete),
        silent: String(counts.silent),
        running: '0',
        best: String(Number(best?.outcome?.objective?.toPrecision(4))),
      });
      expect(page.errors).toEqual([]);
      expect(page.requests.filter((one) => !one.startsWith(String(url)) && !one.startsWith('data:'))).toEqual(
        [],
      );
      await page.open('about:blank');
    } finally {
      dashboard.child.kill('SIGINT');
    }
    expect((await dashboard.finished).code).toBe(0);
  });

  it('answers no page elsewhere whose name leads here', async () => {
    const dashboard = startTacet(['dashboard', '--db', 'pages.db', '--listen', '0', '--json'], folder.path);
    try {
      for (; !dashboard.stdout().includes('\n'); ) await new Promise((wake) => setTimeout(wake, 50));
      const [{ url } = {}] = jsonLines(dashboard.stdout());
      const status = (host: string) =>
        new Promise<string>((resolve) => {
          const curl = spawn(process.execPath, [
            '-e',
            `require('node:http').get(${JSON.stringify(url)}, { headers: { host: ${JSON.stringify(host)} } }, (r) => { console.log(r.statusCode); r.destroy(); })`,
          ]);
          curl.stdout.on('data', (data) => resolve(String(data).trim()));
        });
      expect(await status('localhost:80')).toBe('200');
      expect(await status('elsewhere.example')).toBe('403');
    } finally {
      dashboard.child.kill('SIGINT');
    }
    await dashboard.finished;
  });

  it('refuses a place where nobody can listen', async () => {
    const { code, stderr } = await tacet(
      ['dashboard', '--db', 'pages.db', '--listen', 'somewhere'],
      folder.path,
    );
    expect(code).toBe(2);
    expect(stderr).toContain('--listen somewhere is no place to listen at');
  });
});

describe('a feed', () => {
  it('brings a page to the same data as reading the study anew', async () => {
    addTrials(path, 'fed', 0, 20);
    using store = openSqliteStore(path);
    const feed = await StudyFeed.of(store, 'fed');
    expect(await feed.change()).toBeUndefined();
    // Two trials of before are running: they are not told again until they end.
    const { spec } = store.study('fed');
    store.openStudy({ ...spec, trials: 40 });
    const running = store.trials('fed').filter(({ state }) => state === 'running');
    const outcome = store.trials('fed')[0]?.outcome;
    if (outcome === undefined) throw new Error('the first trial has ended');
    store.finish('fed', [{ number: running[1]?.number as number, outcome }], null);
    store.begin('fed', [{ number: 22, values: {}, seed: 1, proposal: null, startedAt: 1 }], null);
    const change = await feed.change();
    expect(change?.trials.map(({ number }) => number)).toEqual([21, 22]);
    const data = merged(feed.first, change as never);
    expect(data.trials).toEqual(store.trials('fed'));
  });
});

describe('filters of the table', () => {
  const row = { trial: 3, decoder: 'vote', objective: null, norm: 120 };
  it.each([
    ['', true],
    ['norm>100', true],
    ['norm>=120 norm<=120 norm=120', true],
    ['norm<120', false],
    ['decoder=VOTE', true],
    ['decoder!=vote', false],
    ['objective>0', false],
    ['objective!=1', true],
    ['vot', true],
    ['all', false],
  ])('%s', (text, kept) => {
    const conditions = parseConditions(text, Object.keys(row));
    if ('problem' in conditions) throw new Error(conditions.problem);
    expect(meets(row, conditions)).toBe(kept);
  });

  it.each(['norm>', '>5', 'nrom=5'])('%s is not understood', (text) => {
    expect(parseConditions(text, Object.keys(row))).toHaveProperty('problem');
  });
});
