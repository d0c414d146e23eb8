/** Small networks whose exponents are known, or can be checked. */
import {
  current,
  delta,
  fixedInDegree,
  gamma,
  lif,
  Network,
  type NetworkValues,
  normal,
  uniform,
} from '../../src/network/index.ts';

export interface DeltaOptions {
  readonly neurons: number;
  readonly seed?: number;
  readonly degree?: number;
  /** Weight of every synapse, mV, with a threshold of 1 mV. */
  readonly weight?: NetworkValues;
  readonly tauMs?: NetworkValues;
  readonly biasMv?: NetworkValues;
  readonly refractoryMs?: number;
  readonly dtMs?: number;
}

/** LIF neurons with delta pulses and constant drive. */
export function deltaNetwork(options: DeltaOptions): Network {
  const { neurons, seed = 1, degree = 0, weight = -0.1, dtMs = 0.5 } = options;
  const network = new Network({ dtMs, seed, channels: { pulses: delta() } });
  const all = network.population(
    'neurons',
    neurons,
    lif({
      tauMembraneMs: options.tauMs ?? 10,
      thresholdMv: 1,
      biasMv: options.biasMv ?? uniform(1.2, 1.8),
      refractoryMs: options.refractoryMs ?? 0,
      initialMv: uniform(0, 1),
    }),
  );
  if (degree > 0) network.project(all, all, { connect: fixedInDegree(degree), weight });
  return network;
}

/** LIF neurons with exponential currents, gamma-distributed membranes and weights of either sign. */
export function currentNetwork(neurons: number, seed: number, refractoryMs = 0, deviation = 0.15): Network {
  const network = new Network({ dtMs: 0.5, seed, channels: { synaptic: current({ tauMs: 4 }) } });
  const all = network.population(
    'neurons',
    neurons,
    lif({
      tauMembraneMs: gamma({ shape: 8, mean: 12, low: 4 }),
      thresholdMv: 1,
      biasMv: uniform(1.2, 1.8),
      refractoryMs,
      initialMv: uniform(0, 1),
    }),
  );
  network.project(all, all, {
    connect: fixedInDegree(Math.min(6, neurons - 1)),
    weight: normal({ mean: -0.02, standardDeviation: deviation }),
  });
  return network;
}
