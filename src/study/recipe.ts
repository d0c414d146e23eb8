/** What a recipe is: a search space, a data set, and what runs a trial in a slot of a device. */
import type { MessagePort } from 'node:worker_threads';
import type { z } from 'zod';
import type { Device } from '../device/index.ts';
import type { KernelCost } from '../kernels/costs.ts';
import type { EventLists } from '../kernels/diehl-cook.ts';
import type { SpaceInput } from '../search/index.ts';
import type { Calibration } from './calibration.ts';
import type { SlotRunner } from './diehl-cook-slots.ts';
import type { WorkerSetup } from './messages.ts';
import type { Rerun } from './rerun.ts';
import type { SlotEngine, SlotTrial } from './slots.ts';
import type { Hyperparameters, JsonObject } from './trial.ts';

export interface Recipe {
  readonly name: string;
  readonly summary: string;
  readonly settings: z.ZodType<JsonObject>;
  readonly space: SpaceInput;
  /** Names of the constraints, in the order of a trial's. */
  readonly constraints: readonly string[];
  /** What changes when the search is to end within minutes, on software adapters alone or on anything faster. */
  quick(softwareOnly: boolean): { readonly settings: JsonObject; readonly trials: number };
  /**
   * Refuses settings whose data set is not there or not fit, before anything is stored. Settings are checked already,
   * here and below.
   *
   * @throws {DataError} or {StudyError} with what to do
   */
  checkData(settings: JsonObject): void;
  /** Of the data set's content: what machines that run one study must have in common. */
  checksum(settings: JsonObject): string;
  /** The data set, for all workers; once for a run, on the main thread. */
  load(settings: JsonObject): Promise<StudyData>;
  /** Makes slots on a worker's device. The data are what `load` gave. */
  openSlots(
    device: Device,
    setup: WorkerSetup,
    data: StudyData,
    wrap: WrapRunner,
    noteCosts?: NoteCosts,
  ): Promise<OpenedSlots>;
  /** Runs one trial again to look at its network; absent where there is nothing to look at. */
  rerun?: Rerun;
}

/** A profile's: is told what the launches of training had to do. */
export type NoteCosts = (costs: Readonly<Record<string, KernelCost>>) => void;

/** A data set as it goes to the workers: arrays in memory that all threads share. Its recipe knows what it is. */
export type StudyData = object;

export interface OpenedSlots extends Disposable {
  readonly slots: number;
  readonly slotsAre: 'given' | Calibration['source'];
  readonly engine: SlotEngine<SlotTrial>;
}

/** Slots of a recipe that knows how many suit a device; the user's number goes before. */
export function openedSlots(
  { slots }: Pick<WorkerSetup, 'slots'>,
  suitable: number,
  engine: SlotEngine<SlotTrial>,
): OpenedSlots {
  const count = slots ?? suitable;
  return {
    slots: count,
    slotsAre: slots === undefined ? 'only' : 'given',
    engine,
    [Symbol.dispose]: () => {},
  };
}

/** What tests and profiles put between the slots of `mnist-stdp` and the device. */
export type WrapRunner = (batch: SlotRunner, device: Device, encoded: EventLists) => SlotRunner;

/** The same with the worker's port. */
export type WrapWorker = (
  batch: SlotRunner,
  device: Device,
  port: MessagePort,
  encoded: EventLists,
) => SlotRunner;

/** The largest value of a hyperparameter among networks; `least` where none has a number there. */
export function largestOf(networks: readonly Hyperparameters[], name: string, least: number): number {
  return networks.reduce((most, values) => {
    const value = values[name];
    return typeof value === 'number' && value > most ? value : most;
  }, least);
}
