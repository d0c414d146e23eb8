/** The slots of a training recipe on a worker's device. */
import type { Device } from '../../device/index.ts';
import { SurrogateTrainer } from '../../learning/surrogate/trainer.ts';
import type { WorkerSetup } from '../messages.ts';
import type { NoteCosts, OpenedSlots } from '../recipe.ts';
import { launchMsOf } from '../slots.ts';
import { StudyError } from '../store.ts';
import type { Hyperparameters } from '../trial.ts';
import { paramsOfTrial, type TrainingStudySettings } from './params.ts';
import type { TrainingData, TrainingRecipe } from './recipe.ts';
import { TrainingSlots } from './slots.ts';

/**
 * Activity that a slot may keep, bytes, unless its recipe says more: beyond, steps are cut into segments that are computed twice. Fixed for a slot, so
 * that a trial's sums have the same order with any number of slots.
 */
const SLOT_MEMORY = 2 ** 28;
/** A batch of one network keeps all threads of a processor busy; a second one fills the gaps between its launches. */
const PROCESSOR_SLOTS = 4;
const CARD_SLOTS = 32;

export async function openTrainingSlots(
  device: Device,
  setup: WorkerSetup,
  recipe: TrainingRecipe,
  settings: TrainingStudySettings,
  data: TrainingData,
  noteCosts?: NoteCosts,
): Promise<OpenedSlots> {
  const { trainer, slots } = await createStudyTrainer(device, setup, recipe, settings, data);
  const launchMs = launchMsOf(device.info);
  const plan = { recipe, settings, data, launchMs, ...(noteCosts ? { noteCosts } : {}) };
  return {
    slots,
    slotsAre: setup.slots === undefined ? 'only' : 'given',
    engine: new TrainingSlots(plan, trainer),
    [Symbol.dispose]: () => trainer[Symbol.dispose](),
  };
}

/** A trainer with room for all networks of a study, in as many slots as suit the device unless they are given. */
export async function createStudyTrainer(
  device: Device,
  setup: Pick<WorkerSetup, 'networks' | 'slots'>,
  recipe: TrainingRecipe,
  settings: TrainingStudySettings,
  data: TrainingData,
): Promise<{ readonly trainer: SurrogateTrainer; readonly slots: number }> {
  const known = runnable(recipe, settings, setup.networks);
  const networks = recipe.rooms?.(known) ?? known;
  const sources = networks.map((params) => recipe.view(data.train, params));
  const longest = sources.reduce((most, source) => (source.steps > most.steps ? source : most));
  const onProcessor = device.info.kind === 'native' || device.info.software;
  const slotMemory = Math.max(SLOT_MEMORY, recipe.slotMemory?.(networks[0] ?? {}) ?? 0);
  const memory = (device.info.memoryBytes ?? device.info.limits.maxBufferBytes) / 2;
  const fitting = Math.max(1, Math.floor(memory / slotMemory));
  const slots = setup.slots ?? Math.min(onProcessor ? PROCESSOR_SLOTS : CARD_SLOTS, fitting);
  const trainer = await SurrogateTrainer.create(device, {
    slots,
    batchSize: Math.max(...networks.map(({ batchSize }) => batchSize)),
    input: longest,
    networks: networks.map((params) => recipe.describe(params)),
    ownSamples: true,
    memoryBytes: slots * slotMemory,
  });
  return { trainer, slots };
}

/** Networks that can be made; where none can, the recipe's own, and the trials fail each with its reason. */
function runnable(
  recipe: TrainingRecipe,
  settings: TrainingStudySettings,
  networks: readonly Hyperparameters[],
): ReturnType<typeof paramsOfTrial>[] {
  const known = networks.flatMap((values) => {
    try {
      return [paramsOfTrial(recipe, settings, values)];
    } catch (error) {
      if (error instanceof StudyError) return [];
      throw error;
    }
  });
  return known.length > 0 ? known : [paramsOfTrial(recipe, settings, {})];
}
