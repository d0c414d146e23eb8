/** Everything that passes between the main thread and a worker that owns a device. */
import type { Choice, DeviceInfo } from '../device/index.ts';
import type { Calibration } from './calibration.ts';
import type { StudyData } from './recipe.ts';
import type { Hyperparameters, JsonObject, TrialOutcome } from './trial.ts';

/** How a worker is set up, once. */
export interface WorkerSetup {
  readonly device: Choice;
  /** Threads of a native engine that shares the processor with another one. */
  readonly threads?: number;
  readonly recipe: string;
  readonly settings: JsonObject;
  /** The networks that come, or some between which all of them lie: there is to be room for the largest. */
  readonly networks: readonly Hyperparameters[];
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
  /** The data set, in memory that all workers share; sent once, at any time after the start. */
  | { readonly kind: 'data'; readonly data: StudyData }
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

/** A trial that ended. */
export interface EndedTrial {
  readonly number: number;
  readonly outcome: TrialOutcome;
}

export type FromWorker =
  /** The device is open; another worker may open its own now. */
  | { readonly kind: 'opened'; readonly device: DeviceInfo }
  /** The worker waits for trials. */
  | {
      readonly kind: 'ready';
      readonly slots: number;
      /** Where the number of slots comes from; see `Calibration.source`. */
      readonly slotsAre: 'given' | Calibration['source'];
      readonly setupSeconds: number;
    }
  /** Slots are free, or surely will be after the chunk under way, for this many more trials. */
  | { readonly kind: 'want'; readonly count: number }
  | {
      readonly kind: 'chunk';
      /** Samples run by all trials in this launch, and its time on the device and back, seconds. */
      readonly samples: number;
      readonly seconds: number;
      /** Trials in this launch. */
      readonly active: number;
      /** Trials that go on. */
      readonly running: readonly RunningTrial[];
    }
  /** All trials that ended in a chunk. */
  | { readonly kind: 'outcomes'; readonly ended: readonly EndedTrial[] }
  /** The worker can't go on; nothing comes after this. */
  | { readonly kind: 'failed'; readonly failure: WorkerFailure };

/** What an error says, in a form that passes between threads as it is. */
export interface WorkerFailure {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
}

export function failureOf(error: unknown): WorkerFailure {
  if (!(error instanceof Error)) return { name: 'Error', code: undefined, message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { name: error.name, code, message: error.message };
}
