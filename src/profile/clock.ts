/** Where the clock of a device stands against the host's. */
import type { LaunchRecord } from './recording.ts';

export interface ClockOffset {
  /** To be added to a time of the device, ms. */
  readonly offsetMs: number;
  /** How far off that may be, ms. */
  readonly uncertaintyMs: number;
}

/**
 * WebGPU has no clock that both sides share. But no launch begins before it is submitted, and none is known to be done
 * before it is: each launch bounds the offset from both sides, and the middle of what is left is taken.
 *
 * @returns undefined where no launch has times
 */
export function clockOffset(launches: readonly LaunchRecord[]): ClockOffset | undefined {
  let least = Number.NEGATIVE_INFINITY;
  let most = Number.POSITIVE_INFINITY;
  for (const { submittedMs, knownMs, startedMs, milliseconds } of launches) {
    if (startedMs === undefined || milliseconds === undefined) continue;
    least = Math.max(least, submittedMs - startedMs);
    most = Math.min(most, knownMs - (startedMs + milliseconds));
  }
  if (!Number.isFinite(least) || !Number.isFinite(most)) return undefined;
  return { offsetMs: (least + most) / 2, uncertaintyMs: Math.abs(most - least) / 2 };
}
