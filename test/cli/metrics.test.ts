/** What `--metrics` serves. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/errors.ts';
import { parseAddress } from '../../src/cli/listen.ts';
import { metricsText, serveMetrics } from '../../src/cli/metrics.ts';
import { progressAfter, type SearchProgress, startProgress } from '../../src/cli/search-progress.ts';
import type { RunEvent } from '../../src/study/run-events.ts';
import { DEVICE_INFO, summary, trial } from './records.ts';
import { jsonLines, SMALL_SEARCH, startTacet, temporaryFolder } from './tacet.ts';

const EVENTS: readonly (readonly [number, RunEvent])[] = [
  [1000, { kind: 'ready', worker: 1, device: DEVICE_INFO, slots: 4, slotsAre: 'given', setupSeconds: 1 }],
  [1000, { kind: 'begun', worker: 1, trials: [trial(0, 'running'), trial(1, 'running')] }],
  [2000, { kind: 'chunk', worker: 1, samples: 500, seconds: 1, active: 2, running: [] }],
  [2000, { kind: 'outcome', worker: 1, trial: trial(0, { objective: 0.75 }) }],
  [3000, { kind: 'down', worker: 1, device: 'x', reason: 'why', replaced: true, again: [1] }],
];
const PROGRESS = EVENTS.reduce(
  (progress, [now, event]) => progressAfter(progress, event, now),
  startProgress(summary([], 10), ['native', 'webgpu:"a\\b"'], 0),
);

/** The samples of a text in the format of Prometheus, by name and labels; throws where a line is none. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const typed = new Set<string>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.trimEnd().split('\n')) {
    const [, type] = /^# TYPE (\w+) (?:gauge|counter)$/.exec(line) ?? [];
    if (type) typed.add(type);
    if (line.startsWith('#')) continue;
    const [, key = '', name = '', value] = /^((\w+)\{(?:\w+="(?:[^"\\]|\\.)*",?)*\}) (\S+)$/.exec(line) ?? [];
    expect(typed, line).toContain(name);
    samples.set(key, Number(value));
  }
  return samples;
}

describe('metrics', () => {
  it('say where the search and each device stand', () => {
    const samples = parse(metricsText({ ...PROGRESS, now: 3000 }));
    const native = '{study="first",worker="0",device="native"}';
    const second = '{study="first",worker="1",device="a processor"}';
    expect(Object.fromEntries(samples)).toEqual({
      'tacet_trials{study="first",state="complete"}': 1,
      'tacet_trials{study="first",state="silent"}': 0,
      'tacet_trials{study="first",state="failed"}': 0,
      'tacet_trials{study="first",state="running"}': 0,
      'tacet_trials_budget{study="first"}': 10,
      'tacet_incumbent_objective{study="first"}': 0.75,
      'tacet_incumbent_trial{study="first"}': 0,
      [`tacet_device_samples_total${native}`]: 0,
      [`tacet_device_samples_total${second}`]: 500,
      [`tacet_device_samples_per_second${second}`]: 250,
      // Two of four slots, for one of two seconds.
      [`tacet_device_occupancy_ratio${second}`]: 0.25,
      [`tacet_device_slots${native}`]: 0,
      [`tacet_device_slots${second}`]: 4,
      [`tacet_worker_restarts_total${native}`]: 0,
      [`tacet_worker_restarts_total${second}`]: 1,
    });
  });

  it('escape what stands in a label', () => {
    const progress: SearchProgress = startProgress(summary([], 1), ['a "b" \\c'], 0);
    expect(metricsText(progress)).toContain('device="a \\"b\\" \\\\c"');
  });

  it.each([
    ['9464', { host: '127.0.0.1', port: 9464 }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['[::1]:0', { host: '::1', port: 0 }],
  ])('are served at %s', (text, address) => expect(parseAddress('--metrics', 9464)(text)).toEqual(address));

  it.each(['', 'here', '70000', 'localhost:', '1.5'])('are refused at "%s"', (text) => {
    expect(() => parseAddress('--metrics', 9464)(text)).toThrow(UsageError);
  });

  it('refuse a port that is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(serveMetrics({ host: '127.0.0.1', port }, () => PROGRESS)).rejects.toThrow(
      `--metrics: can't listen at 127.0.0.1:${port} (the port is taken): give another`,
    );
    await new Promise((resolve) => taken.close(resolve));
  });
});

describe('tacet search --metrics', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());

  it('serves them while it runs, and ends', async () => {
    const args = [...SMALL_SEARCH, '--trials', '400', '--name', 'measured', '--metrics', '0', '--json'];
    const run = startTacet(args, folder.path);
    while (!run.stdout().includes('"kind":"trial"')) await new Promise((resolve) => setTimeout(resolve, 5));
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(run.stderr()) ?? [];
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const samples = parse(await response.text());
    expect(samples.get('tacet_trials{study="measured",state="complete"}')).toBeGreaterThan(0);
    expect(samples.get('tacet_trials_budget{study="measured"}')).toBe(400);
    expect((await fetch(url.replace('/metrics', '/'))).status).toBe(404);
    run.child.kill('SIGINT');
    const { code, stdout } = await run.finished;
    expect(code).toBe(130);
    const end = jsonLines(stdout).at(-1) as {
      devices: { occupancy: number; slots: number; device: string }[];
    };
    expect(end).toMatchObject({ kind: 'end', finished: false, tailSeconds: 0, devices: [{ slots: 4 }] });
    expect(end.devices[0]?.occupancy).toBeGreaterThan(0);
    expect(end.devices[0]?.occupancy).toBeLessThanOrEqual(1);
  });
});
