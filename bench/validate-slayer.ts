/**
 * Trains recorded SLAYER networks again and compares: `shared/data/lava-mnist-slayer.csv`, beside the project's folder.
 *
 *   node bench/validate-slayer.ts complete [--rows 374,1140] [--seeds 1] [--test 2000] [--out FILE.jsonl]
 *   node bench/validate-slayer.ts stopped  [--count 30]
 *   node bench/validate-slayer.ts initial  [--count 8]
 *   node bench/validate-slayer.ts summary  --out FILE.jsonl
 *
 * complete: rows that ran to their end. stopped: rows that fell silent; they are to fall silent here too. initial:
 * spikes of untrained networks against rows that were stopped after one batch, each as mean, standard deviation over
 * 12 networks, recorded value. Each run is appended to --out as a JSON
 * line, and a run that stands there is not done again; summary compares all lines of `complete` there.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadMnist } from '../src/data/mnist.ts';
import { NativeSlayer } from '../src/learning/slayer/native.ts';
import { initialParameters } from '../src/learning/slayer/network.ts';
import {
  type SlayerData,
  type SlayerTrainingParameters,
  testSlayer,
  trainSlayer,
} from '../src/learning/slayer/train.ts';
import { correlation, median, ranks } from './statistics.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '1188,1186,374,1140,1146,1300,1334,1208,1440,1456' },
    seeds: { type: 'string', default: '1' },
    test: { type: 'string', default: '2000' },
    count: { type: 'string', default: '' },
    threads: { type: 'string', default: '0' },
    out: { type: 'string' },
  },
});
const shared = fileURLToPath(new URL('../../shared/data/', import.meta.url));
if (!existsSync(shared)) throw new Error(`${shared} is not there: this bench compares with recorded runs`);

type Row = Record<string, string>;
const table = readFileSync(`${shared}lava-mnist-slayer.csv`, 'utf8').trim().split('\n');
const names = (table[0] as string).split(',');
const rows: Row[] = table.slice(1).map((line) => {
  return Object.fromEntries(line.split(',').map((cell, column) => [names[column], cell]));
});
const of = (row: Row, name: string) => Number(row[name]);
const NAMES =
  'train_size frames epochs batch_size rate_true rate_false c1_filters c2_filters c1_k c2_k learning_rate mu gamma tau_grad scale_grad threshold threshold_step current_decay voltage_decay threshold_decay refractory_decay dropout';
const parametersOf = (row: Row) => {
  return Object.fromEntries(
    NAMES.split(' ').map((name) => [name, of(row, name)]),
  ) as unknown as SlayerTrainingParameters;
};

const mnist = loadMnist('train');
const split = JSON.parse(readFileSync(`${shared}slayer-split.json`, 'utf8')) as {
  train: number[];
  test: number[];
};
const data: SlayerData = {
  images: mnist,
  labels: mnist.labels,
  train: split.train,
  test: split.test.slice(0, Number(options.test)),
};
const engine = new NativeSlayer(Number(options.threads));
const report = (line: object) => {
  console.log(JSON.stringify(line));
  if (options.out) appendFileSync(options.out, `${JSON.stringify(line)}\n`);
};

/** A line of `complete`. */
interface Run {
  readonly kind: string;
  readonly row: number;
  readonly seed: number;
  readonly test: number;
  readonly recordedTest: number;
  readonly stopped: boolean;
}

/** Those that stand in --out. */
function completed(): Run[] {
  if (!options.out || !existsSync(options.out)) return [];
  const lines = readFileSync(options.out, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Run).filter(({ kind }) => kind === 'complete');
}

async function complete(): Promise<void> {
  const done = new Set(completed().map(({ row, seed }) => `${row} ${seed}`));
  for (const number of options.rows.split(',')) {
    const row = rows.find((candidate) => candidate.row === number);
    if (!row) throw new Error(`row ${number} is not in the table`);
    for (const seed of options.seeds.split(',').map(Number)) {
      if (done.has(`${number} ${seed}`)) continue;
      const started = performance.now();
      let said = started;
      const found = await trainSlayer(engine, data, parametersOf(row), {
        seed,
        testEveryEpoch: false,
        onProgress: ({ epoch, done, of, accuracy }) => {
          if (performance.now() - said < 20_000) return;
          said = performance.now();
          console.error(
            `row ${number} seed ${seed}: epoch ${epoch}, ${done} of ${of}, ${accuracy.toFixed(3)}`,
          );
        },
      });
      const recorded = of(row, 'processed_images_train');
      report({
        kind: 'complete',
        row: Number(number),
        seed,
        test: found.test.at(-1)?.accuracy,
        recordedTest: of(row, 'test'),
        train: found.train.at(-1)?.accuracy,
        recordedTrain: of(row, 'train'),
        stopped: found.stopped,
        constraint: found.constraint,
        recordedConstraint: of(row, 'constraint_0'),
        trainSpikes: found.train.at(-1)?.spikes,
        recordedTrainSpikes: ['inpt', 'c1', 'c2', 'outpt'].map(
          (l) => of(row, `train_${l}_otspikes`) / recorded,
        ),
        processed: found.processed,
        seconds: (performance.now() - started) / 1000,
      });
    }
  }
}

/** Rows that were stopped, evenly over the table; only until the stop, without the test pass. */
async function stopped(): Promise<void> {
  const silent = rows.filter((row) => row.stopped === 'True');
  const count = Number(options.count || 30);
  let same = 0;
  for (let k = 0; k < count; k++) {
    const row = silent[Math.floor(((k + 0.5) * silent.length) / count)] as Row;
    const found = await trainSlayer(engine, { ...data, test: [data.test[0] as number] }, parametersOf(row), {
      seed: 1,
    });
    if (found.stopped) same++;
    report({
      kind: 'stopped',
      row: of(row, 'row'),
      stopped: found.stopped,
      processed: found.processed,
      recordedProcessed: of(row, 'processed_images_train'),
      constraint: found.constraint,
      recordedConstraint: of(row, 'constraint_0'),
    });
  }
  console.log(`${same} of ${count} stopped rows stop here too (${((100 * same) / count).toFixed(0)} %)`);
}

/** Rows of section 7.3: 12 untrained networks each, on 48 of the held-out images. */
async function initial(): Promise<void> {
  const wanted = [4, 36, 44, 84, 108, 110, 134, 142, 166, 176, 182, 202, 6, 122].slice(
    0,
    Number(options.count || 14),
  );
  const few = { ...data, test: split.test.slice(0, 48) };
  let close = 0;
  for (const number of wanted) {
    const row = rows.find((candidate) => of(candidate, 'row') === number) as Row;
    const parameters = parametersOf(row);
    const counts: number[][] = [];
    for (let seed = 1; seed <= 12; seed++) {
      const { spikes } = await testSlayer(engine, few, parameters, initialParameters(parameters, seed), {
        seed,
        pass: 0,
      });
      counts.push([...spikes]);
    }
    const layers = [
      ['input', 0, 'inpt'],
      ['c1', 1, 'c1'],
      ['c2', 3, 'c2'],
    ] as const;
    const line: Record<string, unknown> = { kind: 'initial', row: number };
    let furthest = 0;
    for (const [name, layer, column] of layers) {
      const of12 = counts.map((spikes) => spikes[layer] as number);
      const mean = of12.reduce((a, b) => a + b) / 12;
      const deviation = Math.sqrt(of12.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 11);
      const recorded = of(row, `test_${column}_otspikes`) / of(row, 'processed_images_test');
      line[name] = [mean, deviation, recorded].map((value) => Number(value.toPrecision(5)));
      // The input's draws are those of 48 images, not of all: test/learning/slayer holds it against all.
      if (layer > 0 && recorded > 0) furthest = Math.max(furthest, Math.abs(recorded - mean) / deviation);
    }
    if (furthest <= 2) close++;
    report({ ...line, furthest: Number(furthest.toFixed(2)) });
  }
  console.log(
    `${close} of ${wanted.length} rows within 2 standard deviations of 12 networks, both convolutions`,
  );
}

/** The rows compared by the mean over all seeds, and over those that ran to their end, as all rows of the record did. */
function summary(): void {
  const runs = completed();
  const numbers = [...new Set(runs.map(({ row }) => row))];
  const means = (runs: readonly Run[]) =>
    runs.length === 0 ? Number.NaN : runs.reduce((sum, { test }) => sum + test, 0) / runs.length;
  const pairs = numbers.map((number) => {
    const own = runs.filter(({ row }) => row === number).toSorted((a, b) => a.seed - b.seed);
    const ended = own.filter(({ stopped }) => !stopped);
    const recorded = (own[0] as Run).recordedTest;
    const each = own.map(({ test, stopped }) => `${test.toFixed(4)}${stopped ? ' (stopped)' : ''}`);
    console.log(`row ${number}: ${each.join(', ')} here, ${recorded.toFixed(4)} recorded`);
    return { all: means(own), ended: means(ended), recorded };
  });
  for (const [which, value] of [
    ['all seeds', ({ all }: (typeof pairs)[number]) => all],
    ['seeds that were not stopped', ({ ended }: (typeof pairs)[number]) => ended],
  ] as const) {
    const known = pairs.filter((pair) => Number.isFinite(value(pair)));
    const spearman = correlation(ranks(known.map(value)), ranks(known.map(({ recorded }) => recorded)));
    const difference = median(known.map((pair) => Math.abs(value(pair) - pair.recorded)));
    console.log(
      `${which}, ${known.length} rows: Spearman ${spearman.toFixed(3)}, median |difference| ${difference.toFixed(4)}`,
    );
  }
}

const modes = { complete, stopped, initial, summary };
const mode = modes[positionals[0] as keyof typeof modes];
if (!mode) throw new Error(`give one of ${Object.keys(modes).join(', ')}`);
await mode();
