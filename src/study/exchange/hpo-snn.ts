/**
 * Results of the recorded experiment (Firmin, Boulet, Talbi 2024): `all_evaluations.csv` of experiment 1, a row a trial,
 * as a study of the recipe `mnist-stdp`.
 */
import { SearchSpace, SpaceError } from '../../search/index.ts';
import { mnistStdpSettings, recipeOf } from '../recipes.ts';
import { StudyError } from '../store.ts';
import type { Hyperparameters, JsonObject, TrialOutcome } from '../trial.ts';
import type { ForeignStudy, ForeignTrial } from './foreign-study.ts';

/** The silence constraints in the table are n/N - 0.1. */
const BETA = 0.1;
const TRAIN_SAMPLES = 48_000;
const HOLD_OUT_SAMPLES = 12_000;
const DECODER_COLUMNS = {
  all: 'all_valid',
  vote: 'vote_valid',
  '2gram': '2gram_valid',
  '3gram': '3gram_valid',
};
const NEEDED = [
  'valid',
  'stopped',
  'processed_images',
  'constraint_0',
  'constraint_1',
  'decoder',
  'epochs',
  'map_size',
];

type Row = Readonly<Record<string, string>>;

/** Whether a CSV file's head is that of such a table. */
export function isHpoSnn(head: string): boolean {
  const columns = head.trim().split(',');
  return NEEDED.every((name) => columns.includes(name));
}

/**
 * Reads the table. Rows outside the recipe's search space, whose bounds are a little narrower than the record's, are left
 * out.
 *
 * @throws {StudyError} `bad-input`, naming the line and the column
 */
export function readHpoSnn(csv: string, name: string, place: string): ForeignStudy {
  const recipe = recipeOf('mnist-stdp');
  const space = SearchSpace.from(recipe.space);
  const settings = mnistStdpSettings.parse({
    trainSamples: TRAIN_SAMPLES,
    holdOutSamples: HOLD_OUT_SAMPLES,
    beta: BETA,
    evaluateSilent: true,
  });
  const [head = '', ...lines] = csv.trim().split(/\r?\n/);
  const columns = head.split(',');
  const outside: string[] = [];
  let clock = 0;
  const trials = lines.flatMap((line, index): ForeignTrial[] => {
    const where = `${place} line ${index + 2}`;
    const cells = line.split(',');
    const row: Row = Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? '']));
    const values = valuesOf(row, space, where);
    try {
      space.toUnit(values);
    } catch (error) {
      if (!(error instanceof SpaceError)) throw error;
      outside.push(`line ${index + 2}: ${error.message.split(':')[0]}`);
      return [];
    }
    const outcome = outcomeOf(row, where);
    // The table has no times of day: trials stand one after another.
    const startedAt = clock;
    clock += Math.round(1000 * outcome.seconds);
    return [{ values, outcome, startedAt, finishedAt: clock }];
  });
  const begun = Date.now() - clock;
  const spec = {
    name,
    recipe: recipe.name,
    space: JSON.parse(JSON.stringify(space)) as JsonObject,
    settings: JSON.parse(JSON.stringify(settings)) as JsonObject,
    optimizer: { name: 'scbo' },
    seed: 0,
    trials: trials.length,
  };
  const leftOut =
    outside.length === 0
      ? []
      : [
          `${outside.length} of ${lines.length} rows lie outside the recipe's search space; the first, ${outside[0]}`,
        ];
  return {
    spec,
    space,
    trials: trials.map((trial) => ({
      ...trial,
      startedAt: begun + trial.startedAt,
      finishedAt: begun + trial.finishedAt,
    })),
    leftOut,
  };
}

function valuesOf(row: Row, space: SearchSpace, where: string): Hyperparameters {
  return Object.fromEntries(
    Object.entries(space.spec).map(([name, { type }]) => {
      return [name, type === 'categorical' ? (row[name] ?? '') : number(row, name, where)];
    }),
  );
}

function outcomeOf(row: Row, where: string): TrialOutcome {
  const read = (name: string) => number(row, name, where);
  const optional = (name: string) => (row[name] === undefined || row[name] === '' ? 0 : read(name));
  const stopped = row.stopped?.toLowerCase() === 'true';
  const plain = [read('constraint_0'), read('constraint_1')];
  const processed = read('processed_images');
  // Those of the epoch in which it was stopped.
  const seen = stopped ? processed % TRAIN_SAMPLES : TRAIN_SAMPLES;
  const silentOf = (constraint: number) => Math.round((constraint + BETA) * TRAIN_SAMPLES);
  const graded = plain.map((constraint) => 1 - (seen - silentOf(constraint)) / TRAIN_SAMPLES - BETA);
  const layer = (name: string, spikes: number, silentSamples: number) => ({
    layer: name,
    spikes,
    silentSamples,
  });
  const accuracies = Object.entries(DECODER_COLUMNS).flatMap(([decoder, column]) =>
    row[column] ? [[decoder, read(column)] as const] : [],
  );
  return {
    state: stopped ? 'silent' : 'complete',
    objective: read('valid'),
    constraints: stopped ? graded : plain,
    plainConstraints: plain,
    ...(stopped ? { reason: `${(plain[0] as number) > 0 ? 'excitatory' : 'inhibitory'} layer silent` } : {}),
    accuracies: Object.fromEntries(accuracies),
    phases: [
      {
        phase: 'train',
        samples: processed,
        layers: [
          layer('excitatory', optional('train_outpt_otspikes'), silentOf(plain[0] as number)),
          layer('inhibitory', optional('train_inhib_otspikes'), silentOf(plain[1] as number)),
        ],
        inputSpikes: optional('train_itspikes'),
        seconds: optional('train_time'),
      },
      {
        phase: 'hold-out',
        samples: HOLD_OUT_SAMPLES,
        layers: [
          layer('excitatory', optional('test_outpt_otspikes'), 0),
          layer('inhibitory', optional('test_inhib_otspikes'), 0),
        ],
        inputSpikes: optional('test_itspikes'),
        seconds: optional('test_time'),
      },
    ],
    history: [],
    seconds: optional('train_time') + optional('test_time'),
    device: 'as recorded',
  };
}

function number(row: Row, column: string, where: string): number {
  const value = Number(row[column]);
  if (row[column] === undefined || row[column] === '' || !Number.isFinite(value)) {
    throw new StudyError(
      'bad-input',
      `${where}: ${column} is ${JSON.stringify(row[column] ?? '')}: give a number`,
    );
  }
  return value;
}
