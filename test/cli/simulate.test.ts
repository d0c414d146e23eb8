import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeError, exitCodeOf } from '../../src/cli/errors.ts';
import { createProgram } from '../../src/cli/main.ts';
import { readNetworkSource } from '../../src/cli/network-document.ts';
import { parseAssignment } from '../../src/cli/study-document.ts';
import { MODELS } from '../../src/network/models/catalog.ts';
import { DEVICE, jsonLines, tacet, temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENT = readFileSync(join(ROOT, 'docs/networks.md'), 'utf8');
const YAML = /```yaml\n([^`]+)```/.exec(DOCUMENT)?.[1] as string;
const SMALL = ['--set', 'excitatory=400', '--set', 'weightMv=1', '--duration', '100', '--device', DEVICE];

const FILES: Readonly<Record<string, string>> = {
  'two.yaml': YAML,
  'empty.yaml': '',
  'no-time.yaml': 'populations:\n  a: { model: lif, count: 3, tauMembraneMs: 20, thresholdMv: 1 }\n',
  'no-tau.yaml': 'dtMs: 0.1\npopulations:\n  a: { model: lif, count: 3, thresholdMv: 1 }\n',
  'bad-tau.yaml':
    'dtMs: 0.1\npopulations:\n  a:\n    model: lif\n    count: 3\n    thresholdMv: 1\n    tauMembraneMs: fast\n',
  'bad-model.yaml': 'dtMs: 0.1\npopulations:\n  a: { model: lift, count: 3 }\n',
  'no-model.yaml': 'dtMs: 0.1\npopulations:\n  a: { count: 3 }\n',
  'unknown-key.yaml': 'dtMs: 0.1\npopulations:\n  a: { model: poisson, count: 3, ratHz: 3, rateHz: 2 }\n',
  'bad-rule.yaml':
    'dtMs: 1\npopulations:\n  a: { model: lif, count: 3, tauMembraneMs: 20, thresholdMv: 1 }\nprojections:\n  - from: a\n    to: a\n    connect: { rule: small-word, degree: 2, rewire: 0 }\n    weight: 1\n',
  'bad-degree.yaml':
    'dtMs: 1\npopulations:\n  a: { model: lif, count: 3, tauMembraneMs: 20, thresholdMv: 1 }\nprojections:\n  - from: a\n    to: a\n    connect: { rule: small-world, degree: 3, rewire: 0 }\n    weight: 1\n',
  'bad-end.yaml':
    'dtMs: 1\npopulations:\n  a: { model: lif, count: 3, tauMembraneMs: 20, thresholdMv: 1 }\nprojections:\n  - { from: a, to: b, connect: { rule: dense }, weight: 1 }\n',
  'bad-distribution.yaml':
    'dtMs: 1\npopulations:\n  a: { model: lif, count: 3, tauMembraneMs: { distribution: gama, mean: 3 }, thresholdMv: 1 }\n',
  'wide.mtx': '%%MatrixMarket matrix coordinate real general\n2 3 1\n1 1 1\n',
  'broken.mtx': '%%MatrixMarket matrix coordinate real general\n3 3 1\n1 4 1\n',
  // Neurons 1 and 2 are driven by the input; 3 hears of both.
  'chain.mtx': '%%MatrixMarket matrix coordinate real general\n3 3 2\n1 3 25\n2 3 25\n',
};

beforeAll(() => {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder.path, name), text);
});

describe('tacet simulate', () => {
  it('shows a raster and figures, and writes a figure', async () => {
    const { code, stdout, stderr } = await tacet(
      ['simulate', 'brunel', ...SMALL, '-o', 'raster.svg'],
      folder.path,
    );
    expect(stderr).not.toMatch(/^tacet:/m);
    expect(code).toBe(0);
    // 500 neurons, each with 40 excitatory and 10 inhibitory inputs.
    expect(stdout).toMatch(
      /^brunel: 500 neurons, 25,000 synapses, time step 0\.1 ms, seed 0\n[\u2800-\u28ff]{72}\n/,
    );
    expect(stdout).toMatch(/│ excitatory │ +400 │ +\d+\.\d\d │/);
    expect(stdout).toMatch(/0\.1 s simulated in [\d.]+ s on /);
    const figure = readFileSync(join(folder.path, 'raster.svg'), 'utf8');
    expect(figure).toMatch(/^<svg .*\n<title>brunel, seed 0<\/title>/);
  });

  it('prints a line for each network, the same for the same seed', async () => {
    const args = ['simulate', 'brunel', ...SMALL, '--networks', '3', '--seed', '7', '--json'];
    const { code, stdout } = await tacet(args, folder.path);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines.map(({ kind }) => kind)).toEqual(['network', 'network', 'network', 'simulation']);
    expect(lines.slice(0, 3).map(({ seed }) => seed)).toEqual([7, 8, 9]);
    expect(lines[3]).toMatchObject({ networks: 3, durationMs: 100 });
    const alone = await tacet(['simulate', 'brunel', ...SMALL, '--seed', '8', '--json'], folder.path);
    expect(jsonLines(alone.stdout)[0]).toEqual(lines[1]);
    const [population] = lines[1]!.populations as { rateHz: number; neurons: number; spikes: number }[];
    expect(population?.neurons).toBe(400);
    expect(population?.spikes).toBeGreaterThan(100);
    expect(population?.rateHz).toBeCloseTo(population!.spikes / 400 / 0.1, 8);
  });

  it('counts nothing of the time that is discarded', async () => {
    const line = async (discard: string) => {
      const { stdout } = await tacet(
        ['simulate', 'brunel', ...SMALL, '--json', '--discard', discard],
        folder.path,
      );
      return jsonLines(stdout)[0]!.populations as { spikes: number; rateHz: number }[];
    };
    const [all, half] = [await line('0'), await line('50')];
    expect(half[0]!.spikes).toBeLessThan(all[0]!.spikes);
    expect(half[0]!.rateHz).toBeCloseTo(half[0]!.spikes / 400 / 0.05, 8);
  });

  it('runs the file of docs/networks.md', async () => {
    const args = ['simulate', 'two.yaml', '--duration', '200', '--json', '--device', DEVICE];
    const { code, stdout, stderr } = await tacet(args, folder.path);
    expect(stderr).not.toMatch(/^tacet:/m);
    expect(code).toBe(0);
    const [network] = jsonLines(stdout);
    expect(network).toMatchObject({ name: 'two-populations', neurons: 1100 });
    const populations = network!.populations as { name: string; rateHz: number; silentShare: number }[];
    const [excitatory, inhibitory, stimulus] = populations;
    // It is an example of a network that is alive and does not run away.
    for (const one of [excitatory, inhibitory]) {
      expect(one?.rateHz).toBeGreaterThan(1);
      expect(one?.rateHz).toBeLessThan(100);
    }
    // 100 sources of 20 Hz for 200 ms: 400 spikes, with a standard deviation of 20.
    expect(Math.abs(stimulus!.rateHz - 20)).toBeLessThan(4);
  });

  it('runs a matrix', async () => {
    const args = ['simulate', 'chain.mtx', '--set', 'neuron.restMv=[21, 0, 0]', '--set', 'input.rateHz=0'];
    const { code, stdout } = await tacet(
      [...args, '--duration', '300', '--json', '--device', DEVICE],
      folder.path,
    );
    expect(code).toBe(0);
    const [network] = jsonLines(stdout);
    expect(network).toMatchObject({ name: 'chain', neurons: 3, synapses: 2 });
    const [population] = network!.populations as { spikes: number; silentShare: number }[];
    // Neuron 1 rests above its threshold, and each of its spikes brings neuron 3 over its own; the last one's may be late.
    expect(population!.spikes).toBeGreaterThan(5);
    expect(population!.silentShare).toBeCloseTo(1 / 3, 10);
    expect(Math.round(population!.spikes / 2) * 2 - population!.spikes).toBeLessThanOrEqual(1);
  });

  it.each([
    ['simulate cbua', /there is no model "cbua": give cuba/],
    ['simulate none.yaml', /none\.yaml is not there/],
    ['simulate empty.yaml', /empty\.yaml is empty: give at least "populations/],
    ['simulate no-time.yaml', /dtMs is missing: give a number/],
    [
      'simulate no-tau.yaml',
      /no-tau\.yaml line 3: populations\.a\.tauMembraneMs is missing: give a number, a list/,
    ],
    [
      'simulate bad-tau.yaml',
      /bad-tau\.yaml line 7: populations\.a\.tauMembraneMs is "fast": give a number, a list/,
    ],
    ['simulate bad-model.yaml', /line 3: populations\.a\.model is "lift": give lif, poisson, spikes/],
    ['simulate no-model.yaml', /populations\.a\.model is missing: give text/],
    ['simulate unknown-key.yaml', /line 3: populations\.a\.ratHz is not known: use rateHz/],
    ['simulate bad-rule.yaml', /line 7: projections\.0\.connect\.rule is "small-word": give small-world/],
    ['simulate bad-degree.yaml', /bad-degree\.yaml: projection a to a: degree is 3: give an even number/],
    ['simulate bad-end.yaml', /bad-end\.yaml: there is no population "b": give one of a/],
    ['simulate bad-distribution.yaml', /population "a": tauMembraneMs: there is no distribution "gama"/],
    ['simulate wide.mtx', /wide\.mtx has 2 rows and 3 columns: give a square matrix/],
    ['simulate broken.mtx', /broken\.mtx line 3 has 4 for a column: give a whole number from 1 to 3/],
    ['simulate cuba --set neuron=5', /neuron is not known: use neurons/],
    ['simulate cuba --set neurons=many', /neurons is "many": give a number/],
    ['simulate cuba --set probability=2', /probability is 2: give 1 or less/],
    ['simulate brunel --set connectivity=0.99 --set excitatory=3', /degree is 3: give at most 2/],
    ['simulate cuba --duration soon', /--duration.*'soon'.*number of milliseconds/],
    ['simulate cuba --duration 0', /--discard 0 leaves nothing of --duration 0/],
    ['simulate cuba --discard 2000', /--discard 2000 leaves nothing of --duration 1000/],
    ['simulate cuba -o raster.pdf', /--output raster\.pdf .*ends in \.svg or \.png/],
    ['simulate cuba --networks 0', /--networks.*at least 1/],
  ])('refuses: tacet %s', async (args, message) => {
    // A word that names a file means the one in the folder.
    const words = args.split(' ').map((word) => (word in FILES ? join(folder.path, word) : word));
    const error = await createProgram()
      .parseAsync(['node', 'tacet', ...words])
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    const line = describeError(error);
    expect(line).toMatch(/^tacet: [^\n]+$/);
    expect(line).toMatch(message);
    expect(line).not.toMatch(/undefined|\[object|NaN/);
    expect(exitCodeOf(error)).toBe(2);
  });

  it.each([
    [
      'simulate bad-degree.yaml',
      /^tacet: bad-degree\.yaml: projection a to a: degree is 3: give an even number/,
    ],
    ['simulate hrsnn --device cuda', /^tacet: .*"cuda"/],
  ])('says so on one line and leaves with 2: tacet %s', async (args, message) => {
    const { code, stdout, stderr } = await tacet(args.split(' '), folder.path);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('sources of networks', () => {
  it.each(MODELS.map(({ name }) => name))('%s takes the seed, and its options', (name) => {
    const small = name === 'brunel' ? 'excitatory=240' : 'neurons=300';
    const source = readNetworkSource(name, [parseAssignment(small), parseAssignment('dtMs=0.2')]);
    const network = source.compile(5);
    expect(network).toMatchObject({ name, seed: 5, dtMs: 0.2, neurons: 300 });
    expect(network.synapses.words).not.toEqual(source.compile(6).synapses.words);
  });

  it("finds a file's matrix from where the file is", () => {
    mkdirSync(join(folder.path, 'deep'), { recursive: true });
    cpSync(join(folder.path, 'chain.mtx'), join(folder.path, 'deep', 'w.mtx'));
    const text =
      'dtMs: 1\nseed: 9\npopulations:\n  a: { model: lif, count: 3, tauMembraneMs: 20, thresholdMv: 1 }\n';
    const file = join(folder.path, 'deep', 'matrix.yaml');
    writeFileSync(
      file,
      `${text}projections:\n  - { from: a, to: a, connect: { rule: file, path: w.mtx } }\n`,
    );
    const source = readNetworkSource(file, []);
    expect(source.seed).toBe(9);
    expect([...source.compile(1).synapses.weights!]).toEqual([25, 25]);
  });

  it('says all that a file can say', () => {
    const file = join(folder.path, 'all.yaml');
    const stdp =
      '{ rule: stdp, potentiation: 0.1, depression: 0.1, tauPlusMs: 20, tauMinusMs: 20, maximum: 1 }';
    writeFileSync(
      file,
      `dtMs: 0.5
channels:
  d: { kind: delta }
  g: { kind: conductance, tauMs: 5, reversalMv: 0 }
populations:
  a:
    model: lif
    count: 4
    positions: { layout: grid, columns: 2, rows: 2 }
    tauMembraneMs: [10, 11, 12, 13]
    thresholdMv: 1
    reset: subtract
    adaptation: { incrementMv: 1, tauMs: 50 }
    channels: { g: { reversalMv: 10, initial: 1 } }
  s: { model: spikes, count: 2, neurons: [0, 1], timesMs: [1, 2] }
projections:
  - { from: a, to: a, connect: { rule: distance, kernel: gaussian, peak: 1, width: 100 }, weight: 0.5, channel: d, plasticity: ${stdp} }
  - { from: "s[0:1]", to: "a[2:]", connect: { rule: dense }, weight: 1, channel: g, name: drive }
`,
    );
    const network = readNetworkSource(file, []).compile(1);
    expect(network.synapses.rows).toEqual(Uint32Array.of(0, 3, 6, 9, 12, 14, 14));
    expect(network.synapses.plasticity?.[0]).toMatchObject({ firstClass: 0, classes: 1, maximum: 1 });
    expect(network.populations[0]).toMatchObject({ reset: 'subtract', initialChannels: [0, 1] });
  });
});

describe('the TypeScript', () => {
  /** Runs the first piece of TypeScript in a document, on the device under test. */
  async function run(name: string): Promise<string> {
    const text = readFileSync(join(ROOT, name), 'utf8');
    const code = /```ts\n([^`]+)```/.exec(text)![1]!;
    const file = join(folder.path, 'example.ts');
    writeFileSync(
      file,
      code.replace("'tacet'", `'${join(ROOT, 'src/index.ts')}'`).replace("'auto'", `'${DEVICE}'`),
    );
    const { stdout } = await promisify(execFile)(process.execPath, [file]);
    return stdout;
  }

  it('of docs/networks.md runs', async () => {
    const stdout = await run('docs/networks.md');
    const rates = [...stdout.matchAll(/^(\w+) ([\d.]+)$/gm)].map(
      ([, name, rate]) => [name, Number(rate)] as const,
    );
    expect(rates.map(([name]) => name)).toEqual(['network', 'cuba']);
    expect(Math.abs(rates[0]![1] - 5.6)).toBeLessThan(2);
  });

  it('of the README runs', async () => {
    // A thousand neurons for a second.
    const rate = Number(await run('README.md')) / 1000;
    expect(rate).toBeGreaterThan(1);
    expect(rate).toBeLessThan(50);
  });
});
