/** Where a search stands, kept up to date by its events; and how that reads on a terminal. Pure. */
import { type DeviceLoad, loadAfter, occupancyOf, sampleRateOf, startLoad } from '../study/device-load.ts';
import { compareTrials, isFeasible } from '../study/ranking.ts';
import type { RunEvent } from '../study/run-events.ts';
import type { StudySummary, TrialRecord } from '../study/store.ts';
import { formatCount, formatDuration, formatScore, formatShare, formatValue, plural } from './format.ts';

export interface SearchProgress {
  readonly study: string;
  /** How many trials the study should have. */
  readonly budget: number;
  readonly complete: number;
  readonly silent: number;
  readonly failed: number;
  readonly running: ReadonlySet<number>;
  readonly best: TrialRecord | undefined;
  /** In the order of the run's workers. */
  readonly devices: readonly DeviceLoad[];
  /** Times of this clock are ms; the rate and the time left count from when the first device was ready. */
  readonly readyAt: number | undefined;
  readonly now: number;
  /** Since then: samples run, summed over networks, and trials that ended. */
  readonly samples: number;
  readonly ended: number;
}

/** The progress of a search on these devices that is about to start, or to go on. */
export function startProgress(
  { spec, counts, best }: StudySummary,
  devices: readonly string[],
  now: number,
): SearchProgress {
  const { complete, silent, failed } = counts;
  const none = { devices: devices.map(startLoad), readyAt: undefined, samples: 0, ended: 0 };
  const trials = { complete, silent, failed, running: new Set<number>(), best };
  return { study: spec.name, budget: spec.trials, ...trials, ...none, now };
}

/** The progress after an event. `now` is a clock in ms that never goes back. */
export function progressAfter(progress: SearchProgress, event: RunEvent, now: number): SearchProgress {
  const devices = progress.devices.map((load, worker) => {
    return worker === event.worker ? loadAfter(load, event, now) : load;
  });
  const before = { ...progress, devices };
  switch (event.kind) {
    case 'ready':
      return { ...before, now, readyAt: before.readyAt ?? now };
    case 'down': {
      const again = new Set(event.again);
      return { ...before, now, running: new Set([...before.running].filter((number) => !again.has(number))) };
    }
    case 'begun': {
      const numbers = event.trials.map((trial) => trial.number);
      return { ...before, now, running: new Set([...before.running, ...numbers]) };
    }
    case 'chunk':
      return { ...before, now, samples: before.samples + event.samples };
    case 'outcome': {
      const { trial } = event;
      const running = new Set(before.running);
      running.delete(trial.number);
      const state = trial.outcome?.state ?? 'failed';
      const improves =
        isFeasible(trial) && (before.best === undefined || compareTrials(trial, before.best) < 0);
      const best = improves ? trial : before.best;
      return { ...before, now, running, best, ended: before.ended + 1, [state]: before[state] + 1 };
    }
  }
}

/** How many trials have ended, earlier runs included. */
export function endedTrials({ complete, silent, failed }: SearchProgress): number {
  return complete + silent + failed;
}

/** Samples x networks per second since the first device was ready; undefined before the first chunk. */
export function sampleRate(progress: SearchProgress): number | undefined {
  return sampleRateOf(progress, progress.now);
}

/** Seconds until the budget is used up if trials go on ending as they did; undefined before the first has. */
export function secondsLeft(progress: SearchProgress): number | undefined {
  const { ended, readyAt, now, budget } = progress;
  if (ended === 0 || readyAt === undefined) return undefined;
  return (Math.max(0, budget - endedTrials(progress)) * (now - readyAt)) / 1000 / ended;
}

/** Several lines for a terminal that can be written over. */
export function liveView(progress: SearchProgress, columns: number): string {
  const { study, budget, complete, silent, failed, running, devices, now } = progress;
  const ended = endedTrials(progress);
  const bar = progressBar(budget === 0 ? 1 : ended / budget, 30);
  const lines = [
    `${study}  ${bar}  ${ended}/${budget} trials`,
    `${complete} complete · ${silent} silent (${formatShare(silent, ended)}) · ${failed} failed · ${running.size} running`,
    `best: ${bestText(progress.best)}`,
    `${rateText(progress)} · ${leftText(progress)}`,
    ...devices.map((load) => loadText(load, now)),
  ];
  return lines.map((line) => cut(line, columns)).join('\n');
}

/** One line, for logs and pipes. */
export function progressLine(progress: SearchProgress): string {
  const { budget, complete, silent, failed, running } = progress;
  const ended = endedTrials(progress);
  const states = `${complete} complete, ${silent} silent (${formatShare(silent, ended)}), ${failed} failed, ${running.size} running`;
  const best = progress.best === undefined ? '' : `; best ${bestText(progress.best)}`;
  return `${ended}/${budget} trials: ${states}${best}; ${rateText(progress)}; ${leftText(progress)}`;
}

/** `NVIDIA L40S: 128 slots, 97 % occupied, 812,000 per second`. */
export function loadText(load: DeviceLoad, now: number): string {
  const { device, spec, slots, state, restarts } = load;
  const occupancy = occupancyOf(load, now);
  const rate = sampleRateOf(load, now);
  const parts = [
    ...(slots === 0 ? [] : [plural(slots, 'slot')]),
    ...(state === 'starting' ? ['starting'] : state === 'given-up' ? ['given up'] : []),
    ...(occupancy === undefined ? [] : [`${formatShare(occupancy, 1)} occupied`]),
    ...(rate === undefined ? [] : [`${formatCount(rate)} per second`]),
    ...(restarts === 0 ? [] : [plural(restarts, 'restart')]),
  ];
  return `${device?.name ?? spec}: ${parts.join(', ')}`;
}

/** What to say of a worker that is ready. */
export function readyText({ device, slots, slotsAre, setupSeconds }: Extract<RunEvent, { kind: 'ready' }>) {
  const how = {
    given: '',
    only: '',
    busy: ' (not measured: busy)',
    measured: ' (measured)',
    cached: ' (measured before)',
  }[slotsAre];
  return `${device.name}: ${plural(slots, 'slot')}${how}, ready after ${formatDuration(setupSeconds)}`;
}

/** What to say of a worker that went down. */
export function downText({ device, reason, replaced, again }: Extract<RunEvent, { kind: 'down' }>): string {
  const next = replaced ? 'another worker takes its place' : 'the device is given up';
  const trials = again.length === 0 ? '' : `; ${plural(again.length, 'trial')} put back, to be run again`;
  return `The worker on ${device} went down: ${reason}; ${next}${trials}.`;
}

function bestText(best: TrialRecord | undefined): string {
  if (best === undefined) return 'none yet';
  const choices = Object.entries(best.values).filter(
    ([, value]) => typeof value === 'string' || Number.isInteger(value),
  );
  const some = choices.slice(0, 3).map(([name, value]) => `${name} ${formatValue(value)}`);
  return [`${formatScore(best.outcome?.objective)} (trial ${best.number}`, ...some].join(', ').concat(')');
}

function rateText(progress: SearchProgress): string {
  const rate = sampleRate(progress);
  return rate === undefined ? 'no samples yet' : `${formatCount(rate)} samples x networks per second`;
}

function leftText(progress: SearchProgress): string {
  const seconds = secondsLeft(progress);
  return seconds === undefined ? 'time left not known yet' : `about ${formatDuration(seconds)} left`;
}

function progressBar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
}
