/** The public API of Tacet: re-exports only. */
export * from './device/index.ts';
export * from './dynamics/index.ts';
export * from './learning/index.ts';
export * from './linalg/index.ts';
export * from './network/index.ts';
export * from './pruning/index.ts';
export * from './report/index.ts';
export * from './search/index.ts';
export * from './study/index.ts';
