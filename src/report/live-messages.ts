/** What the dashboard's server sends: the form of its events. */
import type { TrialRecord } from '../study/store.ts';
import type { StudyData } from './figures/study-data.ts';

/** Event `studies`: the store's studies. */
export interface StudyEntry {
  readonly name: string;
  readonly recipe: string;
  readonly trials: number;
  readonly ended: number;
  readonly best: number | null;
}

/** Event `change`: trials that are new or have ended, and what else is different. Event `study` is all of `StudyData`. */
export interface StudyChange extends Pick<StudyData, 'lengthScales' | 'readAt'> {
  readonly trials: readonly TrialRecord[];
}
