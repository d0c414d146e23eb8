/** Everything that passes between the main thread and the worker that owns a device. */
import type { DeviceInfo } from '../device/device.ts';
import type { MnistStdpSettings } from './recipes.ts';
import type { Hyperparameters, TrialOutcome } from './trial.ts';

/** How a worker is set up, once. */
export interface WorkerSetup {
  /** `auto | webgpu | webgpu:<name> | native` */
  readonly device: string;
  readonly settings: MnistStdpSettings;
  /** The largest network that may come. */
  readonly maxNeurons: number;
  /** Slots and samples an item in one launch; chosen by the worker when absent. */
  readonly slots?: number;
  readonly chunk?: number;
}

/** A trial to be run. */
export interface TrialOrder {
  readonly number: number;
  readonly values: Hyperparameters;
  readonly seed: number;
}

export type ToWorker =
  | { readonly kind: 'trials'; readonly trials: readonly TrialOrder[] }
  /** No more trials will come: finish those under way and end. */
  | { readonly kind: 'close' }
  /** Drop what is under way at the next chunk boundary and end. */
  | { readonly kind: 'abandon' };

/** Where a running trial stands. */
export interface RunningTrial {
  readonly number: number;
  readonly samplesLeft: number;
}

export type FromWorker =
  | {
      readonly kind: 'ready';
      readonly device: DeviceInfo;
      readonly slots: number;
      readonly setupSeconds: number;
    }
  /** Slots are free for this many more trials. */
  | { readonly kind: 'want'; readonly count: number }
  | {
      readonly kind: 'chunk';
      /** Samples run by all trials in this launch, and its time on the device and back, seconds. */
      readonly samples: number;
      readonly seconds: number;
      readonly running: readonly RunningTrial[];
    }
  | { readonly kind: 'outcome'; readonly number: number; readonly outcome: TrialOutcome };
