/** The network on the native engine: `native/src/slayer`. */
import { DeviceError } from '../../device/device.ts';
import { loadAddon } from '../../device/native/addon.ts';
import type { SlayerEngine, SlayerImages, SlayerNetwork, SlayerResult } from './network.ts';

/** What the addon exports for this. */
interface SlayerAddon {
  readonly Slayer: new (
    threads: number,
  ) => {
    run(network: SlayerNetwork, images: SlayerImages): Promise<SlayerResult>;
  };
}

export class NativeSlayer implements SlayerEngine {
  readonly #handle: InstanceType<SlayerAddon['Slayer']>;

  /**
   * @param threads 0: one for each processor
   * @throws {DeviceError} `native-missing` where the engine is not built, or was before it had this
   */
  constructor(threads = 0) {
    const { Slayer } = loadAddon() as unknown as Partial<SlayerAddon>;
    if (!Slayer) {
      throw new DeviceError(
        'native-missing',
        'the native engine is out of date (no Slayer); to build it, run: npm run build:native',
      );
    }
    this.#handle = new Slayer(threads);
  }

  /** Results don't depend on the number of threads. */
  run(network: SlayerNetwork, images: SlayerImages): Promise<SlayerResult> {
    return this.#handle.run(network, images);
  }
}
