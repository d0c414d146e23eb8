/** What a device has done in a run, kept up to date by the run's events. Pure. */
import type { DeviceInfo } from '../device/device.ts';
import type { RunEvent } from './run-events.ts';

export interface DeviceLoad {
  /** The device as it was asked for. */
  readonly spec: string;
  readonly device: DeviceInfo | undefined;
  readonly slots: number;
  /** When its first worker was ready, ms. */
  readonly readyAt: number | undefined;
  readonly state: 'starting' | 'serving' | 'given-up';
  /** Samples run, summed over networks. */
  readonly samples: number;
  /** Time in launches, summed over the trials in them, seconds. */
  readonly slotSeconds: number;
  readonly chunks: number;
  /** Workers that went down. */
  readonly restarts: number;
}

export function startLoad(spec: string): DeviceLoad {
  const nothing = { samples: 0, slotSeconds: 0, chunks: 0, restarts: 0, slots: 0 };
  return { spec, device: undefined, readyAt: undefined, state: 'starting', ...nothing };
}

/** The load of the event's worker after the event. `now` is a clock in ms that never goes back. */
export function loadAfter(before: DeviceLoad, event: RunEvent, now: number): DeviceLoad {
  switch (event.kind) {
    case 'ready': {
      const { device, slots } = event;
      return { ...before, device, slots, state: 'serving', readyAt: before.readyAt ?? now };
    }
    case 'chunk': {
      const slotSeconds = before.slotSeconds + event.active * event.seconds;
      return { ...before, samples: before.samples + event.samples, slotSeconds, chunks: before.chunks + 1 };
    }
    case 'down': {
      const state = event.replaced ? 'starting' : 'given-up';
      return { ...before, state, restarts: before.restarts + 1 };
    }
    default:
      return before;
  }
}

/** Share of its slots' time since it was ready in which a launch with a trial of theirs was under way. */
export function occupancyOf({ slots, readyAt, slotSeconds }: DeviceLoad, now: number): number | undefined {
  if (readyAt === undefined || now <= readyAt || slots === 0) return undefined;
  return Math.min(1, (1000 * slotSeconds) / (slots * (now - readyAt)));
}

/** Samples x networks per second since it was ready; undefined before the first chunk. */
export function sampleRateOf(
  { samples, readyAt }: Pick<DeviceLoad, 'samples' | 'readyAt'>,
  now: number,
): number | undefined {
  return readyAt === undefined || samples === 0 || now <= readyAt
    ? undefined
    : (1000 * samples) / (now - readyAt);
}
