/**
 * Brunel's sparsely connected network of excitatory and inhibitory neurons, "Dynamics of sparsely connected networks of
 * excitatory and inhibitory spiking neurons" (2000), model A: delta synapses, one delay, Poisson input.
 */
import { fixedInDegree, fixedProbability, type Rule } from '../connectivity/index.ts';
import { uniform } from '../distributions.ts';
import { Network } from '../network.ts';
import { lif } from '../neurons.ts';

export interface BrunelOptions {
  /** Inhibitory weights are -g times the excitatory ones. */
  readonly g?: number;
  /** Rate of the external input, in units of the rate that would just bring a neuron to its threshold. */
  readonly eta?: number;
  readonly seed?: number;
  readonly name?: string;
  /** ms; 0.1 by default. */
  readonly dtMs?: number;
  /** Excitatory neurons; a quarter as many are inhibitory. 10,000 by default. */
  readonly excitatory?: number;
  /** Share of the neurons that a neuron receives synapses from. */
  readonly connectivity?: number;
  /**
   * Whether each neuron has exactly as many synapses (`fixed`, as in the paper and the default), or each pair of neurons
   * is connected with the same probability (`random`). Then neurons differ much more in their rates, and the mean
   * rates of networks that differ in their seeds alone by 4 to 10 % (docs/networks.md).
   */
  readonly inDegree?: 'fixed' | 'random';
  /** Excitatory weight, mV. */
  readonly weightMv?: number;
  readonly delayMs?: number;
}

const TAU_MEMBRANE_MS = 20;
const THRESHOLD_MV = 20;
const RESET_MV = 10;
const REFRACTORY_MS = 2;

/**
 * States of the paper's figure 8: A (g 3, eta 2), synchronous and regular; B (6, 4) and D (4.5, 0.9), synchronous and
 * irregular; C (5, 2), asynchronous and irregular, the default.
 */
export function brunel(options: BrunelOptions = {}): Network {
  const { g = 5, eta = 2, seed = 0, name = 'brunel', dtMs = 0.1 } = options;
  const {
    excitatory = 10_000,
    connectivity = 0.1,
    inDegree = 'fixed',
    weightMv = 0.1,
    delayMs = 1.5,
  } = options;
  const network = new Network({ name, dtMs, seed });
  const neuron = lif({
    tauMembraneMs: TAU_MEMBRANE_MS,
    thresholdMv: THRESHOLD_MV,
    resetMv: RESET_MV,
    refractoryMs: REFRACTORY_MS,
    initialMv: uniform(RESET_MV, THRESHOLD_MV),
  });
  const inhibitory = Math.round(excitatory / 4);
  const e = network.population('excitatory', excitatory, neuron);
  const i = network.population('inhibitory', inhibitory, neuron);
  const inputs = Math.round(connectivity * excitatory);
  const connect = (degree: number): Rule =>
    inDegree === 'fixed' ? fixedInDegree(degree) : fixedProbability(connectivity);
  network.project(e, network.all(), { connect: connect(inputs), weight: weightMv, delayMs });
  const inhibitoryInputs = Math.round(connectivity * inhibitory);
  network.project(i, network.all(), { connect: connect(inhibitoryInputs), weight: -g * weightMv, delayMs });
  // Each neuron has as many external inputs as excitatory ones.
  const thresholdRateHz = (1000 * THRESHOLD_MV) / (weightMv * inputs * TAU_MEMBRANE_MS);
  for (const population of [e, i]) {
    network.poissonInput(population, { rateHz: eta * thresholdRateHz, inputs, weight: weightMv });
  }
  return network;
}
