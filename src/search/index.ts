export { AskTell, MAX_ASK, type Strategy } from './ask-tell.ts';
export { createOptimizer, restoreOptimizer } from './create.ts';
export type { Draft, History, Observation } from './history.ts';
export * from './optimizer.ts';
export { type RandomSource, RandomStream, SEARCH_STREAMS } from './random.ts';
export {
  OPTIMIZERS,
  type OptimizerName,
  parseSettings,
  type Settings,
  type SettingsInput,
  settingsSchema,
} from './settings.ts';
export { SOBOL_MAX_DIMENSIONS, SobolSequence } from './sobol.ts';
export * from './space.ts';
