/** The door of networks: building, simulating and reading them. */
export type { PropagationMethod } from '../kernels/recurrent-method.ts';
export type {
  CompiledNetwork,
  CompiledPopulation,
  LifPopulation,
  Parameter as NeuronParameter,
  SourcePopulation,
  Synapses,
} from '../kernels/recurrent-network.ts';
export { type MatrixEntries, readMatrix } from './connectivity/index.ts';
export * from './connectivity/rules.ts';
export {
  type Gamma,
  gamma,
  type LogNormal,
  logNormal,
  type Normal,
  normal,
  type Parts,
  parts,
  type Uniform,
  uniform,
  type Values as NetworkValues,
} from './distributions.ts';
export * from './encoders/spike-trains.ts';
export { NetworkError } from './errors.ts';
export { networkToNir } from './exchange/nir-export.ts';
export { readNir, writeNir } from './exchange/nir-file.ts';
export type { NirArray, NirGraph, NirNode } from './exchange/nir-graph.ts';
export { type NirImport, networkFromNir } from './exchange/nir-import.ts';
export { writeWeights } from './exchange/weights-file.ts';
export * from './models/brunel.ts';
export * from './models/hrsnn.ts';
export * from './models/vogels-abbott.ts';
export {
  Network,
  type NetworkOptions,
  Neurons,
  type PoissonInputOptions,
  type PopulationOptions,
  type ProjectionOptions,
} from './network.ts';
export * from './neurons.ts';
export { type Plasticity, stdp } from './plasticity.ts';
export { type Grid, grid, type Layout, type Sheet, sheet } from './positions.ts';
export * from './simulate.ts';
export {
  rateOverTime,
  type SpikeStatistics,
  type Spikes,
  selectSpikes,
  spikeStatistics,
} from './spikes.ts';
