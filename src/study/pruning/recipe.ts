/**
 * `prune-compare`: methods of pruning side by side, as a study. A trial is a method at a density with a seed; its
 * objective is the mean error over the tasks, negated, and everything else that was measured stands among its figures.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { loadLinearAlgebra } from '../../linalg/index.ts';
import { Comparison, type ComparisonSpec, DENSE } from '../../pruning/comparison.ts';
import { ALL_METHODS, type PruningInput, pruningSettings } from '../../pruning/index.ts';
import { TASKS } from '../../pruning/tasks.ts';
import { openedSlots, type Recipe } from '../recipe.ts';
import { ComparisonSlots } from './slots.ts';

const count = z.int().min(1);

export const comparisonSettings = z.strictObject({
  /** Neurons of the dense networks. */
  size: z.int().min(10).max(100_000).default(1000),
  /** Share of the neurons that stay. */
  neurons: z.number().gt(0).max(1).default(0.5),
  /** As `openTask` takes them. */
  tasks: z.array(z.string().min(1)).min(1).default(['lorenz', 'rossler', 'mackey-glass']),
  /** Samples of a series, and labelled samples, to which readouts are fitted. */
  train: z.int().min(200).default(2000),
  labelled: z.int().min(10).default(500),
  /** What learns: readouts alone, or recurrent synapses by STDP before them. */
  training: z.enum(['readout', 'stdp']).default('readout'),
  /** How exponents are had, and how many. */
  route: z.enum(['rate', 'surrogate', 'saltation']).default('rate'),
  exponents: count.default(64),
  /** Settings of pruning, over those of all methods. */
  pruning: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .superRefine((given, context) => {
      for (const { message, path } of pruningSettings.safeParse(given).error?.issues ?? []) {
        context.addIssue({ code: 'custom', message, path: [...path] });
      }
    })
    .exactOptional(),
});

export type ComparisonSettings = z.output<typeof comparisonSettings>;

/** What a comparison is made of, by the settings of a study. */
export function comparisonOf(settings: ComparisonSettings): ComparisonSpec {
  const { route, exponents, pruning, ...rest } = settings;
  return { ...rest, spectrum: { route, exponents }, settings: (pruning ?? {}) as PruningInput };
}

/** Variants that run side by side: as many as fill a card, or keep a processor busy. */
const CARD_SLOTS = 8;
const PROCESSOR_SLOTS = 2;

/** Seeds that a study may go on to. */
export const MOST_SEEDS = 1_000_000;

export const pruneCompare: Recipe = {
  name: 'prune-compare',
  summary:
    'methods of pruning recurrent networks, by the error of what they leave; tacet prune compare shows it',
  settings: comparisonSettings,
  space: {
    method: { type: 'categorical', choices: [...DENSE, ...Object.keys(ALL_METHODS)] },
    density: { type: 'categorical', choices: [0.05, 0.1, 0.2, 0.4] },
    seed: { type: 'integer', low: 0, high: MOST_SEEDS - 1 },
  },
  constraints: [],
  quick: () => ({ settings: { size: 300, train: 1000 }, trials: 40 }),
  checkData: (settings) => {
    new Comparison(comparisonOf(comparisonSettings.parse(settings)));
  },
  checksum: (settings) => filesChecksum(comparisonSettings.parse(settings).tasks),
  // Workers read the files of tasks by themselves: a seed takes only some of the samples.
  load: async () => ({}),
  openSlots: async (device, setup) => {
    const comparison = new Comparison(comparisonOf(comparisonSettings.parse(setup.settings)));
    const onProcessor = device.info.kind === 'native' || device.info.software;
    const suitable = onProcessor ? PROCESSOR_SLOTS : CARD_SLOTS;
    return openedSlots(setup, suitable, new ComparisonSlots(comparison, device, loadLinearAlgebra()));
  },
};

/** Of the files that tasks read: what comes after the first colon, or the task's name where that is a file. */
function filesChecksum(tasks: readonly string[]): string {
  const hash = createHash('sha256');
  for (const task of tasks) {
    hash.update(`${task}\n`);
    if (TASKS.includes(task)) continue;
    const [kind, place] = task.split(/:(.*)/s) as [string, string | undefined];
    const path = /^(spoken-digits|cifar10)$/.test(kind) ? (place as string) : kind;
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .sort()
          .map((name) => join(path, name))
      : [path];
    for (const file of files) hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}
