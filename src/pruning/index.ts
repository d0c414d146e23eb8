/** The door of pruning: Lyapunov Noise Pruning of recurrent networks, its steps and its baselines. */

export { betweenness } from './betweenness.ts';
export {
  CLASSIFICATION_DEFAULTS,
  type ClassificationOptions,
  type ClassificationScore,
  classifySamples,
  encodeLabelled,
  type LabelledSpikes,
} from './classification.ts';
export { PruningError } from './errors.ts';
export type { NetworkActivity, Reading } from './features.ts';
export {
  encodeSeries,
  FORECAST_DEFAULTS,
  type ForecastOptions,
  type ForecastScore,
  forecast,
  samplesNeeded,
} from './forecast.ts';
export { graphOfNetwork, type NetworkGraph, type PrunedGraph, prunedNetwork } from './network-graph.ts';
export { pruneNetwork, type SpectrumChoice, spectrumOfNetwork } from './network-pruning.ts';
export type { NodeSpectrum } from './node-exponents.ts';
export { type PruningResult, type PruningRound, type PruningSubject, prune } from './pipeline.ts';
export {
  ABLATIONS,
  ALL_METHODS,
  CONTROLS,
  METHODS,
  type MethodName,
  methodSettings,
  type PruningInput,
  type PruningSettings,
  pruningSettings,
} from './settings.ts';
export type { SynapseGraph } from './synapse-graph.ts';
