/**
 * The tasks on which pruned networks are compared: series to be predicted, by their equations or in files, and labelled
 * samples to be told apart.
 */
import { lorenz, mackeyGlass, rossler, type Series } from '../data/chaotic-series.ts';
import { cifar10Rows, readCifar10 } from '../data/cifar10.ts';
import { loadMnist } from '../data/mnist.ts';
import type { SpikeSamples } from '../data/samples.ts';
import { sequentialImages } from '../data/sequential-mnist.ts';
import { readSeries } from '../data/series-file.ts';
import { permutation } from '../data/split.ts';
import { readSpokenDigits, spokenDigits } from '../data/spoken-digits.ts';
import type { LabelledSpikes } from './classification.ts';
import { ensure } from './errors.ts';

/** How much of a task is used. */
export interface TaskSizes {
  /** Samples that a series must have. */
  readonly samples: number;
  /** Labelled samples to which readouts are fitted; 3 for each 5 of them are for the test. */
  readonly labelled: number;
}

export type TaskData =
  | { readonly kind: 'series'; readonly series: Series }
  | { readonly kind: 'classes'; readonly data: LabelledSpikes };

/** Data of a seed: where a series begins, or which samples there are. */
export type Task = (sizes: TaskSizes, seed: number) => TaskData;

const EQUATIONS: Readonly<Record<string, (samples: number, seed: number) => Series>> = {
  lorenz,
  rossler,
  'mackey-glass': mackeyGlass,
};

const SERIES_FILE = /^(.+?\.(?:csv|txt|tsv|dat|npy))(?::(.+))?$/i;

/** Tasks that need no file of the user's. */
export const TASKS: readonly string[] = [...Object.keys(EQUATIONS), 'sequential-mnist'];

/** What else may be given, for help and errors. */
export const TASKS_WITH_FILES =
  'a series in a file (.csv, .txt or .npy, a column after a colon), spoken-digits:PATH, cifar10:FOLDER';

/**
 * A task by its name, with its files read:
 *
 * - `lorenz`, `rossler`, `mackey-glass`; `weather.csv:wind`
 * - `sequential-mnist`: pixel by pixel, half a millisecond each, as spikes where the brightness crosses thresholds
 * - `spoken-digits:PATH`: the Free Spoken Digit Dataset through 64 channels of a cochlea, 600 ms; tested on index 0 to 4
 * - `cifar10:FOLDER`: CIFAR-10's binary files, row by row, 10 ms each, as rates
 *
 * @throws {PruningError} for a name that is none; what its loader throws for files that are missing or damaged
 */
export function openTask(name: string): Task {
  const make = EQUATIONS[name];
  if (make) return ({ samples }, seed) => ({ kind: 'series', series: make(samples, seed) });
  const [, path, column] = SERIES_FILE.exec(name) ?? [];
  if (path !== undefined) {
    const series = readSeries(path, column);
    return () => ({ kind: 'series', series });
  }
  if (name === 'sequential-mnist') return imageTask(name, openMnist(), 0.5);
  const [, kind, place] = /^(spoken-digits|cifar10):(.+)$/.exec(name) ?? [];
  if (kind === 'cifar10') return imageTask(name, openCifar10(place as string), 0.5);
  ensure(
    kind === 'spoken-digits',
    () => `there is no task "${name}": give one of ${TASKS.join(', ')}, or ${TASKS_WITH_FILES}`,
  );
  return spokenTask(name, place as string);
}

/** Two parts of which samples are drawn, and how samples of one become spikes. */
interface Images {
  readonly train: number;
  readonly test: number;
  encode(part: 'train' | 'test', indices: Uint32Array, seed: number): SpikeSamples;
}

function openMnist(): Images {
  const parts = { train: loadMnist('train'), test: loadMnist('test') };
  return {
    train: parts.train.labels.length,
    test: parts.test.labels.length,
    encode: (part, indices) => sequentialImages(parts[part], indices),
  };
}

function openCifar10(folder: string): Images {
  const parts = { train: readCifar10(folder, 'train'), test: readCifar10(folder, 'test') };
  return {
    train: parts.train.count,
    test: parts.test.count,
    encode: (part, indices, seed) => {
      return cifar10Rows(parts[part], indices, { stepsPerRow: 20, spikeProbability: 0.1, seed });
    },
  };
}

function imageTask(name: string, images: Images, stepMs: number): Task {
  return ({ labelled }, seed) => {
    const [train, test] = sizesOf(name, labelled, images.train, images.test);
    const pick = (count: number, of: number) => permutation(of, seed).subarray(0, count);
    const samples = joined(
      images.encode('train', pick(train, images.train), seed),
      images.encode('test', pick(test, images.test), seed),
    );
    return { kind: 'classes', data: { name, samples, train, stepMs } };
  };
}

function spokenTask(name: string, path: string): Task {
  const all = readSpokenDigits(path);
  const parts = [all.filter(({ index }) => index >= 5), all.filter(({ index }) => index < 5)] as const;
  return ({ labelled }, seed) => {
    const counts = sizesOf(name, labelled, parts[0].length, parts[1].length);
    const picked = parts.map((part, which) => {
      const order = permutation(part.length, seed).subarray(0, counts[which]);
      return Array.from(order, (place) => part[place] as (typeof part)[number]);
    });
    const { train, test } = spokenDigits(picked.flat(), { channels: 64, stepMs: 1, durationMs: 600 });
    return { kind: 'classes', data: { name, samples: joined(train, test), train: counts[0], stepMs: 1 } };
  };
}

function sizesOf(name: string, labelled: number, train: number, test: number): [number, number] {
  const wanted = Math.ceil(0.6 * labelled);
  ensure(
    labelled <= train && wanted <= test,
    () =>
      `"${name}" has ${train} samples to learn from and ${test} to test, not ${labelled} and ${wanted}: lower labelled`,
  );
  return [labelled, wanted];
}

/** Samples of two sets of one shape, one set after the other. */
function joined(a: SpikeSamples, b: SpikeSamples): SpikeSamples {
  const events = new Uint32Array(a.events.length + b.events.length);
  events.set(a.events);
  events.set(b.events, a.events.length);
  return {
    ...a,
    labels: Uint16Array.from([...a.labels, ...b.labels]),
    offsets: Uint32Array.from([...a.offsets, ...b.offsets.map((offset) => offset + a.events.length)]),
    events,
  };
}
