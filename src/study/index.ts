/** The door of the study layer: recipes, running a study or given hyperparameters, and the store. */
export {
  type CoordinationEvent,
  type CoordinationOptions,
  coordinate,
} from './cluster/coordinator.ts';
export { type ServiceEvent, type ServiceOptions, serveStudies } from './cluster/serve.ts';
export { copyStudy } from './copy-study.ts';
export { type DeviceLoad, occupancyOf, sampleRateOf } from './device-load.ts';
export { type EvaluationEntry, runEvaluation } from './evaluation.ts';
export { openStore } from './open-store.ts';
export { PATIENCE, type Patience } from './pool.ts';
export { openPostgres, type Postgres, type PostgresOptions } from './postgres.ts';
export { openPostgresStore, type PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
export type { Recipe } from './recipe.ts';
export { type MnistStdpSettings, mnistStdpSettings, RECIPES, recipeOf } from './recipes.ts';
export type { RunEvent, RunOptions, RunReport } from './run-events.ts';
export { runSearch } from './search.ts';
export { openSqliteStore } from './sqlite-store.ts';
export {
  type Claim,
  type LocalStore,
  type Store,
  type StudyContents,
  StudyError,
  type StudyErrorCode,
  type StudySpec,
  type StudySummary,
  type TrialRecord,
} from './store.ts';
export { trialSeed } from './study-trials.ts';
export type {
  ChunkReport,
  Hyperparameters,
  LayerSpikes,
  PhaseReport,
  TrialOutcome,
  TrialState,
} from './trial.ts';
