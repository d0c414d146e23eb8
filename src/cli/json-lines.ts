/** The objects that `--json` prints, one a line. */
import type { StudySummary, TrialRecord } from '../study/store.ts';
import type { Hyperparameters, TrialOutcome } from '../study/trial.ts';

/** Writes one object as a line on stdout. JSON has no NaN: it comes out as null. */
export function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function studyJson(
  { spec, counts, best, createdAt }: StudySummary,
  store: string,
  kind: 'study' | 'end' = 'study',
): object {
  return {
    kind,
    ...spec,
    store,
    createdAt: new Date(createdAt).toISOString(),
    counts,
    best:
      best === undefined
        ? null
        : { trial: best.number, objective: best.outcome?.objective, values: best.values },
  };
}

export function trialJson({
  number,
  state,
  values,
  seed,
  startedAt,
  finishedAt,
  finishOrder,
  outcome,
}: TrialRecord): object {
  return {
    kind: 'trial',
    number,
    state,
    values,
    seed,
    startedAt: new Date(startedAt).toISOString(),
    ...(finishedAt === undefined ? {} : { finishedAt: new Date(finishedAt).toISOString(), finishOrder }),
    ...(outcome === undefined ? {} : outcomeJson(outcome)),
  };
}

/** An evaluated network. `outcome` is absent when the evaluation was interrupted before it ended. */
export function evaluationJson(
  entry: number,
  values: Hyperparameters,
  seed: number,
  outcome: TrialOutcome | undefined,
): object {
  const state = outcome?.state ?? 'unfinished';
  return {
    kind: 'evaluation',
    entry,
    state,
    values,
    seed,
    ...(outcome === undefined ? {} : outcomeJson(outcome)),
  };
}

function outcomeJson({ history, phases, ...outcome }: TrialOutcome): object {
  return {
    ...outcome,
    phases: phases.map((phase) => ({
      ...phase,
      inputSpikesPerSample: ratio(phase.inputSpikes, phase.samples),
      layers: phase.layers.map((layer) => ({
        ...layer,
        spikesPerSample: ratio(layer.spikes, phase.samples),
        silentShare: ratio(layer.silentSamples, phase.samples),
      })),
    })),
    history,
  };
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
