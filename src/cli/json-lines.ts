/** The objects that `--json` prints, one a line. */
import { type DeviceLoad, occupancyOf, sampleRateOf } from '../study/device-load.ts';
import type { RunEvent } from '../study/run-events.ts';
import type { StudySummary, TrialRecord } from '../study/store.ts';
import type { Hyperparameters, TrialOutcome } from '../study/trial.ts';
import { type SearchProgress, sampleRate, secondsLeft } from './search-progress.ts';

/** Where a search stands, every few seconds. */
export function statusJson(progress: SearchProgress): object {
  const { complete, silent, failed, running, budget, best, samples, devices, now } = progress;
  return {
    kind: 'status',
    counts: { complete, silent, failed, running: running.size },
    budget,
    silentShare: ratio(silent, complete + silent + failed),
    samples,
    samplesPerSecond: sampleRate(progress) ?? null,
    secondsLeft: secondsLeft(progress) ?? null,
    best: best === undefined ? null : { trial: best.number, objective: best.outcome?.objective },
    devices: devices.map((load) => deviceJson(load, now)),
  };
}

/** What a device has done so far. */
export function deviceJson(load: DeviceLoad, now: number): object {
  const { spec, device, slots, state, samples, restarts } = load;
  return {
    device: device?.name ?? spec,
    spec,
    state,
    slots,
    samples,
    samplesPerSecond: sampleRateOf(load, now) ?? null,
    occupancy: occupancyOf(load, now) ?? null,
    restarts,
  };
}

/** A worker that went down. */
export function downJson({ worker, device, reason, replaced, again }: Extract<RunEvent, { kind: 'down' }>) {
  return { kind: 'worker-down', worker, device, reason, replaced, again };
}

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
