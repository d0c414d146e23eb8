/** Slots with SLAYER's networks, which take turns on all threads of the native engine, a batch each. */
import type { SlayerEngine } from '../../learning/slayer/network.ts';
import type { TrialOrder } from '../messages.ts';
import type { LaunchResult, Seated, SlotEngine, SlotLaunch } from '../slots.ts';
import type { SlayerSettings, SlayerStudyData } from './mnist-slayer.ts';
import { SlayerTrial } from './trial.ts';

export class SlayerSlots implements SlotEngine<SlayerTrial> {
  readonly #engine: SlayerEngine;
  readonly #settings: SlayerSettings;
  readonly #data: SlayerStudyData;

  constructor(engine: SlayerEngine, settings: SlayerSettings, data: SlayerStudyData) {
    this.#engine = engine;
    this.#settings = settings;
    this.#data = data;
  }

  begin(_slot: number, order: TrialOrder): SlayerTrial {
    return new SlayerTrial(order, this.#engine, this.#settings, this.#data);
  }

  launch(active: readonly Seated<SlayerTrial>[]): SlotLaunch {
    // Where a network stops is known only when its batch is done.
    return { ends: active.map(() => false), done: this.#run(active) };
  }

  async #run(active: readonly Seated<SlayerTrial>[]): Promise<LaunchResult> {
    let samples = 0;
    for (const { trial } of active) samples += await trial.step();
    return { samples, reads: [] };
  }
}
