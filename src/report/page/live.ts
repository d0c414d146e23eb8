/** The studies of a store, as the dashboard's server tells of them. */
import { useEffect, useState } from 'preact/hooks';
import type { TrialRecord } from '../../study/store.ts';
import type { StudyData } from '../figures/study-data.ts';
import type { StudyChange, StudyEntry } from '../live-messages.ts';

export interface Live {
  readonly studies: readonly StudyEntry[];
  readonly data: StudyData | undefined;
  readonly connected: boolean;
}

/** Follows the list of studies, and one of them. */
export function useLive(name: string | undefined): Live {
  const [studies, setStudies] = useState<readonly StudyEntry[]>([]);
  const [data, setData] = useState<StudyData>();
  const [connected, setConnected] = useState(false);
  useEffect(() => {
    const source = new EventSource(
      name === undefined ? 'events' : `events?study=${encodeURIComponent(name)}`,
    );
    // A connection that comes back begins with the whole study again.
    source.addEventListener('open', () => setConnected(true));
    source.addEventListener('error', () => setConnected(false));
    source.addEventListener('studies', ({ data: text }) => setStudies(JSON.parse(text) as StudyEntry[]));
    source.addEventListener('study', ({ data: text }) => setData(JSON.parse(text) as StudyData));
    source.addEventListener('change', ({ data: text }) => {
      const change = JSON.parse(text) as StudyChange;
      setData((before) => before && merged(before, change));
    });
    return () => source.close();
  }, [name]);
  return { studies, data, connected };
}

/** The data with the trials that are new or have ended. */
export function merged(before: StudyData, { trials, ...rest }: StudyChange): StudyData {
  const all: TrialRecord[] = before.trials.slice();
  // Numbers count from 0 without gaps, so a trial's number is its place.
  for (const trial of trials) all[trial.number] = trial;
  return { ...before, ...rest, trials: all };
}
