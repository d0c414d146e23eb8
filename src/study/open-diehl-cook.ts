/** The slots of `mnist-stdp` on a worker's device. */
import type { Device } from '../device/index.ts';
import { type BatchShape, DiehlCookBatch, type EventLists } from '../kernels/diehl-cook.ts';
import { traceTable } from '../network/models/diehl-cook.ts';
import { type Calibration, calibrateSlots } from './calibration.ts';
import { DiehlCookSlots } from './diehl-cook-slots.ts';
import type { EncodedData } from './encoded-data.ts';
import type { WorkerSetup } from './messages.ts';
import { largestOf, type OpenedSlots, type WrapRunner } from './recipe.ts';
import type { MnistStdpSettings } from './recipes.ts';
import { launchMsOf } from './slots.ts';
import type { Hyperparameters } from './trial.ts';

/** Samples of one item in one launch, at the most: room for its records. */
const MAX_CHUNK = 1024;
/** The kernel's largest network. */
const MOST_NEURONS = 2048;

/** The largest network that there is room for: of what makes no sense 1, so that its own trial fails. */
export function largestMap(networks: readonly Hyperparameters[]): number {
  return largestOf(
    networks.filter(({ map_size }) => typeof map_size === 'number' && map_size <= MOST_NEURONS),
    'map_size',
    1,
  );
}

export async function openDiehlCookSlots(
  device: Device,
  setup: WorkerSetup,
  settings: MnistStdpSettings,
  { encoded, data }: EncodedData,
  wrap: WrapRunner,
): Promise<OpenedSlots> {
  const maxNeurons = largestMap(setup.networks);
  const { slots, source } = await chooseSlots(device, setup, settings, maxNeurons, encoded);
  const shape: BatchShape = { slots, maxNeurons, maxItems: slots, maxRecords: slots * MAX_CHUNK };
  const batch = await DiehlCookBatch.create(device, shape, encoded, traceTable(settings.steps));
  const plan = { settings, data, maxChunk: MAX_CHUNK, launchMs: launchMsOf(device.info) };
  const { chunk } = setup;
  return {
    slots,
    slotsAre: source,
    engine: new DiehlCookSlots(chunk ? { ...plan, chunk } : plan, wrap(batch, device, encoded)),
    [Symbol.dispose]: () => batch[Symbol.dispose](),
  };
}

/** How many networks run side by side: as the user says, else what suits the device. */
async function chooseSlots(
  device: Device,
  { slots }: WorkerSetup,
  { steps, maxRateHz }: MnistStdpSettings,
  maxNeurons: number,
  { inputs, offsets, events }: EventLists,
): Promise<{ readonly slots: number; readonly source: Calibration['source'] | 'given' }> {
  if (slots !== undefined) return { slots, source: 'given' };
  const dataBytes = offsets.byteLength + events.byteLength;
  return await calibrateSlots(device, {
    maxNeurons,
    steps,
    inputs,
    maxRateHz,
    maxChunk: MAX_CHUNK,
    dataBytes,
  });
}
