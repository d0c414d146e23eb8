/** What is new in a study since a reader last looked: read from the store, which another process may be writing. */
import type { Store, StudySummary } from '../study/store.ts';
import { collectStudy, lengthScalesOf } from './collect.ts';
import type { StudyData } from './figures/study-data.ts';
import type { StudyChange, StudyEntry } from './live-messages.ts';

/** Follows one study. */
export class StudyFeed {
  readonly #store: Store;
  /** The whole study as it was when the feed began. */
  readonly first: StudyData;
  #next: { number: number; finishOrder: number };

  private constructor(store: Store, first: StudyData) {
    this.#store = store;
    this.first = first;
    this.#next = after({ number: 0, finishOrder: 0 }, first.trials);
  }

  /** @throws {StudyError} `unknown-study` */
  static async of(store: Store, name: string): Promise<StudyFeed> {
    return new StudyFeed(store, await collectStudy(store, name));
  }

  /** Trials that began or ended since the last call; undefined when there are none. */
  async change(): Promise<StudyChange | undefined> {
    const { spec, constraints } = this.first;
    const trials = await this.#store.trials(spec.name, { since: this.#next });
    if (trials.length === 0) return undefined;
    this.#next = after(this.#next, trials);
    const lengthScales = lengthScalesOf(await this.#store.optimizer(spec.name), constraints);
    return { lengthScales, trials, readAt: Date.now() };
  }
}

function after(
  next: { readonly number: number; readonly finishOrder: number },
  trials: StudyData['trials'],
): { number: number; finishOrder: number } {
  let { number, finishOrder } = next;
  for (const trial of trials) {
    number = Math.max(number, trial.number + 1);
    if (trial.finishOrder !== undefined) finishOrder = Math.max(finishOrder, trial.finishOrder + 1);
  }
  return { number, finishOrder };
}

/** A study in the list of studies. */
export function studyEntry({ spec, counts, best }: StudySummary): StudyEntry {
  return {
    name: spec.name,
    recipe: spec.recipe,
    trials: spec.trials,
    ended: counts.complete + counts.silent + counts.failed,
    best: best?.outcome?.objective ?? null,
  };
}
