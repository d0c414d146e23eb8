export { MAX_ASK } from './ask-tell.ts';
export { createOptimizer, restoreOptimizer } from './create.ts';
export * from './optimizer.ts';
export { type RandomSource, RandomStream, SEARCH_STREAMS } from './random.ts';
export {
  OPTIMIZERS,
  type OptimizerName,
  type Settings,
  type SettingsInput,
  settingsSchema,
} from './settings.ts';
export { SOBOL_MAX_DIMENSIONS, SobolSequence } from './sobol.ts';
export * from './space.ts';
