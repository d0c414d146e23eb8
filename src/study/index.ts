/** The door of the study layer: recipes, running a study or given hyperparameters, and the store. */
export { type MnistStdpSettings, mnistStdpSettings, RECIPES, type Recipe, recipeOf } from './recipes.ts';
export {
  type EvaluationEntry,
  type RunEvent,
  type RunOptions,
  runEvaluation,
  runSearch,
  trialSeed,
} from './search.ts';
export { openSqliteStore } from './sqlite-store.ts';
export {
  type Store,
  StudyError,
  type StudyErrorCode,
  type StudySpec,
  type StudySummary,
  type TrialRecord,
} from './store.ts';
export type {
  ChunkReport,
  Hyperparameters,
  LayerSpikes,
  PhaseReport,
  TrialOutcome,
  TrialState,
} from './trial.ts';
