/** The door of the dynamics: Lyapunov spectra of networks, and of any map or flow. */
export { DynamicsError, type DynamicsErrorCode } from './errors.ts';
export {
  kaplanYorkeDimension,
  type LyapunovSpectrum,
  type Route,
  type SpectrumSummary,
} from './spectrum.ts';
export {
  type FlowSystem,
  largestExponentByReplicas,
  type MapSystem,
  type System,
  type SystemOptions,
  systemSpectrum,
} from './systems.ts';
