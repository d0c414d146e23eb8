/**
 * The door of the dynamics: Lyapunov spectra of networks, and of any map or flow.
 *
 * @example
 * const [spectrum] = await networkSpectra(device, [network], { route: 'saltation', exponents: 10, durationMs: 1000 });
 * spectrum?.exponents; // per second, with spectrum.standardErrors
 * spectrum?.participation; // [neuron][exponent]
 */
export { DynamicsError, type DynamicsErrorCode } from './errors.ts';
export { type NetworkSpectrumOptions, networkSpectra, withInputSeeds } from './network-spectra.ts';
export { lifRate, linearizeRates, type RateLinearization, type RateNeuron, rateGain } from './rate.ts';
export { largestExponentOfReplicas } from './saltation.ts';
export {
  kaplanYorkeDimension,
  type LyapunovSpectrum,
  type Route,
  type SpectrumSummary,
} from './spectrum.ts';
export type { TangentSurrogate } from './surrogate.ts';
export { type StartedSystem, systemSpectra } from './system-spectra.ts';
export {
  type FlowSystem,
  largestExponentByReplicas,
  type MapSystem,
  type System,
  type SystemOptions,
  systemSpectrum,
} from './systems.ts';
export type { SpectrumTimes } from './times.ts';
