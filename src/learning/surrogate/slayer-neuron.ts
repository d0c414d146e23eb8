/** SLAYER's adaptive neuron in the constants of the system that the published searches used. */
import type { SpikingNeuron } from './description.ts';

/** Decays are the shares that are lost in a step. */
export interface SlayerConstants {
  readonly threshold: number;
  /** How far a spike raises the threshold. */
  readonly thresholdStep: number;
  readonly currentDecay: number;
  readonly voltageDecay: number;
  readonly thresholdDecay: number;
  readonly refractoryDecay: number;
  /** Width of the surrogate, in hundreds of thresholds. */
  readonly tauGrad: number;
  /** Size of the surrogate, in tenths. */
  readonly scaleGrad: number;
}

/**
 * With u the current, v the membrane potential, th the threshold, r the refractory state, a the decays, and x the input
 * (Shrestha and Orchard 2018; Firmin, Boulet and Talbi 2024):
 *
 *   u = (1 - a_u) u + x;  v = (1 - a_v) v + u;  th = (1 - a_th)(th - th0) + th0;  r = (1 - a_r) r
 *   a spike where v - r >= th; then r += 2 th, th += thresholdStep
 *   its surrogate: scale / (2 tau) exp(-|v - th - r| / tau), tau = 100 tauGrad th0, scale = scaleGrad / 10
 *
 * Gradients pass neither through th nor through r. In real numbers: the published system computes in integers of 1/4096
 * and rounds weights to 1/32.
 */
export function slayerNeuron(constants: SlayerConstants): SpikingNeuron {
  const { threshold, thresholdStep, currentDecay, voltageDecay, thresholdDecay, refractoryDecay } = constants;
  return {
    kind: 'lif',
    currentDecay: 1 - currentDecay,
    membraneDecay: 1 - voltageDecay,
    threshold,
    reset: 'none',
    // What a spike adds decays before the next step, here and in R.
    adaptation: thresholdStep * (1 - thresholdDecay),
    adaptationDecay: 1 - thresholdDecay,
    detachAdaptation: true,
    refractory: 2 * (1 - refractoryDecay),
    refractoryDecay: 1 - refractoryDecay,
    surrogate: {
      kind: 'exponential',
      slope: 1 / (100 * constants.tauGrad * threshold),
      scale: 0.1 * constants.scaleGrad,
    },
  };
}
