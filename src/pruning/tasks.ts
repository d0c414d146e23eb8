/** The tasks on which pruned networks are compared: series by their equations, or in files. */
import { lorenz, mackeyGlass, rossler, type Series } from '../data/chaotic-series.ts';
import { readSeries } from '../data/series-file.ts';
import { ensure } from './errors.ts';

const EQUATIONS: Readonly<Record<string, (samples: number, seed: number) => Series>> = {
  lorenz,
  rossler,
  'mackey-glass': mackeyGlass,
};

/** Names of the tasks that need no file. */
export const TASKS: readonly string[] = Object.keys(EQUATIONS);

/**
 * The series of a task: one of {@link TASKS}, or a file, with the column of a table after a colon: `weather.csv:wind`.
 *
 * @throws {PruningError} for a name that is none; {@link SeriesError} for a file that can't be read
 */
export function seriesOf(task: string, samples: number, seed: number): Series {
  const make = EQUATIONS[task];
  if (make) return make(samples, seed);
  const [, path, column] = /^(.+?\.(?:csv|txt|tsv|dat|npy))(?::(.+))?$/i.exec(task) ?? [];
  ensure(
    path !== undefined,
    () =>
      `there is no task "${task}": give one of ${TASKS.join(', ')}, or a file that ends in .csv, .txt or .npy`,
  );
  return readSeries(path, column);
}
