/** What a run of trials is told to do, what it says while it goes on, and what it says in the end. */
import type { Choice, DeviceInfo } from '../device/index.ts';
import type { OptimizerSummary } from '../search/index.ts';
import type { Calibration } from './calibration.ts';
import type { DeviceLoad } from './device-load.ts';
import type { RunningTrial } from './messages.ts';
import type { Patience } from './pool.ts';
import type { StartSession } from './session.ts';
import type { TrialRecord } from './store.ts';

/** What happens while a search or an evaluation runs. Workers count from 0, in the order of the devices. */
export type RunEvent =
  | {
      readonly kind: 'ready';
      readonly worker: number;
      readonly device: DeviceInfo;
      readonly slots: number;
      /** Where the number of slots comes from: the options, or the calibration; `only` when there was no choice. */
      readonly slotsAre: 'given' | Calibration['source'];
      readonly setupSeconds: number;
    }
  /** Trials were handed to a device. */
  | { readonly kind: 'begun'; readonly worker: number; readonly trials: readonly TrialRecord[] }
  | {
      readonly kind: 'chunk';
      readonly worker: number;
      /** Samples run by all trials in this launch, and its time on the device and back, seconds. */
      readonly samples: number;
      readonly seconds: number;
      /** Trials in this launch. */
      readonly active: number;
      /** Trials that go on. */
      readonly running: readonly RunningTrial[];
    }
  | {
      readonly kind: 'outcome';
      readonly worker: number;
      readonly trial: TrialRecord;
      readonly optimizer?: OptimizerSummary;
    }
  /** A worker went down: it threw, ended, lost its device, or said nothing for too long. */
  | {
      readonly kind: 'down';
      readonly worker: number;
      /** The device's name, or how it was asked for while it is not known. */
      readonly device: string;
      readonly reason: string;
      /** Whether another worker takes its place; else the device is given up. */
      readonly replaced: boolean;
      /** Trials that are run again from their start. */
      readonly again: readonly number[];
    };

export interface RunOptions {
  /**
   * The devices to run on: a list such as `all` or `native,webgpu:llvmpipe`, or what `expandDevices` made of one. Several
   * times `native` share the processor.
   */
  readonly devices: string | readonly Choice[];
  readonly slots?: number;
  readonly chunk?: number;
  /** Ends the run at the next chunk boundary; what was under way is run again on resuming. */
  readonly stop?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** How long workers may say nothing before they count as hung. */
  readonly patience?: Partial<Patience>;
  /** Starts a worker: threads of this process unless told otherwise. */
  readonly startSession?: StartSession;
}

/** What a run says in the end. */
export interface RunReport {
  /** Whether all trials have ended. */
  readonly finished: boolean;
  /** Time from the first slot that found no trial left to the end of the last trial, seconds. */
  readonly tailSeconds: number;
  /** Load of each device, in the order of the devices, and the clock at the end, ms. */
  readonly devices: readonly DeviceLoad[];
  readonly endedAt: number;
}
