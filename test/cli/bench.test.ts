/** `tacet bench` and `tacet profile` as a user runs them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type BenchReport, parseReport } from '../../src/bench/report.ts';
import { overlaps, traceSchema } from '../profile/trace-format.ts';
import { DEVICE, jsonLines, tacet, temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const FAST = [
  'bench',
  'search',
  '--only',
  'sobol',
  '--repetitions',
  '3',
  '--warm-up',
  '1',
  '--device',
  DEVICE,
];

describe('tacet bench', () => {
  it('writes a report, prints it as JSON, and is not slower than itself', async () => {
    const first = await tacet([...FAST, '--json', '-o', 'first.json'], folder.path);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const report = parseReport(readFileSync(join(folder.path, 'first.json'), 'utf8'), 'first.json');
    expect(jsonLines(first.stdout)).toEqual([report]);
    expect(report.cases.map(({ name }) => name)).toEqual(['ask-tell:sobol']);
    expect(report.cases[0]?.msPerUnit.repetitions).toBe(3);
    expect(report.versions.node).toBe(process.versions.node);
  });

  it('exits with 1 when a case is slower than in the baseline, and with 0 when it is not', async () => {
    const slow = await tacet([...FAST, '--baseline', scaled('fast.json', 1e-3)], folder.path);
    expect(slow.code).toBe(1);
    expect(slow.stderr).toContain('tacet: slower than fast.json: ask-tell:sobol');
    expect(slow.stdout).toMatch(/ask-tell:sobol .* slower/);
    const fine = await tacet([...FAST, '--baseline', scaled('slow.json', 1e3)], folder.path);
    expect(fine.code).toBe(0);
    expect(fine.stdout).toMatch(/ask-tell:sobol .* faster/);
  });

  /** The first test's report with other times. */
  function scaled(name: string, factor: number): string {
    const report = JSON.parse(readFileSync(join(folder.path, 'first.json'), 'utf8')) as BenchReport;
    const cases = report.cases.map((one) => {
      const { median, low, high, deviation, repetitions } = one.msPerUnit;
      const [a, b, c, d] = [median, low, high, deviation].map((value) => value * factor);
      return { ...one, msPerUnit: { median: a, low: b, high: c, deviation: d, repetitions } };
    });
    writeFileSync(join(folder.path, name), JSON.stringify({ ...report, cases }));
    return name;
  }

  it.each([
    [
      ['bench', 'kernel'],
      /no suite "kernel": give some of kernels, networks, training, lyapunov, search, scaling, sizes/,
    ],
    [['bench', 'search', '--baseline', 'none.json'], /none\.json can't be read \(ENOENT\)/],
    [['bench', 'search', '--only', 'nothing', '--device', DEVICE], /--only nothing leaves no case/],
    [['bench', 'search', '-o', 'x.txt'], /--output x\.txt is no report: give a name that ends in \.json/],
    [['bench', 'search', '--threshold', 'much'], /Give a share/],
    [['bench', 'predict', '--gpu', 'h9'], /no card "h9": give some of h100/],
    [['bench', 'predict', 'kernels'], /predict stands alone/],
    [
      ['bench', 'predict', '--from', 'first.json'],
      /has no kernels with costs: make one with tacet bench kernels/,
    ],
    [['profile', 'networks/none', '--device', DEVICE], /"networks\/none" is no case: give one of "kernels\//],
    [['profile', 'nothing'], /there is no recipe "nothing"/],
  ])('refuses %j with a line and exit code 2', async (args, message) => {
    const { code, stderr, stdout } = await tacet(args, folder.path);
    expect(stderr.trim().split('\n').at(-1)).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('tacet profile', () => {
  it('writes figures, a trace that Perfetto reads, and a roofline, of a study', async () => {
    const settings = [
      'trainSamples=40',
      'holdOutSamples=20',
      'steps=50',
      'excitatoryAlpha=0',
      'inhibitoryAlpha=0',
    ];
    const sets = [...settings.map((set) => `settings.${set}`), 'space.map_size.high=60', 'space.epochs=1'];
    const { code, stdout, stderr } = await tacet(
      [
        ...[
          'profile',
          'mnist-stdp',
          '--device',
          DEVICE,
          '--trials',
          '4',
          '--slots',
          '2',
          '--no-overhead',
          '--json',
        ],
        ...sets.flatMap((set) => ['--set', set]),
      ],
      folder.path,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [profile] = jsonLines(stdout) as unknown as [ProfileDocument];
    expect(profile.schema).toBe('tacet-profile/1');
    const [device] = profile.devices;
    expect(device?.kernels.map(({ kernel }) => kernel).sort()).toEqual(['diehl_cook', 'uniform_weights']);
    expect(device?.kernels.every(({ ofRoof }) => ofRoof !== undefined && ofRoof > 0)).toBe(true);
    const { time } = device as ProfileDocument['devices'][number];
    const { kernels, hostGaps, roundTrips, betweenLaunches, unexplained, wall } = time;
    expect(kernels + hostGaps + roundTrips + betweenLaunches + unexplained).toBeCloseTo(wall, 6);
    const trace = traceSchema.parse(JSON.parse(readFileSync(join(folder.path, 'trace.json'), 'utf8')));
    expect(overlaps(trace.traceEvents)).toEqual([]);
    const names = new Set(trace.traceEvents.map(({ name }) => name));
    for (const name of ['diehl_cook', 'encode and submit', 'read', 'trial 3 is complete'])
      expect(names).toContain(name);
    expect(readFileSync(join(folder.path, 'roofline.svg'), 'utf8')).toMatch(
      /^<svg .*diehl_cook.*<\/svg>\n$/s,
    );
  });
});

describe('tacet profile of a training recipe', () => {
  it('has each kernel with its share of the roof, and with TACET_DEBUG=2 a line for each launch', async () => {
    const sets = ['settings.samplesPerClass=10', 'space.batchSize=16'];
    const { code, stdout, stderr } = await tacet(
      [
        ...[
          'profile',
          'randman',
          '--device',
          DEVICE,
          '--trials',
          '2',
          '--slots',
          '2',
          '--no-overhead',
          '--json',
        ],
        ...sets.flatMap((set) => ['--set', set]),
      ],
      folder.path,
      { TACET_DEBUG: '2' },
    );
    expect(code, stderr).toBe(0);
    const [profile] = jsonLines(stdout) as unknown as [ProfileDocument];
    const [device] = profile.devices;
    const shares = new Map(device?.kernels.map(({ kernel, ofRoof }) => [kernel, ofRoof]));
    for (const kernel of ['surrogate_forward', 'surrogate_backward', 'surrogate_weights', 'surrogate_update'])
      expect(shares.get(kernel), kernel).toBeGreaterThan(0);
    expect(stderr).toMatch(/worker 1: begins trials 0, 1/);
    expect(stderr).toMatch(/launch \d+ surrogate_forward: [\d x]+ workgroups, [\d.]+ MB bound, [\d.]+ ms/);
  });
});

interface ProfileDocument {
  readonly schema: string;
  readonly devices: readonly {
    readonly kernels: readonly { readonly kernel: string; readonly ofRoof?: number }[];
    readonly time: Readonly<
      Record<'wall' | 'kernels' | 'hostGaps' | 'roundTrips' | 'betweenLaunches' | 'unexplained', number>
    >;
  }[];
}

describe('TACET_DEBUG', () => {
  it('prints a line for each phase of a study, and with 2 one for each launch', async () => {
    const { SMALL_SEARCH } = await import('./tacet.ts');
    const { code, stderr } = await tacet([...SMALL_SEARCH, '--trials', '2', '--json'], folder.path, {
      TACET_DEBUG: '2',
    });
    expect(code).toBe(0);
    expect(stderr).toMatch(/worker 1: .* is ready with 4 slots/);
    expect(stderr).toMatch(/worker 1: begins trials 0, 1/);
    expect(stderr).toMatch(/worker 1: chunk of 2 networks, \d+ samples in/);
    expect(stderr).toMatch(/worker 1: trial [01] is (complete|silent)/);
    expect(stderr).toMatch(/launch \d+ diehl_cook: 2 x 1 x 1 workgroups, [\d.]+ MB bound, [\d.]+ ms/);
  });
});
