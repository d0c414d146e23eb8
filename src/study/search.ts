/** Running a study: the optimizer and the store on this thread, the trials in workers that own devices. */
import { recipeOf } from './recipes.ts';
import { run } from './run.ts';
import type { RunOptions, RunReport } from './run-events.ts';
import type { Store, StudySpec } from './store.ts';
import { extremesOf, studySpace } from './study-space.ts';
import { openStudyTrials } from './study-trials.ts';

/**
 * Runs a study until it has all its trials, or until it is stopped. An existing study is resumed: the trials that were
 * under way are run again from their start with their seeds, and the optimizer goes on from its recorded state.
 *
 * A worker that goes down is replaced, and its trials are run again: the results are those of an undisturbed run.
 *
 * @throws {StudyError} `conflict` when the store has another study of that name
 * @throws {DeviceError} when no device can be opened, or none is left
 * @example
 * using store = openSqliteStore('tacet.db');
 * const { finished, tailSeconds } = await runSearch(spec, store, { devices: 'native' });
 */
export async function runSearch(spec: StudySpec, store: Store, options: RunOptions): Promise<RunReport> {
  const recipe = recipeOf(spec.recipe);
  const settings = recipe.settings.parse(spec.settings);
  const space = studySpace(spec);
  await store.openStudy(spec);
  await using claim = await store.claim(spec.name);
  const trials = await openStudyTrials(spec, store, space, recipe.constraints.length);
  if (trials.left === 0) return { finished: true, tailSeconds: 0, devices: [], endedAt: performance.now() };
  const report = await run({ recipe: recipe.name, settings, networks: extremesOf(space) }, trials, options);
  claim.lost.throwIfAborted();
  return report;
}
